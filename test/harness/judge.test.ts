/** The judge itself: it has to find what is wrong before its silence means anything. */
import { describe, expect, test } from "bun:test";
import {
  ALONE_MS,
  distanceMs,
  httpShifts,
  httpToldByPackets,
  httpToldBySpans,
  isWrong,
  median,
  type Shift,
  sanitised,
} from "./judge.ts";
import type { SpanRecord } from "./otlp-file.ts";
import type { HttpExchange } from "./tshark.ts";

const EPOCH_MS = 1_800_000_000_000;

function exchange(target: string, startMs: number, endMs: number): HttpExchange {
  const times = { startMs: EPOCH_MS + startMs, endMs: EPOCH_MS + endMs };
  return { port: 80, stream: 0, index: 0, method: "GET", target, status: 200, ...times };
}

function server(path: string, startMs: number, endMs: number): SpanRecord {
  return {
    ...{ traceId: "1", spanId: "2", parentSpanId: "", flags: 0, name: "GET", kind: 2 },
    start: BigInt(EPOCH_MS * 1_000 + startMs * 1_000) * 1_000n,
    end: BigInt(EPOCH_MS * 1_000 + endMs * 1_000) * 1_000n,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.port": 80,
      "url.path": path,
    },
    ...{ statusCode: 0, resource: {} },
  };
}

describe("lists", () => {
  const packets = [exchange("/a", 0, 10), exchange("/b", 20, 30)];

  test("the same requests in another order are the same list", () => {
    const spans = [server("/b", 21, 29), server("/a", 1, 9)];
    expect(httpToldBySpans(spans)).toEqual(httpToldByPackets(packets));
  });

  test.each([
    ["one is missing", [server("/a", 1, 9)]],
    ["one is there twice", [server("/a", 1, 9), server("/a", 1, 9), server("/b", 21, 29)]],
    ["one has another path", [server("/a", 1, 9), server("/c", 21, 29)]],
  ])("%s", (_, spans) => {
    expect(httpToldBySpans(spans)).not.toEqual(httpToldByPackets(packets));
  });
});

describe("times", () => {
  test("a span's shift is measured against its own packets", () => {
    const packets = [exchange("/a", 0, 10)];
    const [shift] = httpShifts(packets, [server("/x", 5, 6), server("/a", 1, 8)], "server");
    expect(shift).toMatchObject({ startMs: 1, endMs: -2, lengthMs: 7, packetsMs: 10 });
  });

  test("a span that is not there is wrong", () => {
    expect(httpShifts([exchange("/a", 0, 10)], [], "server").map(isWrong)).toEqual([true]);
  });

  const right: Shift = {
    ...{ what: "x", kind: "server", startMs: 0.1, endMs: -0.1 },
    ...{ lengthMs: 9.8, packetsMs: 10, beforeMs: 40, behindMs: 50 },
  };
  const cases: [string, Partial<Shift>, boolean][] = [
    ["within its packets", {}, false],
    ["a client's, around its packets", { kind: "client", startMs: -0.1, endMs: 0.1 }, false],
    ["shifted", { startMs: 300, endMs: 300 }, true],
    ["of negative length", { lengthMs: -1 }, true],
    ["absurdly long", { endMs: 60_000, lengthMs: 60_010 }, true],
    ["a server's before its request", { startMs: -1 }, true],
    ["a server's beyond its answer", { endMs: 1 }, true],
    ["a client's after its request", { kind: "client", startMs: 1, endMs: 1 }, true],
    ["a client's without its answer", { kind: "client", startMs: -1, endMs: -1 }, true],
    ["a client's that was woken late", { kind: "client", startMs: -0.1, endMs: 49 }, false],
    ["a client's with the next request", { kind: "client", startMs: -0.1, endMs: 51 }, true],
    ["a client's with the answer before", { kind: "client", startMs: -41, endMs: 0.1 }, true],
    ["a server's that was woken late", { startMs: 9, lengthMs: 0.9 }, false],
  ];
  test.each(cases)("%s", (_, change, expected) => {
    expect(isWrong({ ...right, ...change })).toBe(expected);
  });

  test("what lies around an exchange is its own connection's", () => {
    const own = [exchange("/a", 0, 10), exchange("/b", 30, 40), exchange("/c", 90, 95)];
    const others = { ...exchange("/d", 12, 85), stream: 1 };
    const packets = [...own, others];
    const spans = packets.map(({ target }) => server(target, 30, 40));
    const room = httpShifts(packets, spans, "server").map((shift) => [
      shift.beforeMs,
      shift.behindMs,
    ]);
    expect(room).toEqual([
      [ALONE_MS, 20],
      [20, 50],
      [50, ALONE_MS],
      [ALONE_MS, ALONE_MS],
    ]);
  });

  test("a busy machine delays what has to be woken, not what sends", () => {
    const shifts = [7, 30, 300].map((lateMs): Shift => ({ ...right, startMs: lateMs }));
    expect(distanceMs(shifts)).toBe(0.1);
    const clients = shifts.map(
      (shift): Shift => ({ ...shift, kind: "client", startMs: -0.2, endMs: shift.startMs }),
    );
    expect(distanceMs(clients)).toBe(0.2);
  });

  test("the median is the middle one", () => {
    expect(median([5, 1, 100])).toBe(5);
  });
});

describe("texts", () => {
  test.each([
    ["SELECT 1 AS id_12_3", "SELECT ? AS id_12_3"],
    ["SELECT 'it''s', 2.5", "SELECT ?, ?"],
    ["SELECT E'a\\'b' /* note */", "SELECT ? "],
    ["SELECT 1 ; SELECT 2 ;", "SELECT ?; SELECT ?"],
    ["SELECT a FROM t WHERE b = $1 AND c = 4", "SELECT a FROM t WHERE b = $1 AND c = 4"],
  ])("%s", (text, expected) => {
    expect(sanitised(text)).toBe(expected);
  });
});
