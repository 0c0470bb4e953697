/**
 * NATS as nats.c speaks it with nats-server, which is a static Go program and so is seen from its
 * clients only. The judge is a reader of the packets (harness/nats.ts), since Debian 12's tshark
 * does not know NATS. Invariant: no payload, credential or inbox is in a span's name.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type NatsServer, natsLines, natsTold, startNats } from "../harness/nats.ts";
import { losses, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { output, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const THREADS = 8;
const ROUNDS = 625;

let agent: TestAgent;
let server: NatsServer;
let client: string;

beforeAll(async () => {
  agent = await startAgent();
  server = await startNats();
  client = join(temporaryDirectory(), "nats-client");
  const source = join(import.meta.dir, "programs/nats_client.c");
  await output(["cc", "-O1", "-Wall", "-Werror", "-o", client, source, "-lnats", "-lpthread"]);
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function spansOf(from: TestAgent = agent): SpanRecord[] {
  return readOtlpFile(from.file).spans.filter(
    ({ attributes }) => attributes["messaging.system"] === "nats",
  );
}

function url(of: NatsServer): string {
  return `nats://127.0.0.1:${of.port}`;
}

/** As natsTold() names it. */
function told({ attributes }: SpanRecord): string {
  const operation = attributes["messaging.operation.name"];
  const subject = attributes["messaging.destination.name"];
  const isAnswered = attributes["olly.exchange.outcome"] === undefined;
  if (operation === "receive") return "receive";
  if (operation === "ack") return "ask $JS.ACK";
  if (operation === "process") return `process ${subject}${isAnswered ? " answered" : ""}`;
  return `${operation === "publish" && !isAnswered ? "publish" : "ask"} ${subject}`;
}

async function session(of: NatsServer, more: readonly string[]): Promise<SpanRecord[]> {
  const before = spansOf().length;
  await output(["timeout", "-s", "KILL", "20", client, "session", url(of), ...more], {
    env: agent.environment,
  });
  const spans = () => spansOf().slice(before);
  const isLast = ({ attributes }: SpanRecord) =>
    attributes["messaging.destination.name"] === "$JS.API.STREAM.DELETE.EVENTS";
  await waitFor(() => spans().some(isLast), {
    what: "the session's spans",
    seen: () => spans().map(told).join("\n"),
  });
  return spans();
}

test(
  "a session is told as its packets tell it",
  async () => {
    const capture = await startCapture([server.port]);
    const spans = await session(server, []);
    await capture.stop();
    const lines = await natsLines(capture.file, server.port);
    const judged = natsTold(lines).map((line) => line.replace(/^ask \$JS\.ACK\..*/, "ask $JS.ACK"));
    expect(judged.length).toBeGreaterThan(15);
    expect(spans.map(told).sort()).toEqual(judged);
    const names = spans.map(({ name }) => name);
    expect(names).toContain("process orders.*.created");
    expect(names).toContain("publish orders.{id}.created");
    expect(names).toContain("receive EVENTS");
    expect(names.filter((name) => name.includes("_INBOX"))).toEqual([]);
    const of = (name: string) => spans.filter((span) => span.name === name);
    expect(of("request nobody.home").map(({ attributes }) => attributes["error.type"])).toEqual([
      "503",
    ]);
    expect(of("process orders.*.created").map((span) => span.traceId === TRACE)).toEqual([
      false,
      true,
    ]);
    expect(
      of("publish events.one").map(({ attributes }) => attributes["olly.messaging.settlement"]),
    ).toEqual(["ack", "ack", "ack"]);
    expect(
      of("process events.one")
        .map(({ attributes }) => attributes["olly.messaging.settlement"])
        .sort(),
    ).toEqual(["ack", "ack", "term"]);
  },
  TIMEOUT_MS,
);

test(
  "the same under TLS that begins behind INFO",
  async () => {
    const secure = await startNats({ tls: true });
    const plain = await session(server, []);
    const spans = await session(secure, [secure.certificate]);
    expect(spans.map(told).sort()).toEqual(plain.map(told).sort());
    await secure.program.stop();
  },
  TIMEOUT_MS,
);

