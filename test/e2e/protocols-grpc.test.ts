/**
 * gRPC between grpcio and grpcio, and between grpcio and Go, judged by what the client has asked
 * for and by tshark. Invariant: method, status and messages of a call are those of its own stream.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { goGrpcProgram, grpcioPath } from "../harness/grpcio.ts";
import { python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, waitForOutput } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { http2Exchanges } from "../harness/tshark-http2.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const CALLS = 10_000;
const PROGRAMS = join(import.meta.dir, "programs");
const STATUSES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"],
  ...["ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"],
  ...["ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
  "UNAUTHENTICATED",
];
/** docs/rpc/grpc.md: what a server's span takes for an error. */
const SERVER_ERRORS = new Set([
  ...["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
]);
const STATUS_ERROR = 2;

let modules: string;
let goProgram: string;

beforeAll(async () => {
  modules = await grpcioPath();
  goProgram = await goGrpcProgram();
}, 600_000);
afterAll(stopAll, TIMEOUT_MS);

function environment(agent: TestAgent): Record<string, string> {
  return { ...agent.environment, PYTHONPATH: modules };
}

async function startServer(agent: TestAgent): Promise<number> {
  const port = await freePort();
  const program = join(PROGRAMS, "grpc_server.py");
  start([python, "-B", program, String(port)], { env: environment(agent) });
  await waitForPort(port, "the gRPC server");
  return port;
}

function clientCommand(port: number, ...args: string[]): string[] {
  const program = [python, "-B", join(PROGRAMS, "grpc_client.py"), String(port), ...args];
  return ["timeout", "-s", "KILL", "90", ...program];
}

function callFrom(agent: TestAgent, port: number, ...args: string[]): Promise<string> {
  return output(clientCommand(port, ...args), { env: environment(agent) });
}

function methodOf({ attributes }: SpanRecord): string {
  return String(attributes["rpc.method_original"] ?? attributes["rpc.method"]);
}

/** "method status requests/responses outcome" */
function toldBy(span: SpanRecord): string {
  const { attributes } = span;
  const messages = ["request", "response"].map((side) => attributes[`olly.rpc.${side}.messages`]);
  const outcome = attributes["olly.exchange.outcome"] ?? "complete";
  const status = attributes["rpc.response.status_code"];
  return `${methodOf(span)} ${status} ${messages.join("/")} ${outcome}`;
}

/** What Item0, Item1, ... of the clients are: every status in turn. */
function items(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const status = STATUSES[index % STATUSES.length];
    return `test.Echo/Item${index} ${status} 1/${status === "OK" ? 1 : 0} complete`;
  });
}

function faultsOf(span: SpanRecord): string[] {
  const { attributes, kind, name, statusCode } = span;
  const status = String(attributes["rpc.response.status_code"]);
  const isError = kind === Kind.server ? SERVER_ERRORS.has(status) : status !== "OK";
  const faults: string[] = [];
  const require = (isRight: boolean, what: string) => {
    if (!isRight) faults.push(`${toldBy(span)}: ${what}`);
  };
  const isKnown = attributes["rpc.method"] !== "_OTHER";
  require(attributes["rpc.system.name"] === "grpc", "rpc.system.name");
  require(name === (isKnown ? attributes["rpc.method"] : "grpc"), `the name ${name}`);
  require(isKnown === (status !== "UNIMPLEMENTED"), "a method that is not known");
  require((statusCode === STATUS_ERROR) === isError, `status ${statusCode}`);
  require(attributes["error.type"] === (isError ? status : undefined), "error.type");
  require(attributes["server.address"] === "127.0.0.1", "server.address");
  require(attributes["http.request.method"] === undefined, "an attribute of HTTP");
  return faults;
}

function ofKind(spans: readonly SpanRecord[], kind: number): SpanRecord[] {
  return spans.filter((span) => span.kind === kind);
}

async function spansOf(agent: TestAgent, count: number): Promise<SpanRecord[]> {
  let spans: readonly SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans;
      return spans.length >= count;
    },
    { what: `${count} spans`, withinMs: 120_000, seen: () => `${spans.length} spans` },
  );
  return [...spans];
}

