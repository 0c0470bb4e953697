/**
 * Kafka as librdkafka and kafka-python speak it, with a broker that is hooked too. Invariant: what
 * is told are the requests that tshark saw, both ends tell the same, and no record is in it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type KafkaBroker, kafkaPython, startKafka } from "../harness/kafka.ts";
import { losses, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { output, start, stopAll, waitForOutput } from "../harness/processes.ts";
import { kafkaRequests, startCapture } from "../harness/tshark.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const THREADS = 8;
const MESSAGES = 1_250;
const PROGRAMS = join(import.meta.dir, "programs");

let agent: TestAgent;
let broker: KafkaBroker;

beforeAll(async () => {
  agent = await startAgent();
  broker = await startKafka(agent.environment);
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function spans(of: TestAgent = agent): readonly SpanRecord[] {
  return readOtlpFile(of.file).spans;
}

function program(name: string, ...rest: readonly (string | number)[]): string[] {
  return [
    "timeout",
    "-s",
    "KILL",
    "60",
    kafkaPython,
    "-B",
    join(PROGRAMS, name),
    ...rest.map(String),
  ];
}

/** "client | API version", as tshark tells a request and a span tells its exchange. */
function toldLines(told: readonly SpanRecord[]): string[] {
  return told
    .map(({ attributes }) => {
      const api = `${attributes["olly.kafka.api"]} ${attributes["olly.kafka.api_version"]}`;
      return `${attributes["messaging.client.id"]} | ${api}`;
    })
    .sort();
}

const isFetch = (line: string) => line.includes("| Fetch ");

function ofKinds(told: readonly SpanRecord[], ...kinds: readonly number[]): SpanRecord[] {
  return told.filter(({ kind }) => kinds.includes(kind));
}

/** "name | partition | offset | messages | group | error", without what varies. */
function essence({ name, attributes }: SpanRecord): string {
  return [
    name,
    attributes["messaging.destination.partition.id"],
    attributes["messaging.kafka.offset"],
    attributes["messaging.batch.message_count"],
    attributes["messaging.consumer.group.name"],
    attributes["error.type"],
  ]
    .map((value) => value ?? "-")
    .join(" | ");
}

test(
  "a session: what tshark saw is what both ends tell",
  async () => {
    const capture = await startCapture([broker.port]);
    const printed = await output(program("kafka_session.py", broker.port), {
      env: agent.environment,
    });
    expect(printed).toBe("exists\ndone\n");
    await capture.stop();
    const requests = (await kafkaRequests(capture.file, broker.port)).sort();
    const wanted = requests.filter((line) => line.startsWith("session") && !isFetch(line));
    expect(wanted.length).toBeGreaterThan(40);
    // The broker is a client of its controller, too.
    const ofSession = ({ attributes }: SpanRecord) =>
      String(attributes["messaging.client.id"]).startsWith("session");
    const asClient = () => ofKinds(spans(), Kind.client, Kind.producer).filter(ofSession);
    const asServer = () => ofKinds(spans(), Kind.server).filter(ofSession);
    for (const side of [asClient, asServer]) {
      const told = () => toldLines(side()).filter((line) => !isFetch(line));
      await waitFor(() => told().length >= wanted.length, {
        what: `${wanted.length} requests`,
        seen: () => told().join("\n"),
      });
      expect(told()).toEqual(wanted);
    }
    const sent = ofKinds(spans(), Kind.producer).map(essence).sort();
    expect(sent).toEqual([
      "send orders | 0 | - | 5 | - | -",
      "send orders | 0 | 0 | 5 | - | -",
      "send orders | 0 | 5 | 5 | - | -",
    ]);
    const commits = asClient()
      .filter(({ name }) => name === "commit orders")
      .map(essence)
      .sort();
    expect(commits).toEqual([
      "commit orders | 0 | 15 | - | group-classic | -",
      "commit orders | 0 | 15 | - | group-consumer | -",
    ]);
    const refused = asClient().filter(
      ({ attributes }) => attributes["error.type"] === "TOPIC_ALREADY_EXISTS",
    );
    expect(refused.map(essence)).toEqual([
      "CreateTopics orders | - | - | - | - | TOPIC_ALREADY_EXISTS",
    ]);
    // One that a consumer leaves behind when it ends has brought nothing.
    const polled = asClient().filter(
      ({ name, attributes }) =>
        name.startsWith("poll") && attributes["messaging.batch.message_count"] !== undefined,
    );
    const counts = polled.map(({ attributes }) =>
      Number(attributes["messaging.batch.message_count"]),
    );
    // Topics are fetched by their ids; their names went over other connections.
    expect(new Set(polled.map(({ name }) => name))).toEqual(new Set(["poll orders"]));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30);
  },
  TIMEOUT_MS,
);

