/**
 * CQL as cassandra-driver speaks it with a small server that is hooked too; tshark is the judge.
 * Invariant: both ends tell the statements that were on the wire, and none of their values.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sanitised } from "../harness/judge.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, type Program, start, stopAll } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { cqlQueries } from "../harness/tshark-databases.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");
const THREADS = 8;
const OPERATIONS = 10_000;
const SECRET = "hidden";

afterAll(stopAll, TIMEOUT_MS);

async function startServer(agent: TestAgent) {
  const port = await freePort();
  const script = join(PROGRAMS, "cassandra_server.py");
  const program = start([python, "-B", script, String(port)], { env: agent.environment });
  await waitForPort(port, "the CQL server");
  return { port, program };
}

function client(port: number, ...what: readonly string[]): string[] {
  return [python, "-B", join(PROGRAMS, "cassandra_client.py"), String(port), ...what];
}

/** What a driver asks for itself is not a program's statement. */
function ofPort(spans: readonly SpanRecord[], port: number, kind: number): SpanRecord[] {
  return spans.filter(
    ({ attributes, kind: own }) =>
      attributes["server.port"] === port &&
      own === kind &&
      !String(attributes["db.query.text"]).includes("system."),
  );
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
      what: "the statements of both ends",
      withinMs: 120_000,
      seen: () => `${clients.length} and ${servers.length}\n${clients.map(line).join("\n")}`,
    },
  );
  return { clients, servers };
}

/** "text | name | rows | consistency | batch | code | warnings | outcome" */
function line({ name, attributes }: SpanRecord): string {
  return [
    attributes["db.query.text"] ?? "",
    name,
    attributes["db.response.returned_rows"] ?? "",
    attributes["cassandra.consistency.level"] ?? "",
    attributes["db.operation.batch.size"] ?? "",
    attributes["db.response.status_code"] ?? "",
    attributes["olly.db.response.warnings"] ?? "",
    attributes["olly.exchange.outcome"] ?? "",
  ].join(" | ");
}

const INSERT = "INSERT INTO orders (id, card) VALUES (?, ?)";
const LAST = "SELECT warned FROM orders | SELECT orders |  | local_one |  |  | 1 | ";
const sessionLines = [
  `${INSERT} | INSERT orders |  | local_one |  |  |  | `,
  `${INSERT} | INSERT orders |  | quorum |  |  |  | `,
  `${INSERT} | BATCH INSERT orders |  | local_one | 3 |  |  | `,
  `${INSERT}; ${INSERT}; ${INSERT}; UPDATE orders SET card = ? WHERE id = ? | BATCH |  | local_one | 4 |  |  | `,
  "SELECT item FROM made_40_rows WHERE id = ? | SELECT made_40_rows | 40 | local_one |  |  |  | ",
  "SELECT nosuch FROM orders | SELECT orders |  | local_one |  | 8704 |  | ",
  "SELEC ? | SELEC |  | local_one |  | 8192 |  | ",
  LAST,
];

function inOrder(spans: readonly SpanRecord[]): string[] {
  return [...spans]
    .sort((one, other) => (one.start < other.start ? -1 : 1))
    .filter((it) => !it.name.startsWith("USE"))
    .map(line);
}