test(
  "all kinds of calls, at both ends, beside the packets",
  async () => {
    const agent = await startAgent();
    const port = await startServer(agent);
    const capture = await startCapture([port]);
    await callFrom(agent, port, "kinds");
    await capture.stop();
    const exchanges = await http2Exchanges(capture.file, [port]);
    const spans = await spansOf(agent, 2 * exchanges.length);
    const expected = [
      "test.Echo/Item1 OK 1/1 complete",
      "test.Echo/Item2 NOT_FOUND 1/0 complete",
      "test.Echo/Item3 INTERNAL 1/0 complete",
      "test.Echo/Nothing UNIMPLEMENTED 1/0 complete",
      "test.Echo/Stream1 OK 1/3 complete",
      "test.Echo/Collect OK 2/1 complete",
      "test.Echo/Talk OK 4/4 complete",
      "test.Echo/Item5 OK 1/1 complete",
    ];
    for (const kind of [Kind.client, Kind.server]) {
      const told = ofKind(spans, kind).map(toldBy);
      expect(told.filter((line) => !/Slow|Item4/.test(line)).sort()).toEqual(expected.toSorted());
      // Of 300 KB in one call only the beginning is captured, and an unknown number of frames.
      expect(told.find((line) => line.includes("Item4"))).toMatch(/Item4 OK 1?\/1 /);
      const slow = told.filter((line) => line.includes("Slow")).sort();
      expect(slow[0]).toMatch(/^test.Echo\/Slow CANCELLED 1\/0 closed_early$/);
      expect(slow[1]).toMatch(/^test.Echo\/Slow DEADLINE_EXCEEDED 1\/0 (closed_early|complete)$/);
      // Item5's authority refers to what may have been lost with Item4's frames.
      const faults = ofKind(spans, kind).flatMap(faultsOf);
      expect(faults.filter((fault) => !/Item5 .*: server.address$/.test(fault))).toEqual([]);
    }
    const judged = exchanges.map(({ target }) => target.slice(1)).sort();
    expect(ofKind(spans, Kind.client).map(methodOf).sort()).toEqual(judged);
    for (const { target, grpcStatus } of exchanges) {
      if (grpcStatus === undefined || target.endsWith("Slow")) continue;
      const span = ofKind(spans, Kind.client).find((one) => `/${methodOf(one)}` === target);
      expect(span?.attributes["rpc.response.status_code"]).toBe(STATUSES[grpcStatus] as string);
    }
  },
  TIMEOUT_MS,
);

test(
  "10,000 calls of 8 threads on two connections: every status is its own call's",
  async () => {
    const agent = await startAgent();
    const port = await startServer(agent);
    await callFrom(agent, port, "many", String(CALLS));
    const spans = await spansOf(agent, 2 * CALLS);
    expect(spans).toHaveLength(2 * CALLS);
    for (const kind of [Kind.client, Kind.server]) {
      const told = new Set(ofKind(spans, kind).map(toldBy));
      expect(items(CALLS).filter((line) => !told.has(line))).toEqual([]);
    }
    expect(spans.flatMap(faultsOf)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "joined in the middle: no call has another's status",
  async () => {
    const agent = await startAgent({ onDemand: true });
    const port = await startServer(agent);
    const calling = start(clientCommand(port, "busy"), {
      env: environment(agent),
      keepStdinOpen: true,
    });
    await waitForOutput(calling, /busy/);
    expect((await agent.trace("start")).code).toBe(0);
    await spansOf(agent, 400);
    calling.endInput();
    expect((await calling.ended).code).toBe(0);
    const spans = await spansOf(agent, 400);
    const wrong = spans.filter(({ attributes }) => {
      const index = /Item(\d+)$/.exec(String(attributes["rpc.method"] ?? ""))?.[1];
      const status = attributes["rpc.response.status_code"];
      return status !== undefined && status !== STATUSES[Number(index) % STATUSES.length];
    });
    expect(wrong.map(toldBy)).toEqual([]);
    const named = spans.filter((span) => /^test\.Echo\/Item\d+$/.test(methodOf(span)));
    expect(named.length).toBeGreaterThan(spans.length / 2);
  },
  TIMEOUT_MS,
);

test(
  "grpcio calls a Go server, and a Go client calls grpcio",
  async () => {
    const agent = await startAgent();
    const goPort = await freePort();
    start([goProgram, "serve", String(goPort)]);
    await waitForPort(goPort, "the Go server");
    const port = await startServer(agent);
    await callFrom(agent, goPort, "many", "500");
    const clients = await spansOf(agent, 500);
    expect(clients.map(toldBy).sort()).toEqual(items(500).sort());
    await output(["timeout", "-s", "KILL", "30", goProgram, "call", String(port), "400"]);
    const servers = ofKind(await spansOf(agent, 900), Kind.server);
    expect(servers.map(toldBy).sort()).toEqual(items(400).sort());
    expect([...clients, ...servers].flatMap(faultsOf)).toEqual([]);
  },
  TIMEOUT_MS,
);
