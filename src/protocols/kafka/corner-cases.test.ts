/** What the fixtures do not show: large frames, old formats, tokens, losses, many in flight. */
import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  type Played,
  play,
  type Step,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import type { ConnectionInfo, Side } from "../../model/connection.ts";
import { ApiKey, apis } from "./apis.ts";
import { errorNameOf, isGroupNotice } from "./errors.ts";
import { learnTopic } from "./facts.ts";
import { kafka } from "./index.ts";
import { layoutOf } from "./layouts.ts";
import { kafkaLimits } from "./limits.ts";
import { conversation } from "./test-conversation.ts";
import * as build from "./test-messages.ts";

const policy = { httpKnownMethods: new Set<string>() };
const asked = (bytes: Uint8Array): Step => ({ side: "request", bytes });
const told = (bytes: Uint8Array): Step => ({ side: "response", bytes });

function played(steps: readonly Step[], connection: Partial<ConnectionInfo> = {}): Played {
  return play({ protocol: kafka, policy }, { name: "made", connection, steps, expected: [] });
}

function detectionOf(bytes: Uint8Array): string {
  const moments = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return kafka.detect({ bytes, start: 0, end: bytes.length, ...moments });
}

describe("names of topics", () => {
  test("are bounded: the first ones go, a known one is no further one", () => {
    const names = new Map<string, string>();
    for (let id = 0; id < kafkaLimits.topicIdsMax; id++) learnTopic(names, `${id}`, `t${id}`);
    learnTopic(names, "0", "again");
    expect(names.size).toBe(kafkaLimits.topicIdsMax);
    learnTopic(names, "new", "topic");
    expect(names.size).toBeLessThan(kafkaLimits.topicIdsMax);
    const last = `${kafkaLimits.topicIdsMax - 1}`;
    expect([names.has("0"), names.get("new"), names.has(last)]).toEqual([false, "topic", true]);
  });
});

describe("tables", () => {
  test("every layout compiles for each of its versions", () => {
    for (const [key, api] of apis.entries()) {
      for (let version = 0; version <= api.versionMax; version++) {
        for (const side of ["request", "response"] as const) {
          const layout = layoutOf(side, key, version);
          expect(layout?.ops.every(({ size }) => Number.isInteger(size)) ?? true).toBe(true);
          expect(layout?.flexible ?? version >= api.flexibleFrom).toBe(version >= api.flexibleFrom);
        }
      }
    }
  });

  const names: [key: number, name: string][] = [
    [0, "Produce"],
    [18, "ApiVersions"],
    [36, "SaslAuthenticate"],
    [47, "OffsetDelete"],
    [68, "ConsumerGroupHeartbeat"],
    [75, "DescribeTopicPartitions"],
    [92, "DeleteShareGroupOffsets"],
  ];
  test.each(names)("API %d is %s", (key, name) => expect(apis[key]?.name).toBe(name));

  const errors: [code: number, name: string][] = [
    [-1, "UNKNOWN_SERVER_ERROR"],
    [6, "NOT_LEADER_OR_FOLLOWER"],
    [79, "MEMBER_ID_REQUIRED"],
    [100, "UNKNOWN_TOPIC_ID"],
    [133, "SHARE_SESSION_LIMIT_REACHED"],
    [999, "code 999"],
  ];
  test.each(errors)("error %d is %s", (code, name) => expect(errorNameOf(code)).toBe(name));

  const notices: [api: number, code: number, isNotice: boolean][] = [
    [ApiKey.joinGroup, 79, true],
    [ApiKey.joinGroup, 27, true],
    [ApiKey.syncGroup, 27, true],
    [ApiKey.heartbeat, 27, true],
    [ApiKey.offsetCommit, 27, false],
    [ApiKey.heartbeat, 79, false],
    [ApiKey.joinGroup, 25, false],
    [ApiKey.joinGroup, 0, false],
  ];
  test.each(notices)("API %d, code %d: part of joining? %p", (api, code, isNotice) =>
    expect(isGroupNotice(api, code)).toBe(isNotice),
  );
});

