/**
 * CQL as cassandra-driver speaks it with a Cassandra that is hooked too; tshark is the judge.
 * Invariant: both ends tell the statements that were on the wire, and none of their values.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cassandra, startCassandra } from "../harness/cassandra.ts";
import { sanitised } from "../harness/judge.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { output, start, stopAll } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { cqlQueries } from "../harness/tshark-databases.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const SERVER_TIMEOUT_MS = 600_000;
const CLIENT = join(import.meta.dir, "programs/cassandra_client.py");
const THREADS = 8;
const OPERATIONS = 10_000;
const SECRET = "hidden";

let agent: TestAgent;
let server: Cassandra;

// Tracing begins with the first test: until then the server is hooked, but nobody listens.
beforeAll(async () => {
  agent = await startAgent({ onDemand: true });
  server = await startCassandra(agent.environment);
  await output(client("5", "none", "prepare"));
}, SERVER_TIMEOUT_MS);
afterAll(async () => {
  // Nobody wants its data: it need not write them down.
  server?.program.signal("SIGKILL");
  await stopAll();
}, TIMEOUT_MS);

function client(...what: readonly string[]): string[] {
  return ["timeout", "-s", "KILL", "100", python, "-B", CLIENT, String(server.port), ...what];
}

/** What a driver asks for itself is not a program's statement. */
function isStatement({ attributes }: SpanRecord): boolean {
  const text = String(attributes["db.query.text"]);
  return attributes["server.port"] === server.port && !/system[._]|^USE /i.test(text);
}

interface Told {
  readonly clients: SpanRecord[];
  readonly servers: SpanRecord[];
}

/** What both ends have told behind the first `before` spans, when it is enough at each. */
async function told(before: number, enough: (spans: SpanRecord[]) => boolean): Promise<Told> {
  let seen: Told = { clients: [], servers: [] };
  await waitFor(
    () => {
      const spans = readOtlpFile(agent.file).spans.slice(before).filter(isStatement);
      const ofKind = (kind: number) => spans.filter((span) => span.kind === kind);
      seen = { clients: ofKind(Kind.client), servers: ofKind(Kind.server) };
      return enough(seen.clients) && enough(seen.servers);
    },
    {
      what: "the statements of both ends",
      withinMs: 120_000,
      seen: () => {
        const lines = seen.clients.slice(-100).map(line).join("\n");
        return `${seen.clients.length} and ${seen.servers.length}\n${lines}`;
      },
    },
  );
  return seen;
}

const spanCount = () => readOtlpFile(agent.file).spans.length;

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
const UPDATE = "UPDATE orders SET card = ? WHERE id = ?";
const PAGED = "SELECT item FROM counted WHERE id = ?";
const LAST = "SELECT count(*) FROM orders";
const sessionLines = (warnings: number | "") => [
  `${INSERT} | INSERT orders |  | local_one |  |  |  | `,
  `${INSERT} | INSERT orders |  | quorum |  |  |  | `,
  `${INSERT} | BATCH INSERT orders |  | local_one | 3 |  |  | `,
  `${INSERT}; ${INSERT}; ${INSERT}; ${UPDATE} | BATCH |  | local_one | 4 |  |  | `,
  `${PAGED} | SELECT counted | 16 | local_one |  |  |  | `,
  `${PAGED} | SELECT counted | 16 | local_one |  |  |  | `,
  `${PAGED} | SELECT counted | 8 | local_one |  |  |  | `,
  "SELECT nosuch FROM orders | SELECT orders |  | local_one |  | 8704 |  | ",
  "SELEC ? | SELEC |  | local_one |  | 8192 |  | ",
  `${LAST} | SELECT orders | 1 | local_one |  |  | ${warnings} | `,
];

function byStart(spans: readonly SpanRecord[]): SpanRecord[] {
  return [...spans].sort((one, other) => (one.start < other.start ? -1 : 1));
}

function inOrder(spans: readonly SpanRecord[]): string[] {
  return byStart(spans).map(line);
}

/** made_COUNT_THREAD_NUMBER */
function markerOf({ attributes }: SpanRecord) {
  const marker = /made_(\d+)_(\d+)_(\d+)/.exec(String(attributes["db.query.text"]));
  const [count = -1, thread = -1, number = -1] = (marker ?? []).slice(1).map(Number);
  return { count, thread, number };
}

const isMarked = (span: SpanRecord) => markerOf(span).count >= 0;
const isWhole = ({ attributes }: SpanRecord) => attributes["olly.exchange.outcome"] === undefined;

function wronglyPaired(spans: readonly SpanRecord[]): string[] {
  return spans
    .filter(isWhole)
    .filter((it) => it.attributes["db.response.returned_rows"] !== markerOf(it).count)
    .map(line);
}

