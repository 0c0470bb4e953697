import { describe, expect, test } from "bun:test";
import { join as joinPath } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  play,
  type Step,
  streamCases,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import type { Detection } from "../contract.ts";
import { memcachedBinary } from "./index.ts";
import { memcachedLimits } from "./limits.ts";
import { join, request, response } from "./test-packets.ts";

const options = { protocol: memcachedBinary, policy: { httpKnownMethods: new Set<string>() } };
const GET = 0x00;
const SET = 0x01;
const GETQ = 0x09;
const NOOP = 0x0a;
const SETQ = 0x11;
const flags = new Uint8Array(4);
const setExtras = new Uint8Array(8);
const moment = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };

describe("memcached binary fixtures", () => {
  streamCases({ ...options, fixtures: readFixtures(joinPath(import.meta.dir, "fixtures-binary")) });
});

type Line = readonly [side: ">" | "<", bytes: Uint8Array, gap?: number];

const get = (key: string, opaque = 0): Line => [">", request(GET, { key, opaque })];
const hit = (opaque = 0): Line => ["<", response(GET, { extras: flags, value: "v", opaque })];
const setq = (key: string): Line => [">", request(SETQ, { extras: setExtras, key, value: "v" })];

function played(lines: readonly Line[], midstream = false) {
  const steps = lines.map(([mark, bytes, gap]): Step => {
    const side = mark === ">" ? "request" : "response";
    return gap === undefined ? { side, bytes } : { side, bytes, gap };
  });
  return play(options, { name: "inline", steps, expected: [], connection: { midstream } });
}

function told(lines: readonly Line[], midstream = false): string[] {
  return played(lines, midstream).exchanges.map(
    ({ outcome, attributes, start, end }) =>
      `${outcome} ${attributes["db.query.text"]} ${start}..${end}`,
  );
}

/** Joined in the middle, with a client that asks from an event loop. */
function outcomesOfLoop(lines: readonly Line[]): string[] {
  const driver = new ReferenceDriver(memcachedBinary, { ...testConnection, midstream: true });
  driver.eventLoop = true;
  lines.forEach(([mark, bytes], index) => {
    driver.feed(mark === ">" ? "request" : "response", bytes, 1_000 * (index + 1));
  });
  return driver.closed.map(({ outcome }) => outcome);
}

describe("pairing", () => {
  test("pipelined requests are paired by their order and opaque", () => {
    const lines: Line[] = [get("a", 1), get("b", 2), hit(1), hit(2)];
    expect(told(lines)).toEqual(["complete Get a 0..2", "complete Get b 1..3"]);
  });

  test("an answer with another opaque or opcode is nobody's, until the client waits again", () => {
    for (const wrong of [hit(2), ["<", response(SET, { opaque: 1 })] as Line]) {
      expect(told([get("a", 1), wrong, get("b", 3), hit(3)])).toEqual([
        "truncated Get a 0..1",
        "complete Get b 2..3",
      ]);
    }
  });

  test("joined in the middle, the second exchange of a client that waits is paired", () => {
    const lines: Line[] = [hit(), get("a"), hit(), get("b"), hit()];
    expect(told(lines, true)).toEqual(["truncated Get a 1..1", "complete Get b 3..4"]);
  });

  test("joined in the middle, opaques of its own show an event loop that waits", () => {
    const lines = Array.from({ length: 100 }, (_, index) => [get("a", index), hit(index)]).flat();
    const complete = outcomesOfLoop(lines).filter((outcome) => outcome === "complete");
    expect(complete.length).toBeGreaterThan(30);
  });

  test("an event loop that always has one request under way is never paired", () => {
    for (const opaqueOf of [(index: number) => index, () => 0]) {
      const lines = Array.from({ length: 1_000 }, (_, index) => [
        get("a", opaqueOf(index + 1)),
        hit(opaqueOf(index)),
      ]);
      expect([...new Set(outcomesOfLoop(lines.flat()))]).toEqual(["truncated"]);
    }
  });

  test("joined in the middle, requests without an answer show nothing of who waits", () => {
    const lines: Line[] = [setq("a"), setq("b"), setq("c"), get("d"), hit()];
    expect(new Set(told(lines, true).map((line) => line.split(" ")[0]))).toEqual(
      new Set(["truncated"]),
    );
  });

  test("an error of a quiet request that is still due pairs with no later one of its kind", () => {
    const error: Line = ["<", response(SETQ, { status: 0x82 })];
    const lines: Line[] = [setq("a"), get("b"), ["<", hit()[1], 10], setq("c"), error];
    const complete = told(lines).filter((line) => line.startsWith("complete"));
    expect(complete).toEqual([]);
  });

  test("quiet requests that nothing follows are over after a while, without an error", () => {
    const driver = new ReferenceDriver(memcachedBinary, testConnection);
    driver.feed("request", setq("a")[1], 1);
    const outcomes: string[] = [];
    const expire = (nowNs: number) =>
      memcachedBinary.expire?.(driver.state, nowNs, {
        open: () => expect.unreachable(),
        close: (_exchange, _endNs, outcome) => outcomes.push(outcome),
        orphan: () => expect.unreachable(),
      });
    expire(memcachedLimits.quietNsMax);
    expect(outcomes).toEqual([]);
    expire(memcachedLimits.quietNsMax + 1_000_000);
    expect(outcomes).toEqual(["one_way"]);
  });

  test("quiet requests at the end of a connection are no errors", () => {
    const driver = new ReferenceDriver(memcachedBinary, testConnection);
    driver.feed("request", setq("a")[1], 1);
    driver.end("response", 2);
    expect(driver.closed.map(({ outcome, endNs }) => [outcome, endNs])).toEqual([["one_way", 1]]);
  });

  test("requests that are never answered are bounded", () => {
    const driver = new ReferenceDriver(memcachedBinary, testConnection);
    for (let index = 0; index < 3 * memcachedLimits.inFlightMax; index++) {
      driver.feed("request", request(index % 2 === 0 ? GETQ : NOOP, { key: "k" }), index + 1);
      expect(driver.openCount).toBeLessThanOrEqual(memcachedLimits.inFlightMax);
    }
    expect(driver.state.pending.length).toBeLessThanOrEqual(2 * memcachedLimits.inFlightMax);
  });
});

