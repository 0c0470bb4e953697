/** Pairing in the corners that the recorded conversations do not reach. */
import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import { testConnection } from "../../../test/harness/stream-cases.ts";
import type { Side } from "../../model/connection.ts";
import { SpanKind } from "../../model/span.ts";
import { FrameType, PROTOCOL_HEADER } from "./frames.ts";
import { amqp } from "./index.ts";
import { amqpLimits } from "./limits.ts";
import { Method, methodOf } from "./methods.ts";
import { frame, join, longString, method, shortString, uint } from "./test-conversation.ts";

const CHANNEL = 1;
const octet = (value: number) => Uint8Array.of(value);

function setUp(connection: Partial<typeof testConnection> = {}) {
  const driver = new ReferenceDriver(amqp, { ...testConnection, ...connection });
  let now = 0;
  const says = (side: Side, ...parts: readonly Uint8Array[]) => {
    now += 1_000;
    driver.feed(side, join(...parts), now);
  };
  const client = (...parts: readonly Uint8Array[]) => says("request", ...parts);
  const server = (...parts: readonly Uint8Array[]) => says("response", ...parts);
  const told = () =>
    driver.closed.flatMap((exchange) => {
      const draft = amqp.describe(exchange, { httpKnownMethods: new Set() });
      if (draft === undefined) return [];
      const length = (exchange.endNs - exchange.startNs) / 1_000;
      return [`${draft.name} ${exchange.outcome} ${length}`];
    });
  if (connection.midstream !== true) {
    client(PROTOCOL_HEADER);
    client(method(CHANNEL, Method.channelOpen, shortString("")));
    server(method(CHANNEL, Method.channelOpenOk, uint(0, 4)));
  }
  const lose = (side: Side) => driver.gap(side, 100, now);
  const pause = (ns: number) => {
    now += ns;
  };
  return { driver, client, server, told, lose, pause };
}

const header = (size: number, flags = 0, properties: Uint8Array = new Uint8Array()) =>
  frame(
    FrameType.header,
    CHANNEL,
    join(uint(60, 2), uint(0, 2), uint(size, 8), uint(flags, 2), properties),
  );
const body = (text: string) => frame(FrameType.body, CHANNEL, new TextEncoder().encode(text));
const publish = (key: string, bits = 0) =>
  method(CHANNEL, Method.publish, join(uint(0, 2), shortString(""), shortString(key), octet(bits)));
const message = (key: string) => join(publish(key), header(2), body("hi"));
const confirm = (tag: number, multiple = 0) =>
  method(CHANNEL, Method.ack, join(uint(tag, 8), octet(multiple)));
const select = method(CHANNEL, Method.confirmSelect, octet(0));
const selectOk = method(CHANNEL, Method.confirmSelectOk, new Uint8Array());
const deliver = (tag: number, consumer = "c") =>
  join(
    method(
      CHANNEL,
      Method.deliver,
      join(shortString(consumer), uint(tag, 8), octet(0), shortString(""), shortString("q")),
    ),
    header(2),
    body("hi"),
  );
const declare = (queue: string, bits = 0) =>
  method(
    CHANNEL,
    Method.queueDeclare,
    join(uint(0, 2), shortString(queue), octet(bits), uint(0, 4)),
  );
const declared = (queue: string) =>
  method(CHANNEL, Method.queueDeclareOk, join(shortString(queue), uint(0, 8)));

