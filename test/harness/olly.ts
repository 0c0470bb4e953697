/**
 * The built product as tests use it: only through its executable, its library, its environment
 * variables and what it writes. Invariant: nothing here imports the product's code.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type OtlpFile, readOtlpFile } from "./otlp-file.ts";
import {
  output,
  type Program,
  run,
  type StartOptions,
  start,
  temporaryDirectory,
  text,
} from "./processes.ts";
import { waitFor } from "./wait.ts";

const root = resolve(import.meta.dir, "../..");
/** OLLY_TEST_DIST names another directory with the same two files. */
const dist = process.env["OLLY_TEST_DIST"] ?? join(root, "dist");

export const demoApp = join(root, "deploy/demo-app");
export const ollyBinary = built("olly");
export const ollyLibrary = built("libolly.so");

function built(name: string): string {
  const path = join(dist, name);
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: run 'make all' first`);
  }
  return path;
}

/** The system's Python, for which Debian packages psycopg2; a shim of a version manager is none. */
export const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

/** `olly run --output FILE --`, to be put before a command. */
export function ollyRun(file: string, service?: string): string[] {
  const name = service === undefined ? [] : ["--service", service];
  return [ollyBinary, "run", ...name, "--output", file, "--"];
}

/** A file name in a directory of its own, for --output. */
export function outputFile(): string {
  return join(temporaryDirectory(), "telemetry.jsonl");
}

/** Runs a command under `olly run` to its end; gives its exit and everything exported. */
export async function observe(
  command: readonly string[],
  options: StartOptions = {},
): Promise<OtlpFile & { readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const file = outputFile();
  const ended = await run([...ollyRun(file), ...command], options);
  const [stdout, stderr] = [text(ended.stdout), text(ended.stderr)];
  return { ...readOtlpFile(file), code: ended.code, stdout, stderr };
}

/** What tests read of one process. */
export interface ProcessStatus {
  readonly pid: number;
  readonly messages: number;
  readonly drops: Readonly<Record<string, number>>;
}

/** What tests read of `olly status --json`. */
export interface AgentStatus {
  readonly active: boolean;
  readonly spans: number;
  readonly logs: number;
  /** Counts by reason, everything that was lost anywhere. */
  readonly drops: Readonly<Record<string, number>>;
  /** Messages received, by type. */
  readonly messages: Readonly<Record<string, number>>;
  readonly processes: readonly ProcessStatus[];
  /** Processes that the rules left alone, by rule. */
  readonly leftAlone: Readonly<Record<string, number>>;
}

export interface TestAgent {
  readonly program: Program;
  readonly directory: string;
  /** OTLP/JSON lines of everything exported. */
  readonly file: string;
  /** What a program needs to be hooked by this agent. */
  readonly environment: Readonly<Record<string, string>>;
  readonly configuration: string;
  /** `olly status --json` of this agent. */
  status(): Promise<AgentStatus>;
  trace(action: "start" | "stop" | "status"): Promise<{ code: number; stderr: string }>;
}

export interface AgentOptions {
  /** Lines added to the configuration file, at the indentation of `exporters:`' children. */
  readonly exporters?: string;
  /** A directory to start in again, with the same socket and control page. */
  readonly directory?: string;
  readonly file?: string;
  /** Dormant until `olly trace start`. */
  readonly onDemand?: boolean;
  /** How long to wait until it answers; default 60,000. */
  readonly withinMs?: number;
  /** Lines added below `hook:`, each indented by two spaces. */
  readonly hook?: string;
  /** Lines added below `tracing:`, the same. */
  readonly tracing?: string;
}

/** Reasons with a count above zero: what a test that loses nothing expects to be empty. */
export function losses(status: AgentStatus): Record<string, number> {
  return Object.fromEntries(Object.entries(status.drops).filter(([, count]) => count > 0));
}

const ANSWER_MS_MAX = 300_000;

/** Starts `olly agent` with a socket of its own and waits until it answers. */
export async function startAgent(options: AgentOptions = {}): Promise<TestAgent> {
  const directory = options.directory ?? join(temporaryDirectory(), "hook");
  mkdirSync(directory, { recursive: true });
  // Processes of other users (nginx workers) have to reach the socket.
  chmodSync(dirname(directory), 0o755);
  const socket = join(directory, "hook.sock");
  const file = options.file ?? join(directory, "telemetry.jsonl");
  const configuration = join(directory, "olly.yaml");
  const tracing = options.tracing === undefined ? "" : `tracing:\n${options.tracing}`;
  writeFileSync(
    configuration,
    `hook:\n  socket_path: ${socket}\n  on_demand: ${options.onDemand ?? false}\n${options.hook ?? ""}${tracing}exporters:\n  file:\n    path: ${file}\n` +
      (options.exporters ?? ""),
  );
  const program = start([ollyBinary, "agent", "--config", configuration]);
  const control = join(directory, "control");
  const environment = { LD_PRELOAD: ollyLibrary, OLLY_SOCKET: socket, OLLY_CONTROL: control };
  const ask = (command: readonly string[]) =>
    run([ollyBinary, ...command, "--socket-dir", directory]);
  const agent: TestAgent = {
    ...{ program, directory, file, environment, configuration },
    status: async () =>
      JSON.parse(await output([ollyBinary, "status", "--json", "--socket-dir", directory])),
    trace: async (action) => {
      const ended = await ask(["trace", action]);
      return { code: ended.code, stderr: new TextDecoder().decode(ended.stderr) };
    },
  };
  await waitFor(
    async () => {
      if (program.hasEnded) {
        throw new Error(`the agent ended early: ${program.stderr()}`);
      }
      return existsSync(control) && (await ask(["status"])).code === 0;
    },
    {
      what: "the agent to answer `olly status`",
      withinMs: options.withinMs ?? ANSWER_MS_MAX,
      seen: () => program.stderr(),
    },
  );
  return agent;
}