describe("records", () => {
  function countsOf(records: Uint8Array) {
    const steps = [asked(build.produce(1, "t", records)), told(build.produced(1, "t", 7))];
    const [span] = played(steps).exchanges;
    const { attributes } = span ?? { attributes: {} as Record<string, unknown> };
    return [
      attributes["messaging.batch.message_count"],
      attributes["olly.kafka.batch_count"],
      attributes["olly.kafka.compression"],
    ];
  }
  const three = build.batch({ count: 3 });
  const cases: [what: string, records: Uint8Array, counts: unknown[]][] = [
    ["one batch", three, [3, 1, "none"]],
    ["two batches", build.join(three, build.batch({ count: 4, attributes: 2 })), [7, 2, "none"]],
    ["compressed by zstd", build.batch({ count: 9, attributes: 4 }), [9, 1, "zstd"]],
    ["a transaction's end", build.batch({ attributes: 0x20 }), [0, 0, undefined]],
    ["a batch that is cut off", build.join(three, three.subarray(0, 70)), [3, 1, "none"]],
    ["a negative count", build.batch({ count: -1 }), [undefined, undefined, "none"]],
    [
      "another format",
      build.join(three.subarray(0, 16), [3], three.subarray(17)),
      [undefined, undefined, undefined],
    ],
    [
      "messages of format 0",
      build.join(build.oldMessage(0, 0), build.oldMessage(0, 1)),
      [2, 2, "none"],
    ],
    ["a message of format 1", build.oldMessage(1, 5), [1, 1, "none"]],
    ["messages inside one, format 1", build.oldMessage(1, 5, 1), [undefined, undefined, "gzip"]],
    ["none", new Uint8Array(), [0, 0, undefined]],
  ];
  test.each(cases)("%s", (_, records, counts) => expect(countsOf(records)).toEqual(counts));
});

describe("large frames", () => {
  const size = kafkaLimits.wholeFrameBytesMax * 4;

  test("one batch that is not captured whole is counted", () => {
    const frame = build.produce(1, "t", build.batch({ count: 1_000, bytes: size }));
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", frame.subarray(0, 40_000), 1);
    driver.gap("request", frame.length - 40_000, 2);
    driver.feed("request", build.produce(2, "u", build.batch()), 3);
    driver.feed("response", build.produced(1, "t", 5), 4);
    driver.feed("response", build.produced(2, "u", 6), 5);
    expect(
      driver.closed.map(({ outcome, detail }) => [outcome, detail.topic, detail.messages]),
    ).toEqual([
      ["complete", "t", 1_000],
      ["complete", "u", 1],
    ]);
  });

  test("several batches of which not all are seen are not counted", () => {
    const records = build.join(build.batch({ bytes: size }), build.batch({ bytes: size }));
    const answer = build.fetched(1, "t", records);
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", build.fetch(1, "t"), 1);
    driver.feed("response", answer.subarray(0, 50_000), 2);
    driver.feed("response", answer.subarray(50_000), 3);
    const [{ outcome, detail } = { outcome: "", detail: undefined }] = driver.closed;
    expect([outcome, detail?.topic, detail?.messages]).toEqual(["complete", "t", undefined]);
    expect(detail?.empty).toBe(false);
  });

  test("an answer ends when the last of it has passed", () => {
    const answer = build.fetched(1, "t", build.batch({ count: 5, bytes: size }));
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", build.fetch(1, "t"), 10);
    driver.feed("response", answer.subarray(0, 50_000), 20);
    expect(driver.closed).toEqual([]);
    driver.gap("response", answer.length - 50_000, 30);
    const [exchange] = driver.closed;
    expect([exchange?.endNs, exchange?.detail.messages]).toEqual([30, 5]);
  });

  test("an answer whose rest is lost is truncated", () => {
    const answer = build.fetched(1, "t", build.batch({ bytes: size }));
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", build.fetch(1, "t"), 10);
    driver.feed("response", answer.subarray(0, 50_000), 20);
    const closed: string[] = [];
    const sink = { open: () => expect.unreachable(), orphan: () => expect.unreachable() };
    const close = (_: unknown, endNs: number, outcome: string) =>
      closed.push(`${outcome} ${endNs}`);
    kafka.lost("response", driver.state, { timeNs: 30, tid: 1 }, { ...sink, close });
    expect(closed).toEqual(["truncated 30"]);
  });

  test("a broker's records that are sent by sendfile show no bytes", () => {
    const head = build.join(build.int32(1), build.fetchedHead("t", 3_000));
    const driver = new ReferenceDriver(kafka, { ...testConnection, role: "server" });
    driver.feed("request", build.fetch(1, "t"), 10);
    driver.feed("response", build.join(build.int32(head.length + 3_000), head), 20);
    driver.gap("response", 3_000, 30);
    driver.feed("request", build.produce(2, "u", build.batch()), 40);
    driver.feed("response", build.produced(2, "u", 1), 50);
    const [poll, send] = driver.closed;
    expect([poll?.endNs, poll?.detail.topic, poll?.detail.messages, poll?.detail.empty]).toEqual([
      30,
      "t",
      undefined,
      false,
    ]);
    expect([send?.endNs, send?.outcome]).toEqual([50, "complete"]);
  });

  test("acks=0 ends with the request's last byte", () => {
    const records = build.batch({ bytes: size });
    const topics = build.join(build.int32(1), build.text("t"), build.int32(1), build.int32(0));
    const head = { key: 0, version: 3, correlation: 9 };
    const frame = build.request(
      head,
      build.int16(-1),
      build.int16(0),
      build.int32(1),
      topics,
      build.int32(records.length),
      records,
    );
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", frame.subarray(0, 50_000), 10);
    driver.feed("request", frame.subarray(50_000), 20);
    expect(driver.closed.map(({ outcome, endNs }) => [outcome, endNs])).toEqual([["one_way", 20]]);
  });
});

