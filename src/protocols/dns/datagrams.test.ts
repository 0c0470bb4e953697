/** Datagrams through the driver that ships: pairing, resends, limits of time, hostile bytes. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../test/harness/stream-cases.ts";
import type { ConnectionInfo, Direction, Role } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import { Drops } from "../../self/drops.ts";
import { ByteStream } from "../../streams/byte-stream.ts";
import { asProtocol } from "../contract.ts";
import { ProtocolDriver } from "../drive.ts";
import { Type } from "./codes.ts";
import { describe as describeExchange } from "./describe.ts";
import { dns, dnsDatagrams } from "./index.ts";
import { dnsLimits } from "./limits.ts";
import {
  message,
  name,
  pointer,
  question,
  RESPONSE,
  record,
  TRUNCATED_RESPONSE,
  uint16,
} from "./test-messages.ts";
import type { DnsDetail } from "./types.ts";

const CLIENT: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "unknown",
  transport: "udp",
  remote: { address: "192.0.2.53", port: 53 },
  local: { address: "192.0.2.1", port: 40_000 },
  tls: false,
  midstream: false,
};

function setUp(role: Role = "unknown") {
  const drops = new Drops();
  const closed: Exchange<DnsDetail>[] = [];
  const told: Exchange<DnsDetail>[] = [];
  const bugs: unknown[] = [];
  const driver = new ProtocolDriver({
    protocols: [asProtocol(dns), asProtocol(dnsDatagrams)],
    drops,
    events: {
      opened: () => {},
      closed: (it) => closed.push(it as Exchange<DnsDetail>),
      tell: (it) => told.push(it as Exchange<DnsDetail>),
      withdrawn: () => {},
    },
  });
  driver.onBug = (error) => bugs.push(error);
  const streams = { in: new ByteStream(1), out: new ByteStream(1) };
  const info = { ...CLIENT, role };
  const conversation = driver.start(info, streams);
  let timeNs = 0;
  const move = (direction: Direction, bytes: Uint8Array, afterNs = 1) => {
    timeNs += afterNs;
    streams[direction].append(bytes, { timeNs, tid: 7, eventLoop: false });
    driver.advance(conversation, direction, { timeNs, tid: 7 });
    streams.in.clear();
    streams.out.clear();
  };
  return {
    drops,
    closed,
    told,
    bugs,
    info,
    ask: (bytes: Uint8Array, afterNs?: number) => move("out", bytes, afterNs),
    answer: (bytes: Uint8Array, afterNs?: number) => move("in", bytes, afterNs),
    expire: (afterNs: number) => {
      timeNs += afterNs;
      driver.expire(conversation, timeNs - 300e9, timeNs);
    },
    close: () => driver.closed(conversation, { timeNs: ++timeNs, tid: 7 }),
  };
}

const address = (last: number) => record(pointer(12), Type.a, [192, 0, 2, last]);
const asked = (id: number, text = "a.test") => message({ id, body: question(text) });
const answered = (id: number, text = "a.test", last = 1) =>
  message({
    id,
    flags: RESPONSE,
    counts: [1, 1, 0, 0],
    body: [...question(text), ...address(last)],
  });

const attributesOf = (exchange: Exchange<DnsDetail> | undefined) =>
  exchange === undefined ? {} : Object.fromEntries(describeExchange(exchange).attributes);

describe("pairs of datagrams", () => {
  test("several in flight, answered in another order", () => {
    const { ask, answer, closed, told: spans, drops, info } = setUp();
    for (const id of [1, 2, 3]) ask(asked(id, `n${id}.test`));
    for (const id of [3, 1, 2]) answer(answered(id, `n${id}.test`, id));
    expect(info.role).toBe("client");
    const told = closed.map((it) => [
      attributesOf(it)["dns.question.name"],
      attributesOf(it)["dns.answers"],
    ]);
    expect(told).toEqual([
      ["n3.test", ["192.0.2.3"]],
      ["n1.test", ["192.0.2.1"]],
      ["n2.test", ["192.0.2.2"]],
    ]);
    expect(spans).toEqual(closed);
    expect(drops.entries()).toEqual([]);
  });

  test("an answer with another question or another id is nobody's", () => {
    const { ask, answer, closed, drops } = setUp();
    ask(asked(1, "a.test"));
    answer(answered(1, "b.test"));
    answer(answered(2, "a.test"));
    answer(message({ id: 1, flags: RESPONSE, body: question("a.test", Type.aaaa) }));
    expect(closed).toEqual([]);
    expect(drops.entries()).toEqual([["orphan_response", 3]]);
    answer(answered(1, "A.Test"));
    expect(closed).toHaveLength(1);
  });

  test("an error without a question is that of the only one with its id", () => {
    const { ask, answer, closed, drops } = setUp();
    ask(asked(5, "a.test"));
    const error = message({ id: 5, flags: 0x8081, counts: [0, 0, 0, 0], body: [] });
    answer(error);
    expect(attributesOf(closed[0])).toMatchObject({
      "olly.dns.response.code": "FORMERR",
      "error.type": "FORMERR",
    });
    ask(asked(6, "a.test"));
    ask(asked(6, "b.test"));
    answer(message({ id: 6, flags: 0x8081, counts: [0, 0, 0, 0], body: [] }));
    expect(closed).toHaveLength(1);
    expect(drops.get("orphan_response")).toBe(1);
  });

  test("a question that is sent again is the same exchange, from the first time on", () => {
    const { ask, answer, closed, drops } = setUp();
    ask(asked(1));
    ask(asked(1), 5e9);
    ask(asked(1), 5e9);
    answer(answered(1), 1e6);
    answer(answered(1), 1e6);
    expect(closed).toHaveLength(1);
    const [exchange] = closed;
    expect((exchange?.endNs ?? 0) - (exchange?.startNs ?? 0)).toBe(10e9 + 1e6);
    expect(attributesOf(exchange)["olly.dns.resend_count"]).toBe(2);
    expect(drops.entries()).toEqual([["orphan_response", 1]]);
  });

  test("no answer in time, and none before the socket is closed", () => {
    const { ask, expire, close, closed, told } = setUp();
    ask(asked(1, "a.test"));
    expire(dnsLimits.answerNsMax - 1);
    expect(closed).toEqual([]);
    ask(asked(2, "b.test"));
    expire(1);
    expect(closed.map(({ outcome }) => outcome)).toEqual(["no_response"]);
    expect(attributesOf(closed[0])["error.type"]).toBe("timeout");
    expect(told).toEqual(closed);
    close();
    expect(told).toEqual(closed);
    expect(closed[1]?.outcome).toBe("closed_early");
    expect(attributesOf(closed[1])["error.type"]).toBe("no_response");
  });

  test("a server's flow: refusals are its answers, its own failure is an error", () => {
    const { ask, answer, closed, info } = setUp();
    answer(asked(1));
    ask(message({ id: 1, flags: 0x8183, body: question("a.test") }));
    answer(asked(2));
    ask(message({ id: 2, flags: 0x8182, body: question("a.test") }));
    expect(info.role).toBe("server");
    const drafts = closed.map((exchange) => describeExchange(exchange));
    expect(drafts.map(({ kind, status }) => [kind, status])).toEqual([
      [2, 0],
      [2, 2],
    ]);
    expect(attributesOf(closed[1])).toMatchObject({
      "error.type": "SERVFAIL",
      "server.address": "192.0.2.1",
      "network.peer.address": "192.0.2.53",
      "network.transport": "udp",
    });
  });

  test("a cut answer says so; what is not there is not told", () => {
    const { ask, answer, closed } = setUp();
    ask(asked(1));
    const body = [...question("a.test"), ...address(1), ...address(2).slice(0, 5)];
    answer(message({ id: 1, flags: TRUNCATED_RESPONSE, counts: [1, 9, 0, 0], body }));
    expect(attributesOf(closed[0])).toMatchObject({
      "dns.answers": ["192.0.2.1"],
      "olly.dns.response.truncated": true,
      "olly.dns.response.answer_count": 9,
    });
  });

  test("EDNS: the code's other bits and the extended error", () => {
    const { ask, answer, closed } = setUp();
    ask(asked(1));
    const option = [...uint16(15), ...uint16(3), ...uint16(22), 0x78];
    const head = [0, ...uint16(Type.opt), ...uint16(1232), 1, 0, 0, 0, ...uint16(option.length)];
    const body = [...question("a.test"), ...head, ...option];
    answer(message({ id: 1, flags: 0x8187, counts: [1, 0, 0, 1], body }));
    expect(attributesOf(closed[0])).toMatchObject({
      "olly.dns.response.code": "BADCOOKIE",
      "olly.dns.response.extended_error": 22,
    });
  });

  test("an answer whose question was not seen tells the sides, and nothing else", () => {
    const { answer, closed, drops, info } = setUp();
    answer(answered(1));
    expect(info.role).toBe("client");
    expect(closed).toEqual([]);
    expect(drops.entries()).toEqual([["orphan_response", 1]]);
  });
});

describe("what is no DNS, and hostile DNS", () => {
  const is = (bytes: Uint8Array) => dnsDatagrams.detect(viewOf(bytes));

  test("only whole questions of known kinds are recognised", () => {
    expect(is(asked(1))).toBe("request");
    expect(is(answered(1))).toBe("response");
    expect(is(new TextEncoder().encode("orders.count:1|c|#env:prod,region:eu"))).toBe("no");
    expect(is(asked(1).subarray(0, -1))).toBe("no");
    expect(is(Uint8Array.from([...asked(1), 0]))).toBe("no");
    expect(is(message({ flags: 0x0140, body: question("a.test") }))).toBe("no");
    expect(is(message({ flags: 0x1900, body: question("a.test") }))).toBe("no");
    expect(is(message({ counts: [2, 0, 0, 0], body: question("a.test") }))).toBe("no");
    expect(is(message({ counts: [1, 1, 0, 0], body: question("a.test") }))).toBe("no");
    // The class with the bit of RFC 6762 18.12: a question to everybody.
    expect(is(message({ body: [...name("a.local"), 0, 1, 0x80, 1] }))).toBe("no");
  });

  test("a datagram is never claimed by another protocol, nor a stream by this one", () => {
    const { ask, info, drops } = setUp();
    ask(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect(info.role).toBe("unknown");
    expect(drops.get("stream_opaque")).toBe(1);
    expect(dns.detect(viewOf(asked(1)))).not.toBe("request");
  });

  const hostile: readonly (readonly [string, readonly number[]])[] = [
    ["a pointer to itself", pointer(36)],
    ["a pointer ahead", pointer(200)],
    ["a pointer beyond the end", pointer(0x3fff)],
    ["half a pointer", [0xc0]],
    ["a label of a reserved kind", [0x80, 1, 2, 0]],
    ["a label beyond the end", [63, 1, 2]],
  ];
  for (const [what, owner] of hostile) {
    test(`${what} ends the reading of records, not the exchange`, () => {
      const { ask, answer, closed, bugs } = setUp();
      ask(asked(1));
      const body = [...question("a.test"), ...record(pointer(12), Type.cname, owner), ...owner];
      answer(message({ id: 1, flags: RESPONSE, counts: [1, 2, 0, 0], body }));
      expect(bugs).toEqual([]);
      expect(closed).toHaveLength(1);
      const records = attributesOf(closed[0])["olly.dns.response.records"];
      expect(records).toEqual([`CNAME (${owner.length} bytes)`]);
    });
  }

  test("a long chain of pointers and a name of more than 255 bytes are given up", () => {
    const { ask, answer, closed } = setUp();
    ask(asked(1));
    const chain = Array.from({ length: 60 }, (_, index) => pointer(12 + 2 * index)).flat();
    const start = 12 + question("a.test").length + 12;
    const links = chain.flatMap((_, index) =>
      index % 2 === 0 ? pointer(index === 0 ? 12 : start + index - 2) : [],
    );
    const first = record(pointer(12), 65_280, links);
    const last = record(pointer(12), Type.cname, pointer(start + links.length - 2));
    const long = Array.from({ length: 5 }, () => [63, ...new Array<number>(63).fill(97)]).flat();
    const body = [
      ...question("a.test"),
      ...first,
      ...last,
      ...record(pointer(12), Type.ns, [...long, 0]),
    ];
    answer(message({ id: 1, flags: RESPONSE, counts: [1, 3, 0, 0], body }));
    expect(attributesOf(closed[0])["olly.dns.response.records"]).toEqual([
      `TYPE65280 (${links.length} bytes)`,
      "CNAME (2 bytes)",
      `NS (${long.length + 1} bytes)`,
    ]);
  });

  test("names of any bytes are written so that they can be told apart", () => {
    const { ask, close, closed } = setUp();
    const labels = [4, 0x2e, 0x5c, 0x20, 0xff, 1, 0x61, 0];
    ask(message({ body: [...labels, ...uint16(Type.a), ...uint16(1)] }));
    ask(message({ id: 2, body: question("", Type.ns) }));
    close();
    expect(closed.map((it) => attributesOf(it)["dns.question.name"])).toEqual([
      "\\.\\\\\\032\\255.a",
      ".",
    ]);
  });

  test("many answers: the first are told, all are counted", () => {
    const { ask, answer, closed } = setUp();
    ask(asked(1));
    const count = 100;
    const body = [
      ...question("a.test"),
      ...Array.from({ length: count }, (_, index) => address(index)).flat(),
    ];
    answer(message({ id: 1, flags: RESPONSE, counts: [1, count, 0, 0], body }));
    const attributes = attributesOf(closed[0]);
    expect(attributes["dns.answers"]).toHaveLength(dnsLimits.answersMax);
    expect(attributes["olly.dns.response.answer_count"]).toBe(count);
  });

  test("changed and random datagrams: no throw, every exchange closed once", () => {
    const random = seededRandom("dns datagrams");
    const { ask, answer, close, closed, bugs } = setUp();
    for (let index = 0; index < 20_000; index++) {
      const bytes = random() < 0.5 ? asked(index & 0xffff) : answered(index & 0xffff);
      for (let change = 0; change < 3; change++) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      (random() < 0.5 ? ask : answer)(bytes);
    }
    close();
    expect(bugs).toEqual([]);
    expect(new Set(closed).size).toBe(closed.length);
  });
});

function viewOf(bytes: Uint8Array) {
  const fixed = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return { bytes, start: 0, end: bytes.length, ...fixed };
}
