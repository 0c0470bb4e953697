/**
 * What FerretDB does not do of MongoDB's protocol (it has a test of its own): compression, exhaust
 * cursors, opcodes before OP_MSG, writes without an answer. pymongo speaks with a small server that
 * is hooked too; tshark is the judge. Invariant: both ends tell the operations that were on the
 * wire, and none of their values.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, type Program, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { startCapture } from "../harness/tshark.ts";
import { type MongoOperation, mongoOperations } from "../harness/tshark-databases.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");
const SECRET = "hidden";

afterAll(stopAll, TIMEOUT_MS);

async function startServer(agent: TestAgent, options: readonly string[] = []) {
  const port = await freePort();
  const script = join(PROGRAMS, "mongo_server.py");
  const env = agent.environment;
  const program = start([python, "-B", script, String(port), ...options], { env });
  await waitForPort(port, "the MongoDB server");
  return { port, program };
}

function client(port: number, ...what: readonly string[]): string[] {
  return [python, "-B", join(PROGRAMS, "mongo_client.py"), String(port), ...what];
}

function ofPort(spans: readonly SpanRecord[], port: number, kind: number): SpanRecord[] {
  return spans.filter((it) => it.attributes["server.port"] === port && it.kind === kind);
}

/** Waits until both ends have told enough of the port. */
async function told(agent: TestAgent, port: number, enough: (spans: SpanRecord[]) => boolean) {
  let clients: SpanRecord[] = [];
  let servers: SpanRecord[] = [];
  await waitFor(
    () => {
      const { spans } = readOtlpFile(agent.file);
      clients = ofPort(spans, port, Kind.client);
      servers = ofPort(spans, port, Kind.server);
      return enough(clients) && enough(servers);
    },
    {
      what: "the operations of both ends",
      withinMs: 120_000,
      seen: () => `${clients.length} and ${servers.length}\n${clients.map(line).join("\n")}`,
    },
  );
  return { clients, servers };
}

/** "operation collection | returned | affected | batch | code | outcome" */
function line({ attributes }: SpanRecord): string {
  const names = [attributes["db.operation.name"], attributes["db.collection.name"]];
  return [
    names.filter((name) => name !== undefined).join(" "),
    attributes["db.response.returned_rows"] ?? "",
    attributes["olly.db.response.affected_rows"] ?? "",
    attributes["db.operation.batch.size"] ?? "",
    attributes["db.response.status_code"] ?? "",
    attributes["olly.exchange.outcome"] ?? "",
  ].join(" | ");
}

function inOrder(spans: readonly SpanRecord[]): string[] {
  return [...spans].sort((one, other) => (one.start < other.start ? -1 : 1)).map(line);
}

const beforeCursors = [
  "drop orders |  |  |  |  | ",
  "insert orders |  | 1 |  |  | ",
  "insert orders |  | 7 | 7 |  | ",
  "insert orders |  | 0 |  | 11000 | ",
  "update orders |  | 2 | 2 |  | ",
  "delete orders |  | 1 |  |  | ",
  "find orders | 3 |  |  |  | ",
  "getMore orders | 3 |  |  |  | ",
  "getMore orders | 1 |  |  |  | ",
  "find orders | 2 |  |  |  | ",
];
const afterCursors = [
  "find orders |  |  |  | 2 | ",
  "nosuch |  |  |  | 59 | ",
  "concern |  |  |  | 64 | ",
  "saslStart |  |  |  | 18 | ",
  "createUser |  |  |  |  | ",
  "insert orders |  |  |  |  | one_way",
  "update orders |  |  |  |  | one_way",
  "delete orders |  |  |  |  | one_way",
  "delete orders |  | 7 |  |  | ",
];

/** pymongo 3.11 asks for an exhaust cursor by OP_QUERY, later ones by getMore. */
const exhaustByQuery = ["find orders | 7 |  |  |  | "];
const exhaustByGetMore = ["find orders | 3 |  |  |  | ", "getMore orders | 4 |  |  |  | "];

function sessionLines(
  spans: readonly SpanRecord[],
  killed = "killCursors orders |  |  |  |  | ",
): string[] {
  const byQuery = spans.some((it) => line(it) === exhaustByQuery[0]);
  const exhaust = byQuery ? exhaustByQuery : exhaustByGetMore;
  return [...beforeCursors, killed, ...exhaust, ...afterCursors];
}

const isLast = (spans: readonly SpanRecord[]) =>
  spans.some((it) => line(it) === afterCursors.at(-1));

function toldByPackets(operations: readonly MongoOperation[]): string[] {
  return operations.map((it) => `${it.operation} ${it.failed ? "failed" : ""}`).sort();
}

function toldBySpans(spans: readonly SpanRecord[]): string[] {
  return spans
    .map(({ attributes }) => {
      const failed = attributes["error.type"] === undefined ? "" : "failed";
      return `${attributes["db.operation.name"]} ${failed}`;
    })
    .sort();
}