/** The offsets of one topic's sends in the order in which they began. */
function offsetsOf(told: readonly SpanRecord[], topic: string): number[] {
  return told
    .filter(({ name }) => name === `send ${topic}`)
    .sort((one, other) => (one.start < other.start ? -1 : one.start > other.start ? 1 : 0))
    .map(({ attributes }) => Number(attributes["messaging.kafka.offset"]));
}

test(
  "10,000 requests of 8 threads, several on their way at a time: each has its own answer",
  async () => {
    await output(program("kafka_many.py", broker.port, THREADS, MESSAGES), {
      env: agent.environment,
    });
    // What was sent before the broker leads a new topic is refused, and sent again.
    const sends = (kind: number) =>
      ofKinds(spans(), kind).filter(
        ({ name, attributes }) =>
          name.startsWith("send many-") && attributes["error.type"] === undefined,
      );
    for (const kind of [Kind.producer, Kind.server]) {
      await waitFor(() => sends(kind).length >= THREADS * MESSAGES, {
        what: "10,000 sends",
        withinMs: 120_000,
        seen: () => String(sends(kind).length),
      });
      const told = sends(kind);
      expect(told).toHaveLength(THREADS * MESSAGES);
      for (let thread = 0; thread < THREADS; thread++) {
        const wanted = Array.from({ length: MESSAGES }, (_, index) => index);
        expect(offsetsOf(told, `many-${thread}`)).toEqual(wanted);
      }
    }
    const lost = losses(await agent.status());
    expect([
      lost["stream_gap"] ?? 0,
      lost["orphan_response"] ?? 0,
      lost["parse_error"] ?? 0,
    ]).toEqual([0, 0, 0]);
  },
  TIMEOUT_MS,
);

test(
  "tracing begins in the middle of busy connections, and under TLS: what is told is right",
  async () => {
    const onDemand = await startAgent({ onDemand: true });
    const env = onDemand.environment;
    const clients = [
      start(program("kafka_python_loop.py", broker.port, "-", "open"), {
        env,
        keepStdinOpen: true,
      }),
      start(program("kafka_python_loop.py", broker.tlsPort, broker.certificate, "secret"), {
        env,
        keepStdinOpen: true,
      }),
    ];
    for (const client of clients) await waitForOutput(client, /ready/);
    expect((await onDemand.trace("start")).code).toBe(0);
    for (const topic of ["open", "secret"]) {
      const told = (verb: string) =>
        spans(onDemand).filter(({ name }) => name === `${verb} ${topic}`);
      await waitFor(() => told("send").length >= 50 && told("poll").length >= 50, {
        what: `exchanges of ${topic}`,
        withinMs: 120_000,
        seen: () => spans(onDemand).map(essence).join("\n"),
      });
    }
    for (const client of clients) client.write("end\n");
    for (const client of clients) expect((await client.ended).code).toBe(0);
    for (const [index, topic] of ["open", "secret"].entries()) {
      const total = Number(/sent (\d+)/.exec(clients[index]?.stdout() ?? "")?.[1]);
      await waitFor(() => offsetsOf(spans(onDemand), topic).includes(total - 1), {
        what: "the last send",
      });
      const offsets = offsetsOf(spans(onDemand), topic).filter((offset) => !Number.isNaN(offset));
      const [first = 0] = offsets;
      expect(offsets).toEqual(Array.from({ length: total - first }, (_, place) => first + place));
      const named = spans(onDemand).filter(
        ({ attributes }) => attributes["messaging.client.id"] === topic,
      );
      const broken = named.filter(
        ({ attributes }) => attributes["olly.exchange.outcome"] !== undefined,
      );
      expect(broken.length).toBeLessThanOrEqual(4);
    }
    expect(readFileSync(onDemand.file, "utf8")).not.toContain("hidden");
  },
  TIMEOUT_MS,
);

test("nothing of a record is told", () => {
  const told = readFileSync(agent.file, "utf8")
    .split("\n")
    .filter((line) => line.includes("resourceSpans"));
  expect(told.length).toBeGreaterThan(0);
  expect(told.join("\n")).not.toContain("hidden");
});
