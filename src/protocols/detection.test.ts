/**
 * Which protocol a connection speaks, with toy protocols whose first byte names them: letters of a
 * protocol's own alphabet are its frames (capitals ask, small ones answer), "?" is a prefix of both.
 */
import { describe, expect, test } from "bun:test";
import { limits } from "../limits.ts";
import type { Direction, Role } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import { Drops } from "../self/drops.ts";
import { ByteStream } from "../streams/byte-stream.ts";
import { asProtocol, type Detection, type Protocol, type StreamView } from "./contract.ts";
import type { DrivenConnection } from "./conversation.ts";
import { ProtocolDriver } from "./drive.ts";
import { FORGIVING_FRAMES } from "./reader.ts";
import { tcp } from "./tcp-record.ts";

const IN_FLIGHT_MAX = 8;

interface Toy {
  readonly id: string;
  /** What detect() says of a direction's first characters. */
  readonly detect: (text: string) => Detection;
  /** Characters that ask, and that answer; every other one is malformed. */
  readonly asks: string;
  readonly answers: string;
}

interface ToyState {
  readonly pending: Exchange<string>[];
}

const textOf = ({ bytes, start, end }: StreamView) =>
  new TextDecoder().decode(bytes.subarray(start, end));

function toy({ id, detect, asks, answers }: Toy): Protocol {
  const protocol: Protocol<string, ToyState, string> = {
    id,
    limits: { frameBytesMax: 64, inFlightMax: IN_FLIGHT_MAX },
    detect: (view) => detect(textOf(view)),
    createState: () => ({ pending: [] }),
    parse(view, side, state, out) {
      const character = textOf(view)[0] ?? "";
      if (character === ".") return 1;
      if (character === "=") {
        const [exchange] = state.pending;
        const carried = exchange && { exchange, endNs: view.timeAt(view.start), fields: [] };
        out.frame(character);
        out.handOver({ protocol: "heir", carried });
        return 1;
      }
      if (character === "%") {
        out.handOver("tlsResume");
        return 1;
      }
      if (!(side === "request" ? asks : answers).includes(character)) return -1;
      out.frame(`${character}${view.timeAt(view.start)}`);
      return 1;
    },
    lost: () => undefined,
    resync: (view) => view.start,
    match(frame, side, state, emit) {
      const timeNs = Number(frame.slice(1));
      if (side === "request") {
        const start = { startNs: timeNs, tid: 1, eventLoop: false, detail: frame };
        state.pending.push(emit.open(start));
      } else if (frame !== "=") {
        const exchange = state.pending.shift();
        if (exchange === undefined) emit.orphan();
        else emit.close(exchange, timeNs, "complete");
      }
    },
    inherit(_carried, state, adopt) {
      if (id === "heir") state.pending.push(adopt("adopted"));
    },
    describe: () => undefined,
  };
  return asProtocol(protocol);
}

const says =
  (requests: RegExp, responses: RegExp, prefix = /^$/) =>
  (text: string): Detection => {
    if (requests.test(text)) return "request";
    if (responses.test(text)) return "response";
    return prefix.test(text) ? "more" : "no";
  };

/** strict needs two characters; lax takes what strict begins with; both know X as a request. */
const strict = toy({
  id: "strict",
  detect: says(/^(AB|X)/, /^s/, /^A$/),
  asks: "ABX",
  answers: "s",
});
const lax = toy({ id: "lax", detect: says(/^[AX]/, /^l/), asks: "AXC", answers: "l" });
const greeter = toy({ id: "greeter", detect: says(/^$/, /^g/), asks: "G", answers: "g" });
const heir = toy({ id: "heir", detect: () => "no", asks: "H", answers: "h" });
const protocols = [strict, lax, greeter, heir];