describe("bytes", () => {
  test("a value of 5 MB passes uncaptured", () => {
    const whole = request(SET, { extras: setExtras, key: "big", value: "x".repeat(5_000_000) });
    const head = whole.subarray(0, 100);
    const [, bytes] = get("next");
    const lines: Line[] = [
      [">", head],
      ["<", response(SET)],
      [">", bytes, whole.length - head.length],
      hit(),
    ];
    const { parseErrors, exchanges } = played([lines[0], lines[2], lines[1], lines[3]] as Line[]);
    expect(parseErrors).toEqual([]);
    expect(exchanges.map(({ outcome }) => outcome)).toEqual(["complete", "complete"]);
  });

  test("lengths that contradict each other are malformed", () => {
    const bytes = request(GET, { key: "abc" });
    bytes[11] = 2;
    expect(played([[">", bytes]]).parseErrors.length).toBe(1);
    expect(played([[">", response(GET)]]).parseErrors.length).toBe(1);
  });

  test("values, credentials and what looks like an id are not told", () => {
    const auth = request(0x21, { key: "PLAIN", value: "\0user\0secret" });
    const key = "session:k3f9a8e7d6c5b4a3";
    const set = request(SET, { extras: setExtras, key, value: "secret" });
    const { exchanges } = played([
      [">", auth],
      ["<", response(0x21)],
      [">", set],
      ["<", response(SET)],
    ]);
    expect(exchanges.map(({ attributes }) => attributes["db.query.text"])).toEqual([
      "SASL-Auth",
      "Set session:?",
    ]);
    expect(JSON.stringify(exchanges)).not.toMatch(/secret|PLAIN|k3f9/);
  });

  test("after a loss: the head of a call, or a packet that another one follows", () => {
    const { state } = new ReferenceDriver(memcachedBinary, testConnection);
    const find = (bytes: Uint8Array) => {
      const view = { bytes, start: 0, end: bytes.length, ...moment };
      return memcachedBinary.resync(view, "request", state);
    };
    const one = request(GET, { key: "a" });
    const rest = new TextEncoder().encode("the rest of a value\x80\x00");
    expect(find(one)).toBe(0);
    expect(find(join(rest, one))).toBe(-1);
    expect(find(join(rest, one, one))).toBe(rest.length);
  });
});

describe("detection", () => {
  const touched = response(0x1c, { extras: flags });
  test.each<[string, Uint8Array, Detection]>([
    ["a request", request(GET, { key: "alpha" }), "request"],
    ["an answer", hit()[1], "response"],
    ["an answer to Touch", touched, "response"],
    ["the beginning of a header", request(GET, { key: "alpha" }).subarray(0, 20), "more"],
    ["an unknown opcode", request(0xf0), "no"],
    ["a get without a key", request(GET), "no"],
    ["an unknown status", response(GET, { status: 0x7777 }), "no"],
    ["text", new TextEncoder().encode("get alpha\r\n"), "no"],
    [
      "a short frame of WebSocket",
      Uint8Array.from([0x81, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f]),
      "no",
    ],
  ])("%s", (_, bytes, expected) => {
    expect(memcachedBinary.detect({ bytes, start: 0, end: bytes.length, ...moment })).toBe(
      expected,
    );
  });
});
