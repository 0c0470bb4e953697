/**
 * A scenario of several programs (a server and its clients) played without the library and with it,
 * under an agent that traces. Invariant: both plays have the same directory, the same ports and the
 * same environment but for the library's three variables, and all that is told of them is compared.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { losses, startAgent, type TestAgent } from "../harness/olly.ts";
import { waitForPort } from "../harness/ports.ts";
import {
  type Ended,
  type Program,
  run,
  type StartOptions,
  start,
  stopAll,
  temporaryDirectory,
  text,
} from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const START_MS_MAX = 300_000;
const SERVER_MS_MAX = 300_000;
const SCENARIO_MS_MAX = 900_000;
/** How often the agent is asked whom it traces. */
const LOOK_EVERY_MS = 200;
/** Losses that mean a bug of olly's, whatever the program did. */
const BUGS = ["library_internal", "ring_corrupt", "message_failed", "connection_failed"];

export interface AskOptions extends StartOptions {
  /** Takes out of the outputs what differs between two runs anyway. */
  readonly normalise?: (output: string) => string;
  /** Instead of 0. */
  readonly code?: number;
}

/** One of the two plays of a scenario. */
export interface Play {
  /** Empty at the beginning; everybody may enter it. */
  readonly directory: string;
  /** What a program needs to be hooked, or not to be. */
  readonly env: StartOptions["env"];
  /** Starts a program that goes on, as a server does. */
  start(command: readonly string[], options?: StartOptions): Program;
  /** Starts a server and waits until it accepts connections on all of the ports. */
  serve(
    command: readonly string[],
    ports: readonly number[],
    options?: StartOptions,
  ): Promise<Program>;
  /** Runs a program to its end and tells what it wrote and its exit code. */
  ask(name: string, command: readonly string[], options?: AskOptions): Promise<string>;
  /** Keeps something that has to be the same in both plays. */
  tell(name: string, value: unknown): void;
}

export type Scenario = (play: Play) => Promise<void>;

export interface TwiceOptions {
  /**
   * Names of executables of which the agent has to have received messages: of servers, and of
   * programs that print, since nothing but their records stays when they have ended.
   */
  readonly traced: readonly string[];
  readonly timeoutMs?: number;
}

let agent: TestAgent;

/** Brings up the agent for a file's scenarios, and looks for bugs at their end. */
export function compareUnderOneAgent(): void {
  beforeAll(async () => {
    agent = await startAgent();
  }, START_MS_MAX);
  afterAll(async () => {
    const drops = losses(await agent.status());
    await stopAll();
    expect(Object.keys(drops).filter((reason) => BUGS.includes(reason))).toEqual([]);
  }, START_MS_MAX);
}

/** Plays the scenario twice in a test of its own and expects that both tell the same. */
export function sameTwice(name: string, scenario: Scenario, options: TwiceOptions): void {
  test(
    name,
    async () => {
      const directory = temporaryDirectory();
      const bare = await play(directory, { LD_PRELOAD: undefined }, scenario);
      const seen = new Set<string>();
      const watching = watch(seen);
      const hooked = await play(directory, agent.environment, scenario).finally(watching.stop);
      expect(hooked).toEqual(bare);
      await expectTraced(options.traced, seen);
    },
    options.timeoutMs ?? SCENARIO_MS_MAX,
  );
}

type Told = Record<string, unknown>;

async function play(directory: string, env: StartOptions["env"], scenario: Scenario) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  const told: Told = {};
  const common = { LC_ALL: "C", TZ: "UTC", HOME: directory, ...env };
  const tell = (name: string, value: unknown) => {
    expect(Object.keys(told), "told twice").not.toContain(name);
    told[name] = value;
  };
  const withEnvironment = (options: StartOptions = {}) => ({
    cwd: directory,
    ...options,
    env: { ...common, ...options.env },
  });
  await scenario({
    directory,
    env: common,
    start: (command, options) => start(command, withEnvironment(options)),
    serve: async (command, ports, options) => {
      const server = start(command, withEnvironment(options));
      await untilListening(server, ports);
      return server;
    },
    ask: async (name, command, options = {}) => {
      const outcome = outcomeOf(await run(command, withEnvironment(options)), options);
      expect(outcome.code, `${name}: ${outcome.stdout}${outcome.stderr}`).toBe(options.code ?? 0);
      tell(name, outcome);
      return outcome.stdout;
    },
    tell,
  });
  await expectNobodyIn(directory);
  return told;
}

