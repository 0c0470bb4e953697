/**
 * Item 3 of the spine: the agent is killed in the middle of a load and started again, tracing is
 * switched off and on, and the programs do not notice. Invariant: the load's connections are those
 * from before the first kill to the end, so what is traced later is traced from the middle.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { KeepAliveClient } from "../harness/http-client.ts";
import { python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, milliseconds, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { type Program, start, stopAll, text, waitForOutput } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const CLIENTS = 4;
/** The promise. */
const AGAIN_MS_MAX = 1_000;
/** How long a switch may take until each thread has seen it. */
const SWITCH_MS_MAX = 50;
const PROGRAMS = join(import.meta.dir, "programs");

let agent: TestAgent;
let load: Load;
let service: Program;
let checker: Program;

beforeAll(async () => {
  agent = await startAgent();
  const port = await freePort();
  const command = [python, "-B", "-u", join(PROGRAMS, "threaded.py"), String(port), "none", "0"];
  service = start(command, { env: agent.environment });
  checker = startChecker(agent);
  await waitForOutput(checker, /ready/);
  await waitForPort(port, "the service");
  load = await Load.begin(port);
}, 60_000);

afterAll(async () => {
  load.end();
  await stopAll();
}, 60_000);

test("before the kill requests are traced", async () => {
  await tracedWithin(agent.file, nowMs());
}, 30_000);

test("kill -9 of the agent disturbs nobody", async () => {
  agent.program.signal("SIGKILL");
  await agent.program.ended;
  await load.further(500);
}, 30_000);

test("a new agent traces the old connections within a second", async () => {
  const directory = agent.directory;
  agent = await startAgent({ directory, file: join(directory, "second.jsonl") });
  const delayMs = await tracedWithin(agent.file, nowMs());
  expect(delayMs).toBeLessThanOrEqual(AGAIN_MS_MAX);
}, 30_000);

test("trace stop silences everything, trace start brings it back within a second", async () => {
  expect(await agent.trace("stop")).toEqual({ code: 0, stderr: "" });
  const stoppedMs = nowMs();
  await load.further(500);
  const beforeStartMs = nowMs();
  expect(await agent.trace("start")).toEqual({ code: 0, stderr: "" });
  const delayMs = await tracedWithin(agent.file, nowMs());
  expect(delayMs).toBeLessThanOrEqual(AGAIN_MS_MAX);
  const silent = servers(agent.file).filter((span) => {
    const start = startMs(span);
    return start > stoppedMs + SWITCH_MS_MAX && start < beforeStartMs;
  });
  expect(silent).toEqual([]);
}, 30_000);

test("with on_demand the switch survives a killed agent", async () => {
  expect((await agent.trace("stop")).code).toBe(0);
  agent.program.signal("SIGKILL");
  await agent.program.ended;
  const directory = agent.directory;
  agent = await startAgent({ directory, file: join(directory, "third.jsonl"), onDemand: true });
  expect((await agent.status()).active).toBe(false);
  expect((await agent.trace("start")).code).toBe(0);
  const delayMs = await tracedWithin(agent.file, nowMs());
  expect(delayMs).toBeLessThanOrEqual(AGAIN_MS_MAX);
}, 30_000);

test("no request failed, and no result or errno was another one", async () => {
  load.end();
  expect(await load.failures()).toEqual([]);
  expect(service.hasEnded).toBe(false);
  expect(service.stderr()).not.toContain("Traceback");
  checker.endInput();
  const { code, stderr } = await checker.ended;
  expect({ code, stderr: text(stderr) }).toEqual({ code: 0, stderr: "" });
  expect(checker.stdout()).toMatch(/connections [1-9]/);
}, 30_000);

/**
 * Each span is of one request, and says so, though capture began in the middle. A connection of
 * which too little was seen to know what it speaks, or that speaks nothing known, is told as such.
 */
test("spans from the middle of a connection are whole", () => {
  const spans = servers(agent.file).filter(({ name }) => name !== "TCP");
  const paths = spans.map((span) => String(span.attributes["url.path"]));
  expect(spans.length).toBeGreaterThan(0);
  expect(paths.filter((path) => !/^\/jobs\/\d+$/.test(path))).toEqual([]);
  expect(new Set(paths).size).toBe(paths.length);
  const statuses = spans.map((span) => span.attributes["http.response.status_code"]);
  expect(statuses.filter((status) => status !== 200 && status !== undefined)).toEqual([]);
});

/** Clients that ask on and on over connections that stay the same. */
class Load {
  readonly #clients: Promise<Error | undefined>[];
  #requests = 0;
  #ended = false;

  private constructor(connections: readonly KeepAliveClient[]) {
    this.#clients = connections.map((connection) => this.#ask(connection));
  }

  static async begin(port: number): Promise<Load> {
    const opening = Array.from({ length: CLIENTS }, () => KeepAliveClient.open(port));
    return new Load(await Promise.all(opening));
  }

  /** Waits until so many more requests were answered. */
  async further(count: number): Promise<void> {
    const goal = this.#requests + count;
    await waitFor(() => this.#requests >= goal, { what: `${count} more answers` });
  }

  end(): void {
    this.#ended = true;
  }

  async failures(): Promise<string[]> {
    const errors = await Promise.all(this.#clients);
    return errors.flatMap((error) => (error === undefined ? [] : [String(error)]));
  }

  async #ask(connection: KeepAliveClient): Promise<Error | undefined> {
    try {
      while (!this.#ended) {
        const { status, body } = await connection.get(`/jobs/${this.#requests++}`);
        if (status !== 200 || body !== "done\n") {
          return new Error(`an answer ${status} with ${body}`);
        }
      }
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      connection.close();
    }
  }
}

function startChecker(hookedBy: TestAgent): Program {
  const command = [python, "-B", "-u", join(PROGRAMS, "results.py")];
  return start(command, { env: hookedBy.environment, keepStdinOpen: true });
}

/** ms from `sinceMs` until the first request that was traced after it. */
async function tracedWithin(file: string, sinceMs: number): Promise<number> {
  const span = await waitFor(
    () =>
      servers(file)
        .map(startMs)
        .filter((start) => start >= sinceMs)
        .sort((one, other) => one - other)[0],
    { what: "a span of a request that came later" },
  );
  return span - sinceMs;
}

function servers(file: string): SpanRecord[] {
  return readOtlpFile(file).spans.filter((span) => span.kind === Kind.server);
}

function startMs(span: SpanRecord): number {
  return milliseconds(span.start);
}

function nowMs(): number {
  return Date.now();
}