function setUp(role: Role = "client", midstream = false) {
  const drops = new Drops();
  const told: string[] = [];
  const events: string[] = [];
  const driver = new ProtocolDriver({
    protocols,
    record: tcp,
    drops,
    events: {
      opened: (exchange) => events.push(`open ${exchange.protocol}`),
      closed: () => undefined,
      tell: ({ protocol, index, outcome, startNs, endNs, detail }) => {
        const what = typeof detail === "string" ? detail : JSON.stringify(detail);
        told.push(`${protocol} ${index} ${what} ${startNs}..${endNs} ${outcome}`);
      },
      withdrawn: (exchange) => events.push(`withdrawn ${exchange.protocol}`),
    },
  });
  const streams = { in: new ByteStream(100), out: new ByteStream(100) };
  const info: DrivenConnection = {
    ...{ id: 1, processId: 1, transport: "tcp", remote: undefined, local: undefined },
    ...{ tls: false, role, midstream },
  };
  const conversation = driver.start(info, streams);
  let now = 0;
  const bytes = (direction: Direction, payload: Uint8Array) => {
    now++;
    streams[direction].append(payload, { timeNs: now, tid: 7, eventLoop: false });
    driver.advance(conversation, direction, { timeNs: now, tid: 7 });
    streams[direction].retain();
  };
  const feed = (direction: Direction, text: string) =>
    bytes(direction, new TextEncoder().encode(text));
  const close = () => {
    now++;
    driver.closed(conversation, { timeNs: now, tid: 7 });
  };
  return { driver, conversation, streams, drops, told, events, feed, bytes, close, info };
}

describe("a conversation without answers", () => {
  test("is believed some time after an error: what is held back is bounded", () => {
    const { feed, conversation, driver, told } = setUp();
    feed("out", "ABX");
    driver.lost(conversation, "in", { timeNs: 4, tid: 7 });
    feed("out", "!");
    expect(conversation.errors).toBe(1);
    for (let count = 1; count < FORGIVING_FRAMES; count++) feed("out", "A");
    expect(told).toEqual([]);
    feed("out", "A");
    expect(conversation.trial).toBeUndefined();
    expect(told.length).toBe(3 + FORGIVING_FRAMES - IN_FLIGHT_MAX);
  });
});

describe("one direction is not enough", () => {
  test("a stricter protocol that wants more bytes is waited for", () => {
    const { feed, conversation, told } = setUp();
    feed("out", "A");
    expect(conversation.mode).toBe("detecting");
    feed("out", "B");
    feed("in", "ss");
    expect(told).toEqual(["strict 0 A1 1..3 complete", "strict 1 B2 2..3 complete"]);
  });

  test("the other direction decides, and what waited is not lost", () => {
    const { feed, told } = setUp();
    feed("out", "A");
    feed("in", "l");
    expect(told).toEqual(["lax 0 A1 1..2 complete"]);
  });

  test("the end of the connection decides, too", () => {
    const { feed, close, told } = setUp();
    feed("out", "A");
    close();
    expect(told).toEqual(["lax 0 A1 1..2 closed_early"]);
  });

  test("two that say yes: the first is taken, the answer corrects it", () => {
    const { feed, told, events } = setUp();
    feed("out", "X");
    expect(events).toEqual(["open strict"]);
    feed("in", "l");
    expect(told).toEqual(["lax 0 X1 1..2 complete"]);
    expect(events).toEqual(["open strict", "withdrawn strict", "open lax"]);
  });

  test("a server that greets is known by its greeting; requests before it are kept", () => {
    for (const pieces of [["GG"], ["G", "G"]]) {
      const { feed, told, drops } = setUp();
      for (const piece of pieces) feed("out", piece);
      feed("in", "g");
      feed("in", "g");
      expect(told.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
        "greeter 0",
        "greeter 1",
      ]);
      expect(drops.entries()).toEqual([]);
    }
  });

  test("the role is learnt from the direction that is recognised", () => {
    const { feed, info, told } = setUp("unknown");
    feed("in", "G");
    feed("out", "g");
    expect(info.role).toBe("server");
    expect(told).toEqual(["greeter 0 G1 1..2 complete"]);
  });
});

test("two directions that claim the same side decide nothing, later ones do", () => {
  const { feed, told, info } = setUp("unknown", true);
  feed("in", "X");
  feed("out", "X");
  expect(info.role).toBe("unknown");
  feed("in", "l");
  feed("out", "A");
  feed("in", "l");
  expect(info.role).toBe("client");
  expect(told).toEqual(["lax 0 A4 4..5 complete"]);
});