async function untilListening(server: Program, ports: readonly number[]): Promise<void> {
  const ended = server.ended.then((outcome) => {
    throw new Error(
      `${server.command.join(" ")} ended with ${outcome.code}: ${server.stdout()}${server.stderr()}`,
    );
  });
  ended.catch(() => undefined); // it may end in order later
  for (const port of ports) {
    await Promise.race([waitForPort(port, `${server.command[0]}`, SERVER_MS_MAX), ended]);
  }
}

function outcomeOf(ended: Ended, { normalise = (output) => output }: AskOptions) {
  return {
    code: ended.code,
    stdout: normalise(text(ended.stdout)),
    stderr: normalise(text(ended.stderr)),
  };
}

/** Tells a log's lines, sorted: workers write them in any order. */
export function tellLines(
  { directory, tell }: Play,
  file: string,
  normalise = (line: string) => line,
): void {
  const lines = readFileSync(join(directory, file), "utf8").split("\n");
  tell(`lines of ${file}`, lines.map(normalise).sort());
}

/** Servers write a request's line after its answer. */
export async function untilLogged({ directory }: Play, file: string, what: string): Promise<void> {
  await waitFor(() => readFileSync(join(directory, file), "utf8").includes(what), {
    what: `${what} in ${file}`,
  });
}

/** A clean end leaves no process that was started in the directory or names it. */
async function expectNobodyIn(directory: string): Promise<void> {
  let left: readonly string[] = [];
  await waitFor(
    () => {
      left = processesOf(directory);
      return left.length === 0;
    },
    { what: "the last process of the scenario to end", seen: () => left.join("; ") },
  );
}

function processesOf(directory: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) {
      return [];
    }
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      const told = [
        command,
        readlinkSync(`/proc/${pid}/cwd`),
        readFileSync(`/proc/${pid}/environ`, "latin1"),
      ];
      return told.some((one) => one.includes(directory)) ? [`${pid} ${command}`] : [];
    } catch {
      return []; // ended meanwhile, or somebody else's
    }
  });
}

/** Collects who has sent messages, also of those that end soon. */
function watch(seen: Set<string>): { readonly stop: () => Promise<void> } {
  let stopping = false;
  const look = async () => {
    while (!stopping) {
      await lookOnce(seen);
      await Bun.sleep(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  return {
    stop: async () => {
      stopping = true;
      await looking;
    },
  };
}

async function lookOnce(seen: Set<string>): Promise<void> {
  const unix = join(agent.directory, "status.sock");
  const answer = await fetch("http://olly/status", { unix });
  const { processes } = (await answer.json()) as {
    processes: { executable: string; messages: number }[];
  };
  for (const { executable, messages } of processes) {
    if (messages > 0) {
      seen.add(basename(executable));
    }
  }
}

async function expectTraced(executables: readonly string[], seen: Set<string>): Promise<void> {
  const missing = () => executables.filter((name) => !seen.has(name));
  await waitFor(
    () => {
      if (missing().length > 0) {
        addExported(seen);
      }
      return missing().length === 0;
    },
    { what: "messages of every program", seen: () => `${[...seen]} but not ${missing()}` },
  );
}

function addExported(seen: Set<string>): void {
  const exported = existsSync(agent.file) ? readFileSync(agent.file, "utf8") : "";
  const names = /"process\.executable\.name","value":\{"stringValue":"([^"]+)"/g;
  for (const [, name = ""] of exported.matchAll(names)) {
    seen.add(name);
  }
}
