/**
 * Runs a program in olly's place. Invariant: the caller sees the program's own exit code, or the
 * shell's code for its signal, and every signal meant for the program reaches it once.
 */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { isatty } from "node:tty";
import {
  type Child,
  type Ending,
  errnoOf,
  ownArguments,
  type SpawnFailure,
  spawn,
} from "../host/spawn.ts";
import { SetupError } from "../lib/setup-error.ts";

/** What shells answer (POSIX 2.8.2). */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNALLED = 128;

export interface ProgramOptions {
  /** Command and arguments as this process was given them: the end of its own arguments. */
  readonly command: readonly string[];
  readonly environment: readonly Uint8Array[];
  readonly descriptors: readonly number[];
  /** PATH, for a script without a first line that names its interpreter. */
  readonly path: string | undefined;
}

/**
 * Runs the program to its end, then `afterwards`, during which a signal does not end olly yet.
 * @returns the program's exit code. @throws ProgramError when it cannot be started.
 */
export async function runProgram(
  options: ProgramOptions,
  afterwards: () => Promise<void>,
): Promise<number> {
  const signals = new SignalPassing();
  let code: number;
  try {
    const child = start(options);
    signals.passTo(child.pid);
    code = exitCodeOf(await child.ended);
    signals.childEnded(code);
  } finally {
    await afterwards();
  }
  return code;
}

export function exitCodeOf(ending: Ending): number {
  return "signal" in ending ? SIGNALLED + ending.signal : ending.code;
}

/** The program could not be started: exit code 126 or 127. */
export class ProgramError extends SetupError {
  override readonly name = "ProgramError";
  readonly shellCode: number;

  constructor(message: string, shellCode: number) {
    super(message);
    this.shellCode = shellCode;
  }
}

function start(options: ProgramOptions): Child {
  const { command, environment, descriptors } = options;
  const args = exactBytes(command);
  const started = spawn({ args, environment, descriptors });
  if (!("errno" in started)) return started;
  const again = started.errno === errnoOf.ENOEXEC ? startScript(options, args) : started;
  if (!("errno" in again)) return again;
  throw programError(command[0] ?? "", again.errno);
}

/** As execvp(3) does: a script without a "#!" line is the shell's. */
function startScript(options: ProgramOptions, args: readonly Uint8Array[]): Child | SpawnFailure {
  const { command, environment, descriptors, path } = options;
  const name = command[0] ?? "";
  const script = name.includes("/") ? name : Bun.which(name, { PATH: path ?? "" });
  if (script === null) return { errno: errnoOf.ENOENT };
  const shell = [new TextEncoder().encode("/bin/sh"), new TextEncoder().encode(script)];
  return spawn({ args: [...shell, ...args.slice(1)], environment, descriptors });
}

function programError(name: string, errno: number): ProgramError {
  switch (errno) {
    case errnoOf.ENOENT:
    case errnoOf.ENOTDIR:
      return new ProgramError(`${name}: command not found`, NOT_FOUND);
    case errnoOf.EACCES:
      return new ProgramError(`${name}: not executable (permission denied)`, NOT_EXECUTABLE);
    case errnoOf.ENOEXEC:
      return new ProgramError(`${name}: not in a format that can be executed`, NOT_EXECUTABLE);
    case errnoOf.E2BIG:
      return new ProgramError(`${name}: the argument list is too long`, NOT_EXECUTABLE);
    default:
      return new ProgramError(`${name}: cannot be started (error ${errno})`, NOT_EXECUTABLE);
  }
}

/** Arguments need not be UTF-8; what JavaScript holds of such ones is not what was given. */
function exactBytes(command: readonly string[]): Uint8Array[] {
  const exact = ownArguments(command.length);
  const same = exact?.every(
    (bytes, index) =>
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) === command[index],
  );
  if (exact !== undefined && same === true) return exact;
  return command.map((argument) => new TextEncoder().encode(argument));
}

const passedSignals = [
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;
type PassedSignal = (typeof passedSignals)[number];

/** The terminal sends these to the whole foreground group, so the program has them already. */
const terminalSignals: readonly PassedSignal[] = ["SIGINT", "SIGQUIT", "SIGWINCH"];
/** Asked for so often while the rest is being sent, olly ends without sending it. */
const IMPATIENT_COUNT = 2;

/**
 * Passes signals to the child, for the life of this process. Those that olly was started to ignore
 * stay ignored, in the child too (nohup).
 */
class SignalPassing {
  #pid: number | undefined;
  #code: number | undefined;
  #afterEnd = 0;

  constructor() {
    const ignored = ignoredSignals();
    const terminal = isatty(0);
    for (const signal of passedSignals) {
      if ((ignored >> BigInt(constants.signals[signal] - 1)) & 1n) continue;
      const doubled = terminal && terminalSignals.includes(signal);
      process.on(signal, () => this.#received(signal, doubled));
    }
  }

  passTo(pid: number): void {
    this.#pid = pid;
  }

  /** What the terminal sent to both may come a moment after the child's end, so one is borne. */
  childEnded(code: number): void {
    this.#code = code;
  }

  #received(signal: PassedSignal, doubled: boolean): void {
    if (this.#code !== undefined) {
      const asksToEnd = signal === "SIGINT" || signal === "SIGTERM";
      if (asksToEnd && ++this.#afterEnd >= IMPATIENT_COUNT) process.exit(this.#code);
    } else if (this.#pid !== undefined && !doubled) send(this.#pid, signal);
  }
}

function send(pid: number, signal: PassedSignal): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended; its ending is told by wait.
  }
}

/** The SigIgn mask with which this process lives; a signal's bit is its number less one. */
function ignoredSignals(): bigint {
  try {
    const match = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
    return BigInt(`0x${match?.[1] ?? "0"}`);
  } catch {
    return 0n;
  }
}