describe("a wrong guess", () => {
  test("that does not parse on is given to the others from the beginning", () => {
    const { feed, told, events, drops } = setUp();
    feed("out", "X");
    feed("out", "C");
    feed("in", "l");
    feed("in", "l");
    expect(told).toEqual(["lax 0 X1 1..3 complete", "lax 1 C2 2..4 complete"]);
    expect(events.filter((event) => event === "open lax")).toHaveLength(2);
    expect(drops.entries()).toEqual([]);
  });

  test("tells nothing, whatever was closed meanwhile", () => {
    const { feed, close, told, driver } = setUp();
    feed("out", "X");
    feed("in", "????????????????");
    close();
    expect(told).toEqual([
      'tcp 0 {"receivedBytes":16,"sentBytes":1,"content":"unknown"} 1..3 complete',
    ]);
    expect(driver.openExchanges).toBe(0);
    expect(driver.trialBytes).toBe(0);
  });

  test("is believed after frames enough, although nobody answers", () => {
    const { feed, driver, conversation, told } = setUp();
    feed("out", "XAAAAAAA");
    expect(driver.trialBytes).toBe(0);
    expect(conversation.trial).toBeUndefined();
    expect(told).toEqual([]);
    driver.abandon(conversation, 9);
    expect(told).toHaveLength(8);
  });

  test("one error is survived when the other candidates fail, too", () => {
    const { feed, told, drops } = setUp();
    feed("out", "XB");
    feed("in", "?ss");
    expect(told).toEqual(["strict 0 X1 1..2 complete", "strict 1 B1 1..2 complete"]);
    expect(drops.get("parse_error")).toBe(1);
  });

  test("in the middle of a connection makes room for another, however late", () => {
    const { feed, told, conversation } = setUp("client", true);
    feed("out", `X${".".repeat(2 * limits.detectBytesMax)}`);
    for (let round = 0; round < 9; round++) feed("in", "l");
    expect(conversation.mode).toBe("detecting");
    feed("out", "X");
    feed("in", "l");
    expect(told).toEqual(["lax 0 X11 11..12 complete"]);
  });
});

describe("traffic that is none of these", () => {
  test("is looked at within bounds, then only counted", () => {
    const { bytes, streams, driver, drops, told, close, conversation } = setUp();
    bytes("out", new Uint8Array(100));
    expect(conversation.mode).toBe("detecting");
    bytes("in", new Uint8Array(100));
    expect(conversation.mode).toBe("opaque");
    bytes("in", new Uint8Array(10_000));
    driver.uncaptured(conversation, "out", { length: 900, last: { timeNs: 3, tid: 7 } });
    expect([streams.in.length, streams.out.length, driver.trialBytes]).toEqual([0, 0, 0]);
    expect(drops.entries()).toEqual([["stream_opaque", 1]]);
    close();
    expect(told).toEqual([
      'tcp 0 {"receivedBytes":10100,"sentBytes":1000,"content":"unknown"} 1..4 complete',
    ]);
  });

  test("of one direction alone is given up at detectBytesMax", () => {
    const { bytes, conversation } = setUp();
    bytes("out", new Uint8Array(limits.detectBytesMax - 1));
    expect(conversation.mode).toBe("detecting");
    bytes("out", new Uint8Array(1));
    expect(conversation.mode).toBe("opaque");
  });

  test("joined in the middle, is given up after detectMessagesMax messages", () => {
    const { bytes, conversation, streams, close, told } = setUp("client", true);
    for (let count = 1; count < limits.detectMessagesMax; count++) bytes("in", new Uint8Array(10));
    expect([conversation.mode, streams.in.length]).toEqual(["detecting", 0]);
    bytes("in", new Uint8Array(10));
    expect(conversation.mode).toBe("opaque");
    close();
    expect(told[0]).toEndWith("truncated");
  });

  test("what is kept of all guesses is bounded", () => {
    const { driver, bytes } = setUp();
    for (let round = 0; round < 10; round++) bytes("out", new Uint8Array(390));
    expect(driver.trialBytes).toBeGreaterThan(3_900);
    expect(driver.trialBytes).toBeLessThanOrEqual(2 * limits.detectBytesMax);
  });

  test("a connection without bytes is not told", () => {
    const { close, told } = setUp();
    close();
    expect(told).toEqual([]);
  });

  test("an agent that stops tells what lives on as truncated", () => {
    const { driver, bytes, conversation, told } = setUp();
    bytes("out", new Uint8Array(10));
    driver.abandon(conversation, 5);
    expect(told).toEqual([
      'tcp 0 {"receivedBytes":0,"sentBytes":10,"content":"unknown"} 1..5 truncated',
    ]);
  });
});