/** Requests of each thread follow each other; the service's work lies inside its request. */
function expectPairs(spans: readonly SpanRecord[]): Map<string, number> {
  const requests = new Map<string, SpanRecord>();
  const threads = new Map<string, SpanRecord[]>();
  const complete = spans.filter(
    ({ attributes }) => attributes["olly.exchange.outcome"] === undefined,
  );
  for (const span of complete.filter(({ kind }) => kind === Kind.client)) {
    const subject = String(span.attributes["messaging.destination.name"]);
    expect(requests.has(subject)).toBe(false);
    requests.set(subject, span);
    const thread = subject.split(".")[1] ?? "";
    threads.set(thread, [...(threads.get(thread) ?? []), span]);
  }
  for (const [, own] of threads) {
    const numbered = own.map((span) => ({ span, number: numberOf(span) }));
    numbered.sort((one, other) => one.number - other.number);
    for (const [place, { span }] of numbered.entries()) {
      const next = numbered[place + 1];
      if (next !== undefined) expect(span.end <= next.span.start).toBe(true);
    }
  }
  for (const span of complete.filter(({ kind }) => kind === Kind.consumer)) {
    const request = requests.get(String(span.attributes["messaging.destination.name"]));
    if (request === undefined) continue;
    expect(span.start >= request.start && span.end <= request.end).toBe(true);
  }
  return new Map(Array.from(threads, ([thread, own]) => [thread, own.length]));
}

function numberOf({ attributes }: SpanRecord): number {
  return Number(String(attributes["messaging.destination.name"]).split(".")[2]);
}

test(
  "10,000 operations of 8 connections and a service: every answer is its own question's",
  async () => {
    const before = spansOf().length;
    const command = [client, "busy", url(server), String(THREADS), String(ROUNDS)];
    await output(["timeout", "-s", "KILL", "60", ...command], { env: agent.environment });
    const spans = () => spansOf().slice(before);
    const wanted = 2 * THREADS * ROUNDS;
    await waitFor(() => spans().length >= wanted, {
      what: `${wanted} spans`,
      withinMs: 120_000,
      seen: () => String(spans().length),
    });
    expect(spans().length).toBe(wanted);
    const counts = expectPairs(spans());
    expect([...counts.values()]).toEqual(Array(THREADS).fill(ROUNDS));
    const answered = spans().filter(
      ({ kind, attributes }) =>
        kind === Kind.consumer && attributes["olly.exchange.outcome"] === undefined,
    );
    expect(answered.length).toBe(THREADS * ROUNDS);
    expect(new Set(spans().map(({ name }) => name))).toEqual(
      new Set(
        [...counts.keys()].map((thread) => `request echo.${thread}.{id}`).concat("process echo.>"),
      ),
    );
    const lost = losses(await agent.status());
    expect([lost["stream_gap"] ?? 0, lost["orphan_response"] ?? 0]).toEqual([0, 0]);
  },
  TIMEOUT_MS,
);

test(
  "joined in the middle: right within two exchanges of a connection, and never wrong",
  async () => {
    const late = await startAgent({ onDemand: true });
    const command = [client, "busy", url(server), String(THREADS), "0"];
    const program = start(["timeout", "-s", "KILL", "60", ...command], {
      env: late.environment,
      keepStdinOpen: true,
    });
    await waitFor(() => program.stdout().includes("busy"), {
      what: "connections",
      seen: () => program.stderr(),
    });
    expect((await late.trace("start")).code).toBe(0);
    await waitFor(() => spansOf(late).length >= 400, {
      what: "400 spans",
      seen: () => String(spansOf(late).length),
    });
    program.endInput();
    expect((await program.ended).code).toBe(0);
    const spans = spansOf(late);
    expect(expectPairs(spans).size).toBe(THREADS);
    const incomplete = spans.filter(
      ({ attributes, kind }) =>
        kind === Kind.client && attributes["olly.exchange.outcome"] !== undefined,
    );
    expect(incomplete.length).toBeLessThanOrEqual(THREADS);
    await late.program.stop();
  },
  TIMEOUT_MS,
);

test("no payload is told", () => {
  const lines = readFileSync(agent.file, "utf8").split("\n");
  const spans = lines.filter((line) => line.includes("resourceSpans")).join("\n");
  expect(spans.includes("receive EVENTS")).toBe(true);
  expect(spans.includes("hidden-in-a-payload")).toBe(false);
});
