/**
 * AMQP 0-9-1 as its own programs speak it: pika and the tools of rabbitmq-c with RabbitMQ, which is
 * hooked too. tshark is the judge. Invariant: both ends tell the same operations, and no body,
 * header or password.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AgentStatus, losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { output, run, start, stopAll, temporaryDirectory, text } from "../harness/processes.ts";
import { type RabbitMq, startRabbitMq } from "../harness/rabbitmq.ts";
import { startCapture } from "../harness/tshark.ts";
import { amqpOperations } from "../harness/tshark-amqp.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const SECRET = "hidden-in-a-body";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const THREADS = 8;
/** Of each thread: as many messages confirmed as got. */
const ROUNDS = 625;

let agent: TestAgent;
let broker: RabbitMq;
let directory: string;

beforeAll(async () => {
  agent = await startAgent();
  directory = temporaryDirectory();
  broker = await startRabbitMq({ env: agent.environment });
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function spansOf(from: TestAgent = agent): SpanRecord[] {
  return readOtlpFile(from.file).spans.filter(
    ({ attributes }) => attributes["messaging.system"] === "rabbitmq",
  );
}

/** The broker's own kind for what it sends is the same as that of a client that publishes. */
function isClient({ attributes, kind }: SpanRecord): boolean {
  const isPublish = attributes["messaging.operation.name"] === "publish";
  return kind === Kind.client || kind === Kind.consumer || (kind === Kind.producer && isPublish);
}

/** As AmqpOperation.text. */
function told({ attributes }: SpanRecord): string {
  const operation = String(attributes["messaging.operation.name"]);
  return [
    operation === "deliver" ? "consume" : operation,
    attributes["messaging.rabbitmq.destination.routing_key"] ?? "",
    attributes["olly.messaging.message.body.size"] ?? "",
    attributes["olly.messaging.settlement"] ?? "",
    attributes["error.type"] ?? "",
  ].join("|");
}

/** A line that a notice of the broker makes, which is no operation of the judge's. */
function isNotice(line: string): boolean {
  return /^(channel\.close|connection\.close|return)\|/.test(line);
}

const SESSION = `
import pika, sys
where = pika.ConnectionParameters("127.0.0.1", int(sys.argv[1]))
connection = pika.BlockingConnection(where)
channel = connection.channel()
trace = {"traceparent": "00-${TRACE}-b7ad6b7169203331-01", "x-secret": "${SECRET}"}
channel.exchange_declare("orders", exchange_type="topic")
channel.queue_declare("created")
channel.queue_bind("created", "orders", "order.*")
channel.basic_publish("orders", "order.created", b"${SECRET}", pika.BasicProperties(headers=trace))
channel.basic_publish("", "created", b"")
channel.basic_publish("", "created", b"${SECRET}" * 40000)
for _ in range(4):
    method, _, _ = channel.basic_get("created", auto_ack=True)
channel.confirm_delivery()
channel.basic_publish("", "created", b"confirmed", pika.BasicProperties(message_id="m-1", headers=trace))
try:
    channel.basic_publish("", "nowhere", b"lost", mandatory=True)
except pika.exceptions.UnroutableError:
    pass
channel.queue_declare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
channel.basic_publish("", "full", b"1")
try:
    channel.basic_publish("", "full", b"2")
except pika.exceptions.NackError:
    pass
channel.basic_qos(prefetch_count=5)
seen = 0
def handle(channel, method, properties, body):
    global seen
    seen += 1
    if seen == 1: channel.basic_nack(method.delivery_tag, requeue=True)
    elif seen == 2: channel.basic_reject(method.delivery_tag, requeue=False)
    elif seen == 5: channel.basic_ack(method.delivery_tag, multiple=True)
tag = channel.basic_consume("created", handle)
while seen < 2:
    connection.process_data_events(1)
for number in range(3):
    channel.basic_publish("", "created", b"more")
while seen < 5:
    connection.process_data_events(1)
channel.basic_cancel(tag)
try:
    channel.queue_declare("absent", passive=True)
except pika.exceptions.ChannelClosedByBroker:
    pass
channel = connection.channel()
channel.tx_select()
channel.basic_publish("", "created", b"tx")
channel.tx_commit()
for queue in ("created", "full"):
    channel.queue_delete(queue)
channel.exchange_delete("orders")
connection.close()
`;

test(
  "pika and the broker tell what tshark has decoded",
  async () => {
    const before = spansOf().length;
    const capture = await startCapture([broker.port]);
    await output(["timeout", "-s", "KILL", "30", python, "-c", SESSION, String(broker.port)], {
      env: agent.environment,
    });
    await capture.stop();
    const judged = (await amqpOperations(capture.file, broker.port)).map((it) => it.text).sort();
    expect(judged.length).toBeGreaterThan(30);
    const sides = () => {
      const spans = spansOf().slice(before);
      const lines = (isOwn: (span: SpanRecord) => boolean) =>
        spans
          .filter(isOwn)
          .map(told)
          .filter((line) => !isNotice(line))
          .sort();
      return { client: lines(isClient), server: lines((span) => !isClient(span)) };
    };
    await waitFor(
      () => sides().client.length >= judged.length && sides().server.length >= judged.length,
      { what: "the spans of both ends", seen: () => JSON.stringify(sides()) },
    );
    expect(sides().client).toEqual(judged);
    expect(sides().server).toEqual(judged);
    const spans = spansOf().slice(before);
    const traced = spans.filter(({ traceId }) => traceId === TRACE);
    // The broker goes on with the publisher's context, the consumer with the message's.
    expect(traced.map(({ kind }) => kind).sort()).toEqual([
      Kind.server,
      Kind.server,
      ...Array(2).fill(Kind.consumer),
    ]);
    const publish = spans.find(
      (span) => isClient(span) && span.attributes["messaging.message.id"] === "m-1",
    );
    expect(publish?.name).toBe("publish created");
    expect(publish?.attributes["messaging.destination.name"]).toBe("created");
    expect(publish?.attributes["messaging.operation.type"]).toBe("send");
  },
  TIMEOUT_MS,
);

test(
  "amqp-publish, amqp-consume, and TLS",
  async () => {
    const before = spansOf().length;
    const server = ["--server=127.0.0.1", `--port=${broker.port}`];
    const env = agent.environment;
    await output(["amqp-declare-queue", ...server, "-q", "tools"], { env });
    await output(["amqp-publish", ...server, "-r", "tools", "-b", SECRET], { env });
    await output(["amqp-consume", ...server, "-q", "tools", "-c", "1", "cat"], { env });
    const program = `
import pika, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
where = pika.ConnectionParameters("localhost", int(sys.argv[1]), ssl_options=pika.SSLOptions(context, "localhost"))
connection = pika.BlockingConnection(where)
channel = connection.channel()
channel.confirm_delivery()
channel.basic_publish("", "tools", b"${SECRET}", pika.BasicProperties(message_id="under-tls"))
connection.close()
`;
    await output(
      [
        ...["timeout", "-s", "KILL", "20", python, "-c", program],
        ...[String(broker.tlsPort), broker.certificate],
      ],
      { env },
    );
    const clients = () => spansOf().slice(before).filter(isClient).map(told);
    await waitFor(() => clients().length >= 7, {
      what: "seven operations",
      seen: () => clients().join("\n"),
    });
    expect(clients()).toEqual([
      ...["queue.declare||||", `publish|tools|${SECRET.length}||`],
      ...["basic.qos||||", "basic.consume||||", `consume|tools|${SECRET.length}|ack|`],
      ...["confirm.select||||", `publish|tools|${SECRET.length}|ack|`],
    ]);
  },
  TIMEOUT_MS,
);

function gaps(status: AgentStatus): number {
  const { stream_gap = 0, orphan_response = 0 } = losses(status);
  return stream_gap + orphan_response;
}

/** Threads with a connection each: a message confirmed, then got, with the same marker. */
const BUSY = `
import pika, sys, threading, time
port, threads, rounds = (int(argument) for argument in sys.argv[1:4])
hold = len(sys.argv) > 4
def work(thread):
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    channel = connection.channel()
    queue = "busy-%s" % chr(97 + thread)
    channel.queue_declare(queue)
    channel.confirm_delivery()
    number = 0
    while number < rounds if not hold else not over.is_set():
        properties = pika.BasicProperties(message_id="%d-%d" % (thread, number))
        channel.basic_publish("", queue, b"x" * 900, properties)
        method, got, body = channel.basic_get(queue, auto_ack=True)
        assert got.message_id == properties.message_id
        number += 1
        if hold: time.sleep(0.01)
    channel.queue_delete(queue)
    connection.close()
over = threading.Event()
workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
for worker in workers: worker.start()
if hold:
    print("busy", flush=True)
    sys.stdin.readline()
    over.set()
for worker in workers: worker.join()
`;

/** Of each connection in order: publish and get take turns, and carry the same marker. */
function expectTurns(spans: readonly SpanRecord[]): Map<string, SpanRecord[]> {
  const threads = new Map<string, SpanRecord[]>();
  for (const span of spans) {
    const id = span.attributes["messaging.message.id"];
    if (typeof id !== "string" || span.attributes["olly.exchange.outcome"] !== undefined) continue;
    const [thread = ""] = id.split("-");
    threads.set(thread, [...(threads.get(thread) ?? []), span]);
  }
  for (const [, own] of threads) {
    own.sort((one, other) => (one.start < other.start ? -1 : 1));
    for (const [place, span] of own.entries()) {
      const next = own[place + 1];
      if (next === undefined) continue;
      expect(span.end <= next.start).toBe(true);
      const [mine, its] = [span, next].map(({ attributes }) =>
        Number(String(attributes["messaging.message.id"]).split("-")[1]),
      );
      const isPublish = span.attributes["messaging.operation.name"] === "publish";
      const isGet = next.attributes["messaging.operation.name"] === "get";
      expect([isGet, its]).toEqual([isPublish, isPublish ? mine : Number(mine) + 1]);
    }
  }
  return threads;
}

test(
  "10,000 operations of 8 connections: every answer is its own question's",
  async () => {
    const before = spansOf().length;
    // The middle of what the broker read in one call, when the large body came.
    const gapsBefore = gaps(await agent.status());
    const script = join(directory, "busy.py");
    writeFileSync(script, BUSY);
    const numbers = [broker.port, THREADS, ROUNDS].map(String);
    const ended = await run(["timeout", "-s", "KILL", "60", python, script, ...numbers], {
      env: agent.environment,
    });
    expect([ended.code, text(ended.stderr)]).toEqual([0, ""]);
    const marked = () =>
      spansOf()
        .slice(before)
        .filter(({ attributes }) => attributes["messaging.message.id"] !== undefined);
    const wanted = 2 * 2 * THREADS * ROUNDS;
    await waitFor(() => marked().length >= wanted, {
      what: `${wanted} spans`,
      withinMs: 120_000,
      seen: () => String(marked().length),
    });
    for (const side of [isClient, (span: SpanRecord) => !isClient(span)]) {
      const own = marked().filter(side);
      const threads = expectTurns(own);
      expect([...threads.values()].map((list) => list.length)).toEqual(
        Array(THREADS).fill(2 * ROUNDS),
      );
    }
    // The broker's span is the child of the client's, exchange by exchange.
    const byId = new Map(marked().map((span) => [span.spanId, span]));
    const servers = marked().filter(({ kind }) => kind === Kind.server);
    let alone = 0;
    for (const span of servers) {
      const parent = byId.get(span.parentSpanId);
      const id = parent?.attributes["messaging.message.id"];
      if (id === undefined) alone++;
      else expect(id === span.attributes["messaging.message.id"]).toBe(true);
    }
    // One that was seen before its client's has none.
    expect(alone).toBeLessThan(servers.length / 100);
    expect(gaps(await agent.status())).toBe(gapsBefore);
  },
  TIMEOUT_MS,
);

test(
  "joined in the middle: right within two exchanges of a connection, and never wrong",
  async () => {
    const late = await startAgent({ onDemand: true });
    const script = join(directory, "busy.py");
    const numbers = [broker.port, THREADS, 0].map(String);
    const program = start(["timeout", "-s", "KILL", "60", python, script, ...numbers, "hold"], {
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
    program.write("over\n");
    program.endInput();
    await program.ended;
    const spans = spansOf(late).filter(
      ({ attributes }) => attributes["messaging.message.id"] !== undefined,
    );
    expect(expectTurns(settled(spans)).size).toBe(THREADS);
    for (const operation of ["publish", "get"]) {
      const incomplete = spans.filter(
        ({ attributes }) =>
          attributes["messaging.operation.name"] === operation &&
          attributes["olly.exchange.outcome"] !== undefined,
      );
      // The two confirms that tell where the channel's count is.
      expect(incomplete.length).toBeLessThanOrEqual(operation === "publish" ? 3 * THREADS : 0);
    }
    await late.program.stop();
  },
  TIMEOUT_MS,
);

/** Of each connection what follows its first complete publish: before, messages are truncated. */
function settled(spans: readonly SpanRecord[]): SpanRecord[] {
  const begun = new Set<string>();
  const ordered = [...spans].sort((one, other) => (one.start < other.start ? -1 : 1));
  return ordered.filter(({ attributes }) => {
    const [thread = ""] = String(attributes["messaging.message.id"]).split("-");
    const isPublish = attributes["messaging.operation.name"] === "publish";
    if (isPublish && attributes["olly.exchange.outcome"] === undefined) begun.add(thread);
    return begun.has(thread);
  });
}

test("no body, no header and no password is told", () => {
  const lines = readFileSync(agent.file, "utf8").split("\n");
  const spans = lines.filter((line) => line.includes("resourceSpans")).join("\n");
  expect(spans.includes("publish created")).toBe(true);
  for (const secret of [SECRET, "Z3Vlc3Q", "guest"]) expect(spans.includes(secret)).toBe(false);
});
