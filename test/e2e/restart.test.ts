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
}, 300_000);

afterAll(async () => {
  load.end();
  await stopAll();
}, 300_000);

test("before the kill requests are traced", async () => {
  await firstTraced(agent.file, nowMs());
}, 300_000);

test("kill -9 of the agent disturbs nobody", async () => {
  agent.program.signal("SIGKILL");
  await agent.program.ended;
  await load.further(500);
}, 300_000);

test("a new agent traces the old connections within a second", async () => {
  const directory = agent.directory;
  agent = await startAgent({ directory, file: join(directory, "second.jsonl") });
  expect(await missedUntilTraced(agent.file, nowMs())).toEqual([]);
}, 300_000);

test("trace stop silences everything, trace start brings it back within a second", async () => {
  expect(await agent.trace("stop")).toEqual({ code: 0, stderr: "" });
  const stoppedMs = nowMs();
  await load.further(500);
  const beforeStartMs = nowMs();
  expect(await agent.trace("start")).toEqual({ code: 0, stderr: "" });
  expect(await missedUntilTraced(agent.file, nowMs())).toEqual([]);
  const late = servers(agent.file).filter((span) => {
    const start = startMs(span);
    return start > stoppedMs && start < beforeStartMs;
  });
  // Each thread may have been in the call that brings its next request.
  expect(late.length).toBeLessThanOrEqual(CLIENTS);
}, 300_000);

test("with on_demand the switch survives a killed agent", async () => {
  expect((await agent.trace("stop")).code).toBe(0);
  agent.program.signal("SIGKILL");
  await agent.program.ended;
  const directory = agent.directory;
  agent = await startAgent({ directory, file: join(directory, "third.jsonl"), onDemand: true });
  expect((await agent.status()).active).toBe(false);
  expect((await agent.trace("start")).code).toBe(0);
  expect(await missedUntilTraced(agent.file, nowMs())).toEqual([]);
}, 300_000);

test("no request failed, and no result or errno was another one", async () => {
  load.end();
  expect(await load.failures()).toEqual([]);
  expect(service.hasEnded).toBe(false);
  expect(service.stderr()).not.toContain("Traceback");
  checker.endInput();
  const { code, stderr } = await checker.ended;
  expect({ code, stderr: text(stderr) }).toEqual({ code: 0, stderr: "" });
  expect(checker.stdout()).toMatch(/connections [1-9]/);
}, 300_000);

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

interface Answered {
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** Clients that ask on and on over connections that stay the same. */
class Load {
  readonly answered: Answered[] = [];
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
        const askedMs = nowMs();
        const { status, body } = await connection.get(`/jobs/${this.#requests++}`);
        this.answered.push({ askedMs, answeredMs: nowMs() });
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

/**
 * Requests that ought to have been traced: asked a second after `sinceMs` or later, and answered
 * before the first that was. A machine on which nobody runs for a second has none.
 */
async function missedUntilTraced(file: string, sinceMs: number): Promise<Answered[]> {
  const traced = await firstTraced(file, sinceMs);
  return load.answered.filter(
    ({ askedMs, answeredMs }) => askedMs > sinceMs + AGAIN_MS_MAX && answeredMs < traced,
  );
}

/** When the first request after `sinceMs` began that was traced. */
function firstTraced(file: string, sinceMs: number): Promise<number> {
  return waitFor(
    () =>
      servers(file)
        .map(startMs)
        .filter((start) => start >= sinceMs)
        .sort((one, other) => one - other)[0],
    { what: "a span of a request that came later" },
  );
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