describe("confirms", () => {
  test("multiple confirms all up to the tag, 0 all there are", () => {
    const { client, server, told } = setUp();
    client(select);
    server(selectOk);
    client(message("a"), message("b"), message("c"), message("d"));
    server(confirm(2, 1));
    server(confirm(0, 1));
    expect(told().slice(1)).toEqual([
      ...["publish a complete 1", "publish b complete 1"],
      ...["publish c complete 2", "publish d complete 2"],
    ]);
  });

  test("a confirm of a message that was never sent ends the counting", () => {
    const { client, server, told } = setUp();
    client(select);
    server(selectOk);
    client(message("a"));
    server(confirm(9));
    client(message("b"));
    server(confirm(10));
    expect(told().slice(1)).toEqual(["publish a truncated 1", "publish b truncated 0"]);
  });

  test("after lost requests the messages that wait are confirmed, later ones when it is known", () => {
    const { client, server, told, lose } = setUp();
    client(select);
    server(selectOk);
    client(message("before"));
    lose("request");
    server(confirm(1));
    for (let tag = 3; tag <= 6; tag++) {
      client(message(`m${tag}`));
      server(confirm(tag));
    }
    expect(told().slice(1)).toEqual([
      ...["publish before complete 1", "publish m3 truncated 0", "publish m4 truncated 0"],
      ...["publish m5 complete 1", "publish m6 complete 1"],
    ]);
  });

  test("the answer to a lost confirm.select shows that confirms are on", () => {
    const { client, server, told, lose } = setUp();
    lose("request");
    server(selectOk);
    for (let tag = 1; tag <= 3; tag++) {
      client(message(`m${tag}`));
      server(confirm(tag));
    }
    expect(told()).toEqual([
      ...["publish m1 truncated 0", "publish m2 truncated 0", "publish m3 complete 1"],
    ]);
  });

  test("a client that sends ahead is not counted again", () => {
    const { client, server, told, lose } = setUp();
    client(select);
    server(selectOk);
    client(message("a"), message("b"));
    server(confirm(2, 1));
    lose("request");
    for (let tag = 4; tag <= 8; tag++) {
      client(message("later"));
      server(confirm(tag));
    }
    expect(new Set(told().slice(3))).toEqual(new Set(["publish later truncated 0"]));
  });

  const look = method(CHANNEL, Method.get, join(uint(0, 2), shortString("q"), octet(0)));
  const empty = method(CHANNEL, Method.getEmpty, shortString(""));

  test("joined in the middle, a client that waits in a thread of its own is paired", () => {
    const { client, server, told } = setUp({ midstream: true });
    for (const tag of [7, 8, 9]) {
      client(message("a"));
      server(confirm(tag));
    }
    expect(told()).toEqual([
      "publish a truncated 0",
      "publish a truncated 0",
      "publish a complete 1",
    ]);
  });

  test("joined in the middle, silence before a message shows an event loop that waits", () => {
    for (const [pauseNs, last] of [
      [99e6, "truncated 0"],
      [100e6, "complete 1"],
    ] as const) {
      const { driver, client, server, told, pause } = setUp({ midstream: true });
      driver.eventLoop = true;
      for (const tag of [7, 8, 9]) {
        client(message("a"));
        server(confirm(tag));
        if (tag === 7) pause(pauseNs - 1_000);
      }
      expect([pauseNs, told().at(-1)]).toEqual([pauseNs, `publish a ${last}`]);
    }
  });

  test("joined in the middle, a method between two messages shows an event loop that waits", () => {
    const { driver, client, server, told } = setUp({ midstream: true });
    driver.eventLoop = true;
    for (const tag of [7, 8, 9]) {
      client(message("a"));
      server(confirm(tag));
      client(look);
      server(empty);
    }
    expect(told().filter((line) => line.startsWith("publish"))).toEqual([
      "publish a truncated 0",
      "publish a truncated 0",
      "publish a complete 1",
    ]);
  });

  test("joined in the middle, an event loop one message ahead for ever is not paired", () => {
    const { driver, client, server, told } = setUp({ midstream: true });
    driver.eventLoop = true;
    for (let tag = 7; tag < 1_007; tag++) {
      client(message("a"));
      server(confirm(tag));
    }
    expect(new Set(told())).toEqual(new Set(["publish a truncated 0"]));
  });

  test("joined in the middle, methods that are sent ahead are not paired any more", () => {
    const { client, server, told } = setUp({ midstream: true });
    for (let round = 0; round < 50; round++) {
      client(declare("a"));
      server(declared("b"));
      client(declare("b"));
      server(declared("a"));
    }
    expect(told().filter((line) => line.includes("complete"))).toEqual([]);
  });

  test("lost confirms give up what waits, and the count goes on", () => {
    const { client, server, told, lose } = setUp();
    client(select);
    server(selectOk);
    client(message("a"));
    lose("response");
    client(message("b"));
    server(confirm(2));
    expect(told().slice(1)).toEqual(["publish a truncated 0", "publish b complete 1"]);
  });
});