describe("one client's session", () => {
  let agent: TestAgent;
  beforeAll(async () => {
    agent = await startAgent();
  }, TIMEOUT_MS);

  const isOver = (spans: readonly SpanRecord[]) => spans.some((it) => line(it) === LAST);

  async function session(...how: readonly [version: string, compression: string]) {
    const { port, program } = await startServer(agent);
    await output(client(port, ...how, "session"), { env: agent.environment });
    const { clients, servers } = await told(agent, port, isOver);
    await program.stop();
    return { clients, servers };
  }

  test(
    "both ends tell what was on the wire, as tshark does",
    async () => {
      const { port, program } = await startServer(agent);
      const capture = await startCapture([port]);
      await output(client(port, "4", "none", "session"), { env: agent.environment });
      const { clients, servers } = await told(agent, port, isOver);
      await program.stop();
      await capture.stop();
      expect(inOrder(clients)).toEqual(sessionLines);
      expect(inOrder(servers)).toEqual(sessionLines);
      const texts = (spans: readonly SpanRecord[]) =>
        spans.map(({ attributes }) => [
          String(attributes["db.query.text"]),
          attributes["db.response.returned_rows"],
          attributes["db.response.status_code"],
        ]);
      // What is executed by its id, or in a batch, is not written out on the wire.
      const plain = clients.filter(({ attributes }) => !attributes["db.operation.batch.size"]);
      const ran = plain.filter(
        ({ attributes }) => attributes["cassandra.consistency.level"] !== "quorum",
      );
      const packets = (await cqlQueries(capture.file, [port]))
        .filter(({ text }) => !text.includes("system."))
        .map(({ text, rows, error }) => [sanitised(text), rows, error]);
      expect(texts(ran).sort()).toEqual(packets.sort());
      expect(clients[1]?.attributes).toMatchObject({
        "db.namespace": "shop",
        "server.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
      });
    },
    TIMEOUT_MS,
  );

  for (const [version, compression] of [
    ["3", "lz4"],
    ["4", "snappy"],
    ["5", "none"],
    ["5", "lz4"],
  ] as const) {
    test(
      `version ${version}, compression ${compression}`,
      async () => {
        const { clients, servers } = await session(version, compression);
        expect(inOrder(clients)).toEqual(sessionLines);
        expect(inOrder(servers)).toEqual(sessionLines);
      },
      TIMEOUT_MS,
    );
  }

  test("nothing was lost, and no value told", async () => {
    expect(losses(await agent.status())).toEqual({});
    const spans = readFileSync(agent.file, "utf8")
      .split("\n")
      .filter((it) => it.includes("resourceSpans"));
    expect(spans.join("\n").includes(SECRET)).toBe(false);
  });
});

/** made_COUNT_THREAD_NUMBER */
function markerOf({ attributes }: SpanRecord) {
  const table = String(attributes["db.query.text"]).split(" ").at(-1) ?? "";
  const [, count, thread, number] = table.split("_").map(Number);
  return { count: count ?? -1, thread: thread ?? -1, number: number ?? -1 };
}

const isMarked = ({ attributes }: SpanRecord) =>
  String(attributes["db.query.text"]).includes("made_");

function wronglyPaired(spans: readonly SpanRecord[]): string[] {
  return spans
    .filter((it) => it.attributes["olly.exchange.outcome"] === undefined)
    .filter((it) => it.attributes["db.response.returned_rows"] !== markerOf(it).count)
    .map(line);
}

test(
  "10,000 operations of 8 threads on one connection: each answer is its own question's",
  async () => {
    const agent = await startAgent();
    const { port, program } = await startServer(agent);
    const each = String(OPERATIONS / THREADS);
    const command = client(port, "4", "none", "many", String(THREADS), each);
    await output(command, { env: agent.environment });
    const all = await told(agent, port, (some) => some.filter(isMarked).length >= OPERATIONS);
    await program.stop();
    for (const spans of [all.clients.filter(isMarked), all.servers.filter(isMarked)]) {
      expect(spans).toHaveLength(OPERATIONS);
      expect(new Set(spans.map((it) => it.name)).size).toBe(OPERATIONS);
      expect(spans.filter((it) => it.attributes["olly.exchange.outcome"])).toEqual([]);
      expect(wronglyPaired(spans)).toEqual([]);
    }
    await agent.program.stop();
  },
  TIMEOUT_MS,
);

/** Numbers of a thread's exchanges that were not told whole, between its first and last one. */
function holes(spans: readonly SpanRecord[], thread: number): number[] {
  const own = spans.filter((it) => markerOf(it).thread === thread);
  const isWhole = (it: SpanRecord) => it.attributes["olly.exchange.outcome"] === undefined;
  const whole = new Set(own.filter(isWhole).map((it) => markerOf(it).number));
  const numbers = own.map((it) => markerOf(it).number);
  const first = Math.min(...numbers);
  const missing: number[] = [];
  for (let number = first; number < Math.max(...numbers); number++) {
    if (!whole.has(number)) missing.push(number - first);
  }
  return missing;
}

for (const [version, compression] of [
  ["4", "lz4"],
  ["5", "lz4"],
] as const) {
  test(
    `joined in the middle, version ${version}: right within two exchanges, and never wrong`,
    async () => {
      const agent = await startAgent({ onDemand: true });
      const { port, program } = await startServer(agent);
      const command = client(port, version, compression, "until-told", "4");
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
}