describe("TLS", () => {
  const hello = new Uint8Array([22, 3, 1, 0, 50, 1, ...new Uint8Array(45)]);

  test("a hello is ciphertext at once, told as such when no plaintext comes", () => {
    const { bytes, close, told, conversation, drops } = setUp();
    bytes("out", hello);
    expect(conversation.mode).toBe("tls");
    bytes("in", new Uint8Array(1000));
    close();
    expect(told).toEqual([
      'tcp 0 {"receivedBytes":1000,"sentBytes":51,"content":"tls"} 1..3 complete',
    ]);
    expect(drops.entries()).toEqual([]);
  });

  test("plaintext withdraws the record and is looked at afresh", () => {
    const { driver, bytes, feed, close, told, events, conversation } = setUp();
    bytes("out", hello);
    driver.restart(conversation);
    feed("out", "X");
    feed("in", "s");
    close();
    expect(events).toEqual(["open tcp", "withdrawn tcp", "open strict"]);
    expect(told).toEqual(["strict 0 X2 2..3 complete"]);
  });

  test("records in the middle are ciphertext, too", () => {
    const { bytes, conversation } = setUp("client", true);
    bytes("in", new Uint8Array([23, 3, 3, 0, 40, ...new Uint8Array(40)]));
    expect(conversation.mode).toBe("tls");
  });

  test("tlsResume: the plaintext is the protocol's that has asked for TLS", () => {
    const { driver, feed, bytes, conversation, told } = setUp();
    feed("out", "X");
    feed("in", "s");
    feed("out", "%");
    bytes("out", hello);
    driver.restart(conversation);
    feed("out", "B");
    feed("in", "s");
    expect(told.at(-1)).toBe("strict 1 B5 5..6 complete");
  });
});

describe("a hand-over", () => {
  test("to a named protocol carries the open exchange, which that one closes", () => {
    const { feed, told, events } = setUp();
    feed("out", "X");
    feed("in", "=");
    expect(told).toEqual([]);
    feed("in", "h");
    expect(told).toEqual(["heir 0 adopted 1..3 complete"]);
    feed("out", "H");
    feed("in", "h");
    expect(told.at(-1)).toBe("heir 1 H4 4..5 complete");
    expect(events).toEqual(["open strict", "open heir"]);
  });

  test("to a protocol that is disabled ends the exchange and the reading", () => {
    const { told, events, ...rest } = setUp();
    const driver = new ProtocolDriver({
      protocols: [strict],
      drops: new Drops(),
      events: {
        opened: () => undefined,
        closed: () => undefined,
        tell: ({ protocol, outcome }) => told.push(`${protocol} ${outcome}`),
        withdrawn: () => undefined,
      },
    });
    const streams = { in: new ByteStream(9), out: new ByteStream(9) };
    const conversation = driver.start(rest.info, streams);
    for (const [direction, text] of [
      ["out", "X"],
      ["in", "=???"],
    ] as const) {
      const segment = { timeNs: 5, tid: 1, eventLoop: false };
      streams[direction].append(new TextEncoder().encode(text), segment);
      driver.advance(conversation, direction, segment);
      streams[direction].retain();
    }
    expect(told).toEqual(["strict complete"]);
    expect(conversation.mode).toBe("opaque");
    expect(events).toEqual([]);
  });
});
