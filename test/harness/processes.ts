/**
 * Programs that tests start, and temporary directories. Invariant: whatever was started here is
 * ended by its own pid, at the latest by stopAll(), and what it wrote under a temporary directory
 * goes with it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "./wait.ts";

export interface StartOptions {
  /** Added to the test's own environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Bytes for its standard input; otherwise it has none. */
  readonly stdin?: Uint8Array;
  /** Its standard input is a pipe that stays open until endInput(). */
  readonly keepStdinOpen?: boolean;
}

/** What is left of a program that ended. */
export interface Ended {
  /** 128 + signal number when a signal ended it, as a shell says it. */
  readonly code: number;
  /** The signal that ended it, as SIGTERM. */
  readonly signal: string | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** SIGTERM first; what still runs after this gets SIGKILL. */
const STOP_MS_MAX = 60_000;
const running = new Set<Program>();
const directories = new Set<string>();
const decoder = new TextDecoder();

/** A program that a test started, with everything it has written so far. */
export class Program {
  readonly command: readonly string[];
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #child: Bun.Subprocess<"ignore" | "pipe" | Uint8Array, "pipe", "pipe">;
  readonly #stdout: Uint8Array[] = [];
  readonly #stderr: Uint8Array[] = [];

  constructor(command: readonly string[], options: StartOptions) {
    this.command = command;
    this.#child = Bun.spawn([...command], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: environment(options.env),
      stdin: options.keepStdinOpen === true ? "pipe" : (options.stdin ?? "ignore"),
      stdout: "pipe",
      stderr: "pipe",
    });
    this.pid = this.#child.pid;
    this.ended = this.#collect();
    running.add(this);
  }

  stdout(): string {
    return decoder.decode(Buffer.concat(this.#stdout));
  }

  stderr(): string {
    return decoder.decode(Buffer.concat(this.#stderr));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Writes to the pipe of keepStdinOpen. */
  write(input: string): void {
    const stdin = this.#child.stdin;
    if (typeof stdin === "object") {
      stdin.write(input);
      stdin.flush();
    }
  }

  /** Closes the pipe of keepStdinOpen. */
  endInput(): void {
    const stdin = this.#child.stdin;
    if (typeof stdin === "object") {
      stdin.end();
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Asks it to end, insists after a minute, and waits until it has. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (!this.hasEnded) {
      this.#child.kill(signal);
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS_MAX);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }

  async #collect(): Promise<Ended> {
    await Promise.all([
      gather(this.#child.stdout, this.#stdout),
      gather(this.#child.stderr, this.#stderr),
      this.#child.exited,
    ]);
    running.delete(this);
    return {
      code: await this.#child.exited,
      signal: this.#child.signalCode === null ? undefined : String(this.#child.signalCode),
      stdout: Buffer.concat(this.#stdout),
      stderr: Buffer.concat(this.#stderr),
    };
  }
}

/** Starts a program whose stdout and stderr are collected. */
export function start(command: readonly string[], options: StartOptions = {}): Program {
  return new Program(command, options);
}

/** Runs a program to its end. */
export function run(command: readonly string[], options: StartOptions = {}): Promise<Ended> {
  return start(command, options).ended;
}

/** Runs a program that has to succeed and gives its stdout; throws with its stderr otherwise. */
export async function output(
  command: readonly string[],
  options: StartOptions = {},
): Promise<string> {
  const ended = await run(command, options);
  if (ended.code !== 0) {
    throw new Error(`${command.join(" ")}: exit code ${ended.code}: ${text(ended.stderr)}`);
  }
  return text(ended.stdout);
}

/** Waits until a pattern shows in what the program writes. */
export function waitForOutput(program: Program, pattern: RegExp): Promise<RegExpExecArray> {
  return waitFor(
    () => {
      const match = pattern.exec(program.stdout()) ?? pattern.exec(program.stderr());
      if (match === null && program.hasEnded) {
        throw new Error(`${program.command[0]} ended early: ${program.stderr()}`);
      }
      return match ?? undefined;
    },
    {
      what: `${pattern} of ${program.command[0]}`,
      withinMs: 120_000,
      seen: () => program.stderr(),
    },
  );
}

export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A new directory that stopAll() removes. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "olly-test-"));
  directories.add(directory);
  return directory;
}

/** Ends what still runs, newest first, and removes the temporary directories. */
export async function stopAll(): Promise<void> {
  for (const program of [...running].reverse()) {
    await program.stop();
  }
  for (const directory of directories) {
    rmSync(directory, { recursive: true, force: true });
  }
  directories.clear();
}

async function gather(stream: ReadableStream<Uint8Array>, into: Uint8Array[]): Promise<void> {
  for await (const chunk of stream) {
    into.push(chunk);
  }
}

function environment(changes: StartOptions["env"]): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, ...changes })) {
    if (value !== undefined) {
      merged[name] = value;
    }
  }
  return merged;
}