describe("deliveries", () => {
  const consume = (consumer: string, bits: number) =>
    method(
      CHANNEL,
      Method.consume,
      join(uint(0, 2), shortString("q"), shortString(consumer), octet(bits), uint(0, 4)),
    );

  test("end with the acknowledgement that names them", () => {
    const { client, server, told } = setUp();
    client(consume("c", 0));
    server(method(CHANNEL, Method.consumeOk, shortString("c")));
    server(deliver(1), deliver(2), deliver(3));
    client(method(CHANNEL, Method.reject, join(uint(2, 8), octet(1))));
    client(method(CHANNEL, Method.ack, join(uint(3, 8), octet(1))));
    expect(told().slice(1)).toEqual([
      ...["consume q complete 1", "consume q complete 2", "consume q complete 2"],
    ]);
  });

  test("without acks end with their bodies", () => {
    const { client, server, told } = setUp();
    client(consume("c", 2 + 8));
    server(deliver(1));
    expect(told()).toEqual(["basic.consume q one_way 0", "consume q one_way 0"]);
  });

  test("that nobody acknowledges for long are given up, the others go on", () => {
    const { client, server, driver, told } = setUp();
    client(consume("c", 0));
    server(method(CHANNEL, Method.consumeOk, shortString("c")));
    server(deliver(1));
    driver.expire(239e9);
    expect(told().length).toBe(1);
    driver.expire(241e9);
    server(deliver(2));
    client(confirm(2));
    expect(told().slice(1)).toEqual([`consume q no_response ${241e6 - 6}`, "consume q complete 1"]);
  });

  test("are the broker's to send", () => {
    const { client, server, driver } = setUp({ role: "server" });
    client(consume("c", 2));
    server(method(CHANNEL, Method.consumeOk, shortString("c")));
    server(deliver(1));
    const last = driver.closed.at(-1);
    const draft = last && amqp.describe(last, { httpKnownMethods: new Set() });
    expect(draft?.kind).toBe(SpanKind.producer);
    expect(draft?.name).toBe("deliver q");
    expect(last?.pushed).toBe(true);
    expect(last?.index).toBe(0);
  });

  test("of several unknown consumers the one is learnt that an ack is certainly about", () => {
    const { client, server, told } = setUp({ midstream: true });
    server(deliver(5, "one"), deliver(6, "two"));
    client(confirm(5));
    server(deliver(7, "one"), deliver(8, "two"));
    client(confirm(7));
    expect(told()).toEqual([
      ...["consume q truncated 0", "consume q truncated 0", "consume q truncated 0"],
      "consume q complete 1",
    ]);
  });

  test("that nobody acknowledges are bounded", () => {
    const { client, server, driver } = setUp();
    client(consume("c", 0));
    server(method(CHANNEL, Method.consumeOk, shortString("c")));
    for (let tag = 1; tag <= amqpLimits.inFlightMax + 50; tag++) server(deliver(tag));
    expect(driver.openCount).toBeLessThan(amqpLimits.inFlightMax);
    client(confirm(0, 1));
    expect(driver.openCount).toBe(0);
  });
});

describe("synchronous methods", () => {
  test("an answer of another kind or name is no answer", () => {
    const { client, server, told, driver } = setUp();
    client(declare("a"));
    server(declared("b"));
    client(declare("c"));
    server(method(CHANNEL, methodOf(60, 11), new Uint8Array()));
    expect(told()).toEqual(["queue.declare a truncated 1", "queue.declare c truncated 1"]);
    expect(driver.orphans).toBe(2);
  });

  test("sent ahead they are paired in order, until something is lost", () => {
    const { client, server, told, lose } = setUp();
    client(declare("a"), declare("b"));
    server(declared("a"), declared("b"));
    client(declare("c"), declare("d"));
    lose("request");
    server(declared("c"));
    client(declare("e"));
    server(declared("e"));
    expect(told()).toEqual([
      ...["queue.declare a complete 1", "queue.declare b complete 1"],
      ...["queue.declare c truncated 0", "queue.declare d truncated 0"],
      "queue.declare e truncated 0",
    ]);
  });

  test("no-wait wants no answer; an empty name means the queue declared last", () => {
    const { client, server, told } = setUp();
    client(declare("a", 16));
    client(declare(""));
    server(declared("amq.gen-1"));
    client(method(CHANNEL, methodOf(50, 30), join(uint(0, 2), shortString(""), octet(0))));
    server(method(CHANNEL, methodOf(50, 31), uint(0, 4)));
    expect(told()).toEqual([
      ...["queue.declare a one_way 0", "queue.declare amq.gen-{id} complete 1"],
      "queue.purge amq.gen-{id} complete 1",
    ]);
  });
});