describe("one client's session", () => {
  let agent: TestAgent;
  beforeAll(async () => {
    agent = await startAgent();
  }, TIMEOUT_MS);

  async function session(serverOptions: readonly string[], options: readonly string[]) {
    const { port, program } = await startServer(agent, serverOptions);
    await output(client(port, "session", ...options), { env: agent.environment });
    const { clients, servers } = await told(agent, port, isLast);
    await program.stop();
    return { clients, servers };
  }

  test(
    "both ends tell what was on the wire, as tshark does",
    async () => {
      const { port, program } = await startServer(agent);
      const capture = await startCapture([port]);
      await output(client(port, "session"), { env: agent.environment });
      const { clients, servers } = await told(agent, port, isLast);
      await program.stop();
      await capture.stop();
      expect(inOrder(clients)).toEqual(sessionLines(clients));
      expect(inOrder(servers)).toEqual(sessionLines(clients));
      const packets = await mongoOperations(capture.file, [port]);
      expect(toldBySpans(clients)).toEqual(toldByPackets(packets));
      const first = clients[0]?.attributes;
      expect(first).toMatchObject({ "db.namespace": "shop", "server.address": "127.0.0.1" });
      expect(servers[0]?.attributes["olly.db.application_name"]).toBe("shop-app");
    },
    TIMEOUT_MS,
  );

  for (const compressor of ["snappy", "zlib", "zstd"]) {
    test(
      `compressed by ${compressor}`,
      async () => {
        const { clients, servers } = await session([], [`compressors=${compressor}`]);
        expect(inOrder(clients)).toEqual(sessionLines(clients));
        expect(inOrder(servers)).toEqual(sessionLines(clients));
      },
      TIMEOUT_MS,
    );
  }

  test(
    "the opcodes before OP_MSG, of a server of MongoDB 2.6's wire version",
    async () => {
      const { clients, servers } = await session(["old"], []);
      const lines = sessionLines(clients, "killCursors |  |  |  |  | one_way");
      expect(inOrder(clients)).toEqual(lines);
      expect(inOrder(servers)).toEqual(lines);
    },
    TIMEOUT_MS,
  );

  // Before TLS, whose handshake is counted as a stream that nobody knows.
  test("nothing was lost", async () => {
    expect(losses(await agent.status())).toEqual({});
  });

  test(
    "under TLS",
    async () => {
      const { certificate, key } = await createCertificate(temporaryDirectory());
      const options = ["tls=true", "tlsAllowInvalidCertificates=true"];
      const { clients, servers } = await session(["tls", certificate, key], options);
      expect(inOrder(clients)).toEqual(sessionLines(clients));
      expect(inOrder(servers)).toEqual(sessionLines(clients));
    },
    TIMEOUT_MS,
  );

  test("no value was told", () => {
    const spans = readFileSync(agent.file, "utf8")
      .split("\n")
      .filter((it) => it.includes("resourceSpans"));
    expect(spans.join("\n").includes(SECRET)).toBe(false);
  });
});

/** made_COUNT_THREAD_NUMBER */
function markerOf({ attributes }: SpanRecord) {
  const [, count, thread, number] = String(attributes["db.collection.name"]).split("_").map(Number);
  return { count: count ?? -1, thread: thread ?? -1, number: number ?? -1 };
}

function wronglyPaired(spans: readonly SpanRecord[]): string[] {
  return spans
    .filter((it) => it.attributes["olly.exchange.outcome"] === undefined)
    .filter((it) => it.attributes["db.response.returned_rows"] !== markerOf(it).count)
    .map(line);
}

/** Numbers of a thread's exchanges that were not told whole, between its first and last one. */
function holes(spans: readonly SpanRecord[], thread: number): number[] {
  const own = spans.filter((it) => markerOf(it).thread === thread);
  const whole = new Set(
    own
      .filter((it) => it.attributes["olly.exchange.outcome"] === undefined)
      .map((it) => markerOf(it).number),
  );
  const numbers = own.map((it) => markerOf(it).number);
  const missing: number[] = [];
  for (let number = Math.min(...numbers); number < Math.max(...numbers); number++) {
    if (!whole.has(number)) missing.push(number - Math.min(...numbers));
  }
  return missing;
}

test(
  "joined in the middle: right within two exchanges, and never wrong",
  async () => {
    const agent = await startAgent({ onDemand: true });
    const { port, program } = await startServer(agent);
    const command = client(port, "until-told", "rows", "4");
    const busy: Program = start(command, { env: agent.environment, keepStdinOpen: true });
    await waitFor(() => busy.stdout().includes("busy"), { what: "the client to be busy" });
    await agent.trace("start");
    await told(agent, port, (all) => all.length >= 400);
    busy.write("\n");
    await busy.ended;
    await program.stop();
    // Whole only now: what a thread says late is told late.
    await agent.program.stop();
    const { spans } = readOtlpFile(agent.file);
    for (const kind of [Kind.client, Kind.server]) {
      const own = ofPort(spans, port, kind);
      expect(wronglyPaired(own)).toEqual([]);
      for (let thread = 0; thread < 4; thread++) {
        expect(holes(own, thread).filter((place) => place >= 2)).toEqual([]);
      }
    }
  },
  TIMEOUT_MS,
);
