/**
 * MongoDB's protocol as pymongo speaks it with FerretDB, whose program cannot be hooked; tshark is
 * the judge. Invariant: the client's end tells the operations that were on the wire, each with its
 * own answer, and none of their values.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "../harness/fetched.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { mongoOperations } from "../harness/tshark-databases.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const CLIENT = join(import.meta.dir, "programs/mongo_client.py");
const THREADS = 8;
const OPERATIONS = 10_000;
const SECRET = "hidden";

let agent: TestAgent;
let port: number;

beforeAll(async () => {
  agent = await startAgent();
  const program = join(await fetched("ferretdb"), "program");
  const directory = join(temporaryDirectory(), "state");
  mkdirSync(directory);
  port = await freePort();
  start([program, `127.0.0.1:${port}`, directory]);
  await waitForPort(port, "FerretDB");
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function client(...what: readonly string[]): string[] {
  return ["timeout", "-s", "KILL", "150", python, "-B", CLIENT, String(port), ...what];
}

/** What an agent has told of FerretDB, when it is enough. */
async function told(
  of: TestAgent,
  enough: (spans: readonly SpanRecord[]) => boolean,
): Promise<SpanRecord[]> {
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      const all = readOtlpFile(of.file).spans;
      spans = all.filter(({ attributes }) => attributes["server.port"] === port);
      return enough(spans);
    },
    {
      what: "the operations",
      withinMs: 120_000,
      seen: () => `${spans.length}\n${spans.slice(-100).map(line).join("\n")}`,
    },
  );
  return spans;
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

const LAST = "delete orders |  | 6 |  |  | ";
const sessionLines = [
  "drop orders |  |  |  |  | ",
  "insert orders |  | 1 |  |  | ",
  "insert orders |  | 6 | 6 |  | ",
  "find orders | 2 |  |  |  | ",
  "getMore orders | 2 |  |  |  | ",
  "getMore orders | 2 |  |  |  | ",
  "getMore orders | 0 |  |  |  | ",
  "update orders |  | 2 |  |  | ",
  "update orders |  | 2 | 2 |  | ",
  "delete orders |  | 1 |  |  | ",
  "insert orders |  | 0 |  | 11000 | ",
  "nosuch |  |  |  | 59 | ",
  "find orders |  |  |  | 2 | ",
  "aggregate orders | 6 |  |  |  | ",
  "distinct orders |  |  |  |  | ",
  "listCollections | 1 |  |  |  | ",
  "find orders | 2 |  |  |  | ",
  "killCursors orders |  |  |  |  | ",
  "findAndModify orders |  |  |  |  | ",
  "ping |  |  |  |  | ",
  LAST,
];

test(
  "a session: what was on the wire, as tshark does",
  async () => {
    const capture = await startCapture([port]);
    await output(client("shop"), { env: agent.environment });
    const spans = await told(agent, (all) => all.some((it) => line(it) === LAST));
    await capture.stop();
    const inOrder = [...spans].sort((one, other) => (one.start < other.start ? -1 : 1));
    const ofProgram = inOrder.filter(
      ({ attributes }) => attributes["db.operation.name"] !== "endSessions",
    );
    expect(ofProgram.map(line)).toEqual(sessionLines);
    const packets = await mongoOperations(capture.file, [port]);
    const judged = packets.filter(({ operation }) => operation !== "endSessions");
    expect(
      ofProgram.map(({ attributes }) => [
        attributes["db.operation.name"],
        attributes["error.type"] !== undefined,
      ]),
    ).toEqual(judged.map(({ operation, failed }) => [operation, failed]));
    const pinged = ofProgram.find(({ attributes }) => attributes["db.operation.name"] === "ping");
    expect(pinged?.attributes["db.namespace"]).toBe("checked");
  },
  TIMEOUT_MS,
);

/** made_CODE_THREAD_NUMBER: the code of the answer, 0 for none. */
function markerOf({ attributes }: SpanRecord) {
  const [made, ...numbers] = String(attributes["db.collection.name"]).split("_");
  const [code = -1, thread = -1, number = -1] = made === "made" ? numbers.map(Number) : [];
  return { code, thread, number };
}

const isMarked = (span: SpanRecord) => markerOf(span).code >= 0;
const isWhole = ({ attributes }: SpanRecord) => attributes["olly.exchange.outcome"] === undefined;

function wronglyPaired(spans: readonly SpanRecord[]): string[] {
  return spans
    .filter(isWhole)
    .filter((it) => Number(it.attributes["db.response.status_code"] ?? 0) !== markerOf(it).code)
    .map(line);
}

test(
  "10,000 operations of 8 threads: each answer is its own question's",
  async () => {
    const each = String(OPERATIONS / THREADS);
    await output(client("many", "codes", String(THREADS), each), { env: agent.environment });
    const all = await told(agent, (some) => some.filter(isMarked).length >= OPERATIONS);
    const spans = all.filter(isMarked);
    expect(spans).toHaveLength(OPERATIONS);
    const collections = spans.map(({ attributes }) => attributes["db.collection.name"]);
    expect(new Set(collections).size).toBe(OPERATIONS);
    expect(spans.filter((it) => !isWhole(it))).toEqual([]);
    expect(wronglyPaired(spans)).toEqual([]);
    expect(losses(await agent.status())).toEqual({});
  },
  TIMEOUT_MS,
);

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

test(
  "joined in the middle: right within two exchanges, and never wrong",
  async () => {
    const late = await startAgent({ onDemand: true });
    const busy = start(client("until-told", "codes", "4"), {
      env: late.environment,
      keepStdinOpen: true,
    });
    await waitFor(() => busy.stdout().includes("busy"), {
      what: "the client to be busy",
      withinMs: 120_000,
      seen: () => busy.stderr(),
    });
    expect((await late.trace("start")).code).toBe(0);
    await told(late, (all) => all.filter(isMarked).length >= 400);
    busy.write("\n");
    expect((await busy.ended).code).toBe(0);
    // Whole only now: what a thread says late is told late.
    await late.program.stop();
    const spans = (await told(late, () => true)).filter(isMarked);
    expect(wronglyPaired(spans)).toEqual([]);
    for (let thread = 0; thread < 4; thread++) {
      expect(holes(spans, thread).filter((place) => place >= 2)).toEqual([]);
    }
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