/** Numbers of a thread's exchanges that were not told whole, between its first and last one. */
function holes(spans: readonly SpanRecord[], thread: number): number[] {
  const own = spans.filter((it) => markerOf(it).thread === thread);
  const whole = new Set(own.filter(isWhole).map((it) => markerOf(it).number));
  const numbers = own.map((it) => markerOf(it).number);
  const first = Math.min(...numbers);
  const missing: number[] = [];
  for (let number = first; number < Math.max(...numbers); number++) {
    if (!whole.has(number)) missing.push(number - first);
  }
  return missing;
}

const isLastOfAll = ({ name, attributes }: SpanRecord) =>
  name === "SELECT counted" && String(attributes["db.query.text"]).includes(" AS last ");

for (const version of ["4", "5"]) {
  test(
    `joined in the middle, version ${version}: right within two exchanges, and never wrong`,
    async () => {
      await agent.trace("stop");
      const before = spanCount();
      const busy = start(client(version, "lz4", "until-told", "4"), {
        env: agent.environment,
        keepStdinOpen: true,
      });
      await waitFor(() => busy.stdout().includes("busy"), {
        what: "the client to be busy",
        withinMs: 120_000,
        seen: () => busy.stderr(),
      });
      await agent.trace("start");
      await told(before, (all) => all.filter(isMarked).length >= 400);
      busy.write("\n");
      expect((await busy.ended).code).toBe(0);
      const seen = await told(before, (all) => all.some(isLastOfAll));
      for (const own of [seen.clients.filter(isMarked), seen.servers.filter(isMarked)]) {
        expect(wronglyPaired(own)).toEqual([]);
        for (let thread = 0; thread < 4; thread++) {
          expect(holes(own, thread).filter((place) => place >= 2)).toEqual([]);
        }
      }
    },
    TIMEOUT_MS,
  );
}

const isOver = (spans: readonly SpanRecord[]) =>
  spans.some(({ attributes }) => attributes["db.query.text"] === LAST);

async function session(version: string, compression: string): Promise<Told> {
  const before = spanCount();
  await output(client(version, compression, "session"), { env: agent.environment });
  return told(before, isOver);
}

test(
  "a session: both ends tell what was on the wire, as tshark does",
  async () => {
    const capture = await startCapture([server.port]);
    const { clients, servers } = await session("4", "none");
    await capture.stop();
    expect(inOrder(clients)).toEqual(sessionLines(1));
    expect(inOrder(servers)).toEqual(sessionLines(1));
    // What is executed by its id, or in a batch, is not written out on the wire.
    const plain = byStart(clients).filter(
      ({ attributes }) => !attributes["db.operation.batch.size"],
    );
    const ran = plain.filter(
      ({ attributes }) => attributes["cassandra.consistency.level"] !== "quorum",
    );
    const packets = (await cqlQueries(capture.file, [server.port])).filter(
      ({ text }) => !/system[._]|^USE /i.test(text),
    );
    expect(ran).toHaveLength(packets.length);
    for (const [index, { text, rows, error }] of packets.entries()) {
      const { attributes = {} } = ran[index] ?? {};
      const counted = attributes["db.response.returned_rows"];
      // tshark 4.0 finds no rows behind a paging state or a warning.
      expect([attributes["db.query.text"], counted, attributes["db.response.status_code"]]).toEqual(
        [sanitised(text), rows ?? counted, error],
      );
    }
    expect(plain[0]?.attributes).toMatchObject({
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
      // Answers of version 3 have no place for warnings.
      const lines = sessionLines(version === "3" ? "" : 1);
      expect(inOrder(clients)).toEqual(lines);
      expect(inOrder(servers)).toEqual(lines);
    },
    TIMEOUT_MS,
  );
}

test(
  "10,000 operations of 8 threads on one connection: each answer is its own question's",
  async () => {
    const before = spanCount();
    const lost = losses(await agent.status());
    const each = String(OPERATIONS / THREADS);
    const command = client("4", "none", "many", String(THREADS), each);
    await output(command, { env: agent.environment });
    const all = await told(before, (some) => some.filter(isMarked).length >= OPERATIONS);
    for (const spans of [all.clients.filter(isMarked), all.servers.filter(isMarked)]) {
      expect(spans).toHaveLength(OPERATIONS);
      expect(new Set(spans.map(({ attributes }) => attributes["db.query.text"])).size).toBe(
        OPERATIONS,
      );
      expect(spans.filter((it) => !isWhole(it))).toEqual([]);
      expect(wronglyPaired(spans)).toEqual([]);
    }
    expect(losses(await agent.status())).toEqual(lost);
  },
  TIMEOUT_MS,
);

test("no value was told", () => {
  const spans = readFileSync(agent.file, "utf8")
    .split("\n")
    .filter((it) => it.includes("resourceSpans"));
  expect(spans.length).toBeGreaterThan(0);
  expect(spans.join("\n").includes(SECRET)).toBe(false);
});