describe("SASL without headers", () => {
  const handshake = build.request({ key: 17, version: 0, correlation: 1 }, build.text("PLAIN"));
  const accepted = build.answer(1, build.int16(0), build.int32(1), build.text("PLAIN"));
  const token = build.sized("\0Alice\0correct horse");
  const steps = [
    asked(handshake),
    told(accepted),
    asked(token),
    told(build.sized()),
    asked(build.produce(2, "t", build.batch())),
    told(build.produced(2, "t", 3)),
  ];

  test("tokens make no exchange and are not told", () => {
    const { exchanges, orphans, parseErrors } = played(steps);
    expect(exchanges.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      "SaslHandshake 192.0.2.10:4000 complete",
      "send t complete",
    ]);
    expect([orphans, parseErrors]).toEqual([0, []]);
    expect(JSON.stringify(exchanges)).not.toMatch(/Alice|horse/);
  });

  test("byte by byte", () => {
    const bytes = steps.flatMap(({ side, bytes: all }) =>
      Array.from(all, (byte): Step => ({ side, bytes: Uint8Array.of(byte) })),
    );
    expect(played(bytes).exchanges.map(({ name }) => name)).toEqual(
      played(steps).exchanges.map(({ name }) => name),
    );
  });
});

describe("pairing", () => {
  const pair = (correlation: number, topic: string): readonly [Uint8Array, Uint8Array] => [
    build.produce(correlation, topic, build.batch()),
    build.produced(correlation, topic, correlation),
  ];
  const [firstAsked, firstTold] = pair(1, "a");
  const [secondAsked, secondTold] = pair(2, "b");
  const told2 = (exchanges: Played["exchanges"]) =>
    exchanges.map(
      ({ name, outcome, attributes }) =>
        `${name} ${outcome} ${attributes["messaging.kafka.offset"]}`,
    );

  test("an answer to a later request says that earlier ones have lost theirs", () => {
    const { exchanges } = played([asked(firstAsked), asked(secondAsked), told(secondTold)]);
    expect(told2(exchanges)).toEqual(["send a truncated undefined", "send b complete 2"]);
  });

  test("an answer to nothing that was asked is an orphan", () => {
    const { exchanges, orphans } = played([asked(firstAsked), told(secondTold), told(firstTold)]);
    expect(told2(exchanges)).toEqual(["send a complete 1"]);
    expect(orphans).toBe(1);
  });

  test("joined in the middle: the second exchange is right", () => {
    const tail = firstTold.subarray(7);
    const steps = [told(tail), asked(secondAsked), told(secondTold)];
    const { exchanges, parseErrors } = played(steps, { midstream: true });
    expect(told2(exchanges)).toEqual(["send b complete 2"]);
    expect(parseErrors).toEqual([]);
  });

  test("joined in the middle: size and body come in two calls", () => {
    const steps = [
      asked(secondAsked),
      told(secondTold.subarray(0, 4)),
      told(secondTold.subarray(4)),
    ];
    expect(told2(played(steps, { midstream: true }).exchanges)).toEqual(["send b complete 2"]);
  });

  test("joined in the middle: the end of an answer comes in a call of its own, again and again", () => {
    const rest = (bytes: Uint8Array) => [
      told(bytes.subarray(0, 30)),
      told(bytes.subarray(30, -3)),
      told(bytes.subarray(-3)),
    ];
    const steps: Step[] = [told(Uint8Array.of(0, 0, 0))];
    for (let id = 1; id < 5; id++) {
      const [one, other] = pair(id, "t");
      steps.push(asked(one), ...rest(other));
    }
    const { exchanges } = played(steps, { midstream: true });
    expect(told2(exchanges)).toEqual([1, 2, 3, 4].map((id) => `send t complete ${id}`));
  });

  test("a fetch of a connection that ends is not an error when its answer may have been lost", () => {
    const driver = new ReferenceDriver(kafka, testConnection);
    driver.feed("request", firstAsked, 1);
    driver.gap("response", 10, 2);
    driver.finish(3, "closed_early");
    const [exchange] = driver.closed;
    const draft = exchange && kafka.describe(exchange, policy);
    const attributes = Object.fromEntries(draft?.attributes ?? []);
    expect([attributes["error.type"], attributes["olly.exchange.outcome"]]).toEqual([
      undefined,
      "truncated",
    ]);
  });

  test("more requests than are kept give up the oldest", () => {
    const count = kafkaLimits.inFlightMax + 3;
    const driver = new ReferenceDriver(kafka, testConnection);
    for (let index = 0; index < count; index++)
      driver.feed("request", pair(index, "t")[0], index + 1);
    expect(driver.openCount).toBe(kafkaLimits.inFlightMax);
    expect(driver.closed.map(({ outcome }) => outcome)).toEqual([
      "truncated",
      "truncated",
      "truncated",
    ]);
  });

  test("a thousand exchanges show their numbers", () => {
    const { steps, markerOf } = conversation(1_000);
    const { exchanges } = played(steps);
    const markers = exchanges
      .slice(1)
      .map((exchange) => markerOf({ ...exchange, attributes: { ...exchange.attributes } }));
    expect(markers).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
    expect(
      exchanges
        .slice(1)
        .every(({ attributes }, index) => attributes["messaging.kafka.offset"] === index),
    ).toBe(true);
  });
});