describe("messages", () => {
  test("a body that is longer than its header says is given up, as is a header without method", () => {
    const { client, told } = setUp();
    client(publish("a"), header(2), body("too long"));
    client(header(2), body("hi"));
    client(publish("b"), publish("c"), header(0));
    expect(told()).toEqual(["publish a truncated 0", "publish c one_way 0"]);
  });

  test("trace context is read from headers of any shape, and not from too long ones", () => {
    const { client, driver } = setUp();
    const field = (name: string, type: string, value: Uint8Array) =>
      join(shortString(name), octet(type.charCodeAt(0)), value);
    const headers = (...fields: Uint8Array[]): Uint8Array => {
      const table = join(...fields);
      return join(uint(table.length, 4), table);
    };
    const sends = (table: Uint8Array) => client(publish("a"), header(0, 0x2000, table));
    sends(
      headers(
        field("a", "A", longString("nested")),
        field("n", "l", uint(1, 8)),
        field("v", "V", new Uint8Array()),
        field("traceparent", "S", longString("00-1-2-01")),
        field("tracestate", "x", longString("k=v")),
      ),
    );
    sends(headers(field("traceparent", "S", longString("0".repeat(129)))));
    sends(headers(field("traceparent", "I", uint(1, 4))));
    sends(headers(field("x", "?", uint(1, 4)), field("traceparent", "S", longString("late"))));
    sends(join(uint(0xffffffff, 4), field("traceparent", "S", longString("cut"))));
    expect(driver.opened.slice(-5).map((it) => [it.traceparent, it.tracestate])).toEqual([
      ["00-1-2-01", "k=v"],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
      ["cut", undefined],
    ]);
  });

  test("a connection that is blocked tells why", () => {
    const { server, driver } = setUp();
    server(method(0, Method.blocked, shortString("low on memory\u001b[31m")));
    server(method(0, Method.unblocked, new Uint8Array()));
    const drafts = driver.closed
      .map((exchange) => amqp.describe(exchange, { httpKnownMethods: new Set() }))
      .filter((draft) => draft !== undefined);
    expect(drafts.map(({ name, status, statusMessage }) => [name, status, statusMessage])).toEqual([
      ["connection.blocked 192.0.2.10:4000", 2, "low on memory\\x1b[31m"],
      ["connection.unblocked 192.0.2.10:4000", 0, undefined],
    ]);
  });
});

describe("detection", () => {
  const view = (bytes: Uint8Array) => ({
    bytes,
    start: 0,
    end: bytes.length,
    timeAt: () => 0,
    tidAt: () => 0,
    eventLoopAt: () => false,
  });

  test("AMQP 1.0 and the drafts are not ours", () => {
    for (const version of [
      [0, 1, 0, 0],
      [3, 1, 0, 0],
      [2, 1, 0, 0],
      [1, 1, 8, 0],
    ]) {
      const bytes = join(new TextEncoder().encode("AMQP"), Uint8Array.from(version));
      expect(amqp.detect(view(bytes))).toBe("no");
    }
    expect(amqp.detect(view(PROTOCOL_HEADER))).toBe("request");
  });

  test("a side is told by what only it sends", () => {
    const heartbeat = frame(FrameType.heartbeat, 0, new Uint8Array());
    expect(amqp.detect(view(heartbeat))).toBe("more");
    expect(amqp.detect(view(confirm(1)))).toBe("more");
    expect(amqp.detect(view(join(heartbeat, confirm(1), message("a"))))).toBe("request");
    expect(amqp.detect(view(join(confirm(1), deliver(1))))).toBe("response");
    const start = join(octet(0), octet(8), uint(0, 4), longString(""), longString(""));
    expect(amqp.detect(view(method(0, Method.start, start)))).toBe("no");
  });

  test("frames are found behind the rest of a body, and not in one", () => {
    const state = amqp.createState({ ...testConnection, midstream: true });
    const rest = new Uint8Array(500).fill(1);
    const found = amqp.resync(view(join(rest, message("a"))), "request", state);
    expect(found).toBe(500);
    expect(amqp.resync(view(rest), "request", state)).toBe(-1);
    expect(amqp.resync(view(join(rest, deliver(1))), "request", state)).not.toBe(500);
  });
});