describe("topic ids", () => {
  const id = new Uint8Array(16).fill(7);
  const metadata = build.answer(
    1,
    [0],
    build.int32(0),
    [1],
    build.compact("cluster"),
    build.int32(1),
    [2],
    build.int16(0),
    build.compact("stock"),
    id,
    [0, 1],
    build.int32(0),
    [0, 0],
  );
  const ask = build.request({ key: 3, version: 12, correlation: 1, flexible: true }, [0, 1, 0, 0]);
  const produce = build.request(
    { key: 0, version: 13, correlation: 1, flexible: true },
    [0],
    build.int16(0),
    build.int32(1),
    [2],
    id,
    [1, 0, 0],
  );

  test("have the names that answers on other connections told", () => {
    const shared = kafka.createShared?.();
    const state = (midstream: boolean) =>
      kafka.createState({ ...testConnection, midstream }, shared);
    expect(state(false).topicNames).toBe(state(true).topicNames);
    expect(kafka.createState(testConnection).topicNames).not.toBe(state(false).topicNames);
  });

  test("are told beside their names, and alone when these are not known", () => {
    const place = ({ exchanges }: Played) =>
      exchanges.map(({ name, attributes }) => [name, attributes["olly.kafka.topic_id"]]).at(-1);
    const told7 = Buffer.from(id).toString("base64url");
    expect(place(played([asked(ask), told(metadata), asked(produce)]))).toEqual([
      "send stock",
      told7,
    ]);
    expect(place(played([asked(produce)]))).toEqual(["send 192.0.2.10:4000", told7]);
  });
});

describe("empty fetches", () => {
  const empty = (correlation: number) => [
    asked(build.fetch(correlation, "t")),
    told(build.fetched(correlation, "t", new Uint8Array())),
  ];
  const full = (correlation: number) => [
    asked(build.fetch(correlation, "t")),
    told(build.fetched(correlation, "t", build.batch({ count: 2 }))),
  ];

  test("are counted by the next one that brings something", () => {
    const { exchanges } = played([...empty(1), ...empty(2), ...full(3), ...full(4)]);
    expect(exchanges.map(({ attributes }) => attributes["olly.kafka.empty_fetches"])).toEqual([
      2,
      undefined,
    ]);
  });

  test("are not counted over a loss, nor when capture joins in the middle", () => {
    const [, ...rest] = full(3);
    const lossy = [...empty(1), { ...asked(build.fetch(3, "t")), gap: 5 }, ...rest];
    for (const { exchanges } of [
      played(lossy),
      played([...empty(1), ...full(2)], { midstream: true }),
    ]) {
      expect(exchanges.map(({ attributes }) => attributes["olly.kafka.empty_fetches"])).toEqual([
        undefined,
      ]);
    }
  });
});

describe("detection", () => {
  const startup = build.sized([0, 3, 0, 0], "user\0alice\0database\0shop\0\0");
  const zookeeper = build.sized(
    build.int32(0),
    build.int64(0),
    build.int32(30_000),
    build.int64(0),
    build.int32(16),
    new Uint8Array(17),
  );
  const cases: [what: string, bytes: Uint8Array, said: string][] = [
    ["Produce", build.produce(1, "t", build.batch()), "request"],
    ["Fetch", build.fetch(1, "t"), "request"],
    [
      "an API whose body is not known",
      build.request({ key: 29, version: 1, correlation: 1 }, [1]),
      "request",
    ],
    [
      "the beginning of a long request",
      build.produce(1, "t", build.batch({ bytes: 100_000 })).subarray(0, 2_000),
      "request",
    ],
    ["three bytes", Uint8Array.of(0, 0, 1), "more"],
    ["nothing", new Uint8Array(), "more"],
    ["PostgreSQL's start-up", startup, "no"],
    ["PostgreSQL's SSLRequest", build.sized([4, 210, 22, 47]), "no"],
    ["ZooKeeper", zookeeper, "no"],
    ["HTTP", build.join("GET / HTTP/1.1\r\n\r\n"), "no"],
    ["TLS", Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 1, 1, 1, 1, 1), "no"],
    ["zeros", new Uint8Array(64), "no"],
    [
      "a client id with control characters",
      build.request({ key: 3, version: 0, correlation: 1, client: "a\0b" }, build.int32(0)),
      "no",
    ],
    [
      "bytes behind the body",
      build.request({ key: 3, version: 0, correlation: 1 }, build.int32(0), [1]),
      "no",
    ],
    [
      "a hostile number of topics",
      build.request({ key: 3, version: 0, correlation: 1 }, build.int32(0x7fffffff)),
      "no",
    ],
  ];
  test.each(cases)("%s", (_, bytes, said) => expect(detectionOf(bytes)).toBe(said));
});

test("time is linear in what looks like frames everywhere", () => {
  const head = build.request({ key: 3, version: 0, correlation: 1, client: "" }, build.int32(0));
  const many = build.join(
    ...Array.from({ length: 3_000 }, () => head.subarray(0, head.length - 1)),
  );
  const driver = new ReferenceDriver(kafka, { ...testConnection, midstream: true });
  for (const side of ["request", "response"] satisfies Side[]) driver.feed(side, many, 1);
  expect(driver.parseCalls).toBeLessThan(5_000);
});
