/** What recorded conversations do not hold: resets, losses, pushes, and joining in the middle. */
import { describe, expect, test } from "bun:test";
import { type Fixture, type Played, play, type Step } from "../../../test/harness/stream-cases.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { Flag, FrameType } from "./frame-head.ts";
import { tracestateOf } from "./heads.ts";
import { createFieldBlock } from "./hpack.ts";
import { http2 } from "./index.ts";
import { http2Limits } from "./limits.ts";
import {
  ascii,
  data,
  frame,
  get,
  headers,
  indexed,
  inserted,
  joined,
  passing,
  preface,
  Static,
  settings,
} from "./test-frames.ts";

const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };
const OK = indexed(Static.ok);
const OPEN = 0;

type Turn =
  | readonly [side: ">" | "<", ...frames: Uint8Array[]]
  | { readonly lost: ">" | "<" }
  | "the answers end";

/** Plays turns behind the preface; a loss is a gap of unknown frames. */
function played(turns: readonly Turn[], connection: Fixture["connection"] = {}): Played {
  const steps: Step[] = [];
  if (connection.midstream !== true) {
    steps.push({ side: "request", bytes: joined([preface, settings]) });
    steps.push({ side: "response", bytes: settings });
  }
  let gap: Partial<Record<">" | "<", number>> = {};
  for (const turn of turns) {
    if (turn === "the answers end") {
      steps.push({ side: "response", bytes: ascii(""), end: true });
    } else if ("lost" in turn) gap = { ...gap, [turn.lost]: 500 };
    else {
      const [mark, ...frames] = turn;
      const step = { side: mark === ">" ? "request" : "response", bytes: joined(frames) } as const;
      steps.push(gap[mark] === undefined ? step : { ...step, gap: gap[mark] });
      gap = { ...gap, [mark]: undefined };
    }
  }
  return play({ protocol: http2, policy }, { name: "turns", steps, expected: [], connection });
}

/** "method path status outcome error" of each exchange. */
function told(turns: readonly Turn[], connection: Fixture["connection"] = {}): string[] {
  return played(turns, connection).exchanges.map(({ attributes, outcome }) => {
    const url = String(attributes["url.full"] ?? "").replace("http://a.test", "");
    const status = attributes["http.response.status_code"] ?? "-";
    const error = attributes["error.type"];
    const line = [attributes["http.request.method"] ?? "?", url || "?", status, outcome];
    return (error === undefined ? line : [...line, error]).join(" ");
  });
}

const reset = (stream: number, code: number) =>
  frame({ type: FrameType.rstStream, stream, payload: Uint8Array.of(0, 0, 0, code) });
const goAway = (last: number) =>
  frame({ type: FrameType.goAway, payload: Uint8Array.of(0, 0, 0, last, 0, 0, 0, 0) });
const CANCEL = 8;
const REFUSED = 7;

describe("answers", () => {
  test("go to the request of their own stream, in any order", () => {
    expect(
      told([
        [">", get(1, "/a"), get(3, "/b"), get(5, "/c")],
        ["<", headers(5, [indexed(Static.notFound)]), headers(1, [OK], OPEN)],
        ["<", data(1, ascii("x"), OPEN), headers(3, [OK]), data(1, ascii("y"))],
      ]),
    ).toEqual(["GET /c 404 complete 404", "GET /b 200 complete", "GET /a 200 complete"]);
  });

  test("have interim ones before them, and trailers behind", () => {
    expect(
      told([
        [">", get(1, "/a")],
        ["<", headers(1, [passing(Static.status, "103")], OPEN)],
        ["<", headers(1, [passing(Static.status, "100")], OPEN), headers(1, [OK], OPEN)],
        ["<", data(1, ascii("x"), OPEN), headers(1, [passing("x-sum", "1")])],
      ]),
    ).toEqual(["GET /a 200 complete"]);
  });

  test("come in HEADERS and CONTINUATION, padded and with a priority", () => {
    const { headers: type, continuation } = FrameType;
    const flags = Flag.padded | Flag.priority | Flag.endStream;
    const block = joined([OK, passing("server", "x".repeat(50))]);
    const first = joined([Uint8Array.of(3, 0, 0, 0, 0, 9), block.subarray(0, 20), ascii("\0\0\0")]);
    expect(
      told([
        [">", get(1, "/a")],
        ["<", frame({ type, flags, stream: 1, payload: first })],
        ["<", frame({ type: continuation, stream: 1, payload: block.subarray(20, 30) })],
        [
          "<",
          frame({
            ...{ type: continuation, flags: Flag.endHeaders },
            ...{ stream: 1, payload: block.subarray(30) },
          }),
        ],
      ]),
    ).toEqual(["GET /a 200 complete"]);
  });

  test("to nothing that was asked are orphans; pushed ones are none", () => {
    const promise = joined([Uint8Array.of(0, 0, 0, 2), joined([indexed(2), passing(4, "/p")])]);
    const { exchanges, orphans } = played([
      [">", get(1, "/a")],
      ["<", frame({ type: FrameType.pushPromise, flags: 4, stream: 1, payload: promise })],
      ["<", headers(2, [OK], OPEN), data(2, ascii("pushed")), headers(1, [OK])],
      ["<", headers(9, [OK])],
    ]);
    expect(exchanges.map(({ name, outcome }) => [name, outcome])).toEqual([["GET", "complete"]]);
    expect(orphans).toBe(1);
  });

  test("without a head are truncated", () => {
    expect(
      told([
        [">", get(1, "/a")],
        ["<", data(1, ascii("x"))],
      ]),
    ).toEqual(["GET /a - truncated"]);
  });
});

describe("streams that end early", () => {
  const cases: [name: string, turns: Turn[], told: string[]][] = [
    ["cancelled by the client", [[">", reset(1, CANCEL)]], ["GET /a - closed_early"]],
    ["refused by the server", [["<", reset(1, REFUSED)]], ["GET /a - closed_early REFUSED_STREAM"]],
    [
      "reset with a code that nobody knows",
      [["<", reset(1, 99)]],
      ["GET /a - closed_early INTERNAL_ERROR"],
    ],
    [
      "reset while the answer is under way",
      [["<", headers(1, [OK], OPEN), reset(1, 2)]],
      ["GET /a 200 closed_early INTERNAL_ERROR"],
    ],
    ["left out by GOAWAY", [["<", goAway(0)]], ["GET /a - closed_early GOAWAY"]],
    [
      "finished before GOAWAY's last one, or after",
      [["<", goAway(1), headers(1, [OK])]],
      ["GET /a 200 complete"],
    ],
    ["left open", [], ["GET /a - closed_early connection_closed"]],
  ];
  test.each(cases)("%s", (_name, turns, expected) => {
    expect(told([[">", get(1, "/a")], ...turns])).toEqual(expected);
  });

  test("what comes for a stream that is over changes nothing", () => {
    const { exchanges, orphans } = played([
      [">", get(1, "/a"), reset(1, CANCEL)],
      ["<", headers(1, [OK], OPEN), data(1, ascii("late"))],
    ]);
    expect([exchanges.length, orphans]).toEqual([1, 0]);
  });
});

describe("tracestate", () => {
  /** As many fields as one block has when each is a byte that means an entry of the table. */
  function repeated(value: string, count: number): string | undefined {
    const block = createFieldBlock();
    block.names.push(...Array.from({ length: count }, () => "tracestate"));
    block.values.push(...Array.from({ length: count }, () => value));
    block.count = count;
    return tracestateOf(block);
  }

  test("several fields are one list, but not one of megabytes", () => {
    expect(repeated("a=1", 2)).toBe("a=1,a=1");
    const half = "b".repeat(http2Limits.tracestateCharsMax / 2 - 1);
    expect(repeated(half, 2)).toBe(`${half},${half}`);
    expect(repeated(half, 3)).toBeUndefined();
    expect(repeated("c".repeat(4_000), http2Limits.blockFieldsMax)).toBeUndefined();
  });
});

describe("CONNECT", () => {
  test("names an authority; an extended one has a path", () => {
    const authority = passing(Static.authority, "b.test:99");
    const tunnel = [passing(2, "CONNECT"), authority];
    const socket = [...tunnel, passing(Static.path, "/chat"), passing(":protocol", "websocket")];
    const { exchanges } = played([
      [">", headers(1, tunnel, OPEN), headers(3, socket, OPEN)],
      ["<", headers(1, [OK]), headers(3, [OK])],
    ]);
    expect(exchanges.map(({ attributes }) => attributes["url.full"])).toEqual([
      "http://b.test:99",
      "http://b.test:99/chat",
    ]);
  });
});

describe("losses", () => {
  const authority = inserted(Static.authority, "a.test");
  const first = headers(1, [indexed(2), indexed(6), authority, inserted(Static.path, "/a")]);
  /** Path and authority by the places that they had before the loss. */
  const again = headers(3, [indexed(2), indexed(6), indexed(63), indexed(62)]);

  test("of requests: what refers to them is unknown, what comes anew is known", () => {
    const { exchanges, orphans } = played([
      [">", first],
      ["<", headers(1, [OK])],
      { lost: ">" },
      [">", again],
      ["<", headers(3, [OK])],
      [">", headers(5, [indexed(2), indexed(6), inserted(4, "/new"), authority])],
      ["<", headers(5, [OK])],
      [">", headers(7, [indexed(2), indexed(6), indexed(62), indexed(63)])],
      ["<", headers(7, [OK]), headers(2001, [OK])],
    ]);
    const lines = exchanges.map(({ outcome, attributes }) => [
      outcome,
      attributes["url.full"],
      attributes["http.response.status_code"],
      attributes["olly.http.fields_unknown"],
    ]);
    expect(lines).toEqual([
      ["complete", "http://a.test/a", 200, undefined],
      ["truncated", undefined, 200, true],
      ["complete", "http://a.test/new", 200, undefined],
      ["complete", "http://a.test/new", 200, undefined],
    ]);
    expect(orphans).toBe(1);
  });

  test("of answers: one that comes whole afterwards is believed, another is not", () => {
    expect(
      told([
        [">", get(1, "/begun"), get(3, "/later"), get(5, "/lost"), get(7, "/headless")],
        ["<", headers(1, [OK], OPEN)],
        { lost: "<" },
        ["<", headers(3, [OK]), data(1, ascii("x")), data(7, ascii("body"), OPEN)],
        ["<", headers(7, [passing("x-sum", "1")])],
        [">", get(9, "/next")],
        ["<", headers(9, [indexed(Static.notFound)])],
        "the answers end",
      ]),
    ).toEqual([
      "GET /later 200 complete",
      "GET /begun 200 truncated",
      "GET /headless - truncated",
      "GET /next 404 complete 404",
      "GET /lost - truncated",
    ]);
  });

  test("a status that refers to what was lost is unknown", () => {
    const status = inserted(Static.status, "503");
    expect(
      told([
        [">", get(1, "/a"), get(3, "/b")],
        ["<", headers(1, [status])],
        { lost: "<" },
        ["<", headers(3, [indexed(62)])],
      ]),
    ).toEqual(["GET /a 503 complete 503", "GET /b - truncated"]);
  });

  test("bytes of a body that look like frames are not taken for them", () => {
    const quoted = joined([get(9, "/quoted"), get(11, "/quoted")]);
    expect(
      told([
        [">", headers(1, [indexed(3), indexed(6), passing(1, "a.test"), passing(4, "/up")], OPEN)],
        { lost: ">" },
        [">", joined([ascii("x".repeat(100)), quoted, ascii("y".repeat(100))])],
        ["<", headers(1, [OK])],
      ]),
    ).toEqual(["POST /up 200 truncated"]);
  });
});

describe("joined in the middle", () => {
  const connection = { midstream: true };

  test("static and literal fields are known, others are not guessed", () => {
    expect(
      told(
        [
          [">", headers(101, [indexed(3), indexed(6), indexed(66), indexed(65)], OPEN)],
          [">", data(101, ascii("x"))],
          ["<", headers(101, [OK, indexed(70)])],
          [">", get(103, "/known")],
          ["<", headers(103, [indexed(Static.notFound), indexed(70)])],
          ["<", headers(55, [OK])],
        ],
        connection,
      ),
    ).toEqual(["POST ? 200 truncated", "GET /known 404 complete 404"]);
  });

  test("reading begins at a frame, wherever capture began", () => {
    const long = headers(3, [OK, passing("x-long", "x".repeat(300))]);
    expect(
      told(
        [
          { lost: ">" },
          [">", ascii("the rest of a body")],
          { lost: "<" },
          ["<", long.subarray(100)],
          [">", get(103, "/a")],
          ["<", headers(103, [OK])],
        ],
        connection,
      ),
    ).toEqual(["GET /a 200 complete"]);
  });
});

describe("detection", () => {
  const detected = (bytes: Uint8Array) => {
    const moments = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
    return http2.detect({ bytes, start: 0, end: bytes.length, ...moments });
  };
  const emptySettings = frame({ type: FrameType.settings });
  const cases: [name: string, bytes: Uint8Array, said: string][] = [
    ["the preface", preface, "request"],
    ["its beginning", preface.subarray(0, 5), "more"],
    ["a preface of another version", ascii("PRI * HTTP/3.0\r\n\r\n"), "no"],
    ["a server's settings", settings, "response"],
    ["the beginning of them", settings.subarray(0, 8), "more"],
    [
      "settings with an impossible value",
      frame({ type: 4, payload: ascii("\0\x02\0\0\0\x09") }),
      "no",
    ],
    ["empty settings alone", emptySettings, "more"],
    ["empty settings before a frame", joined([emptySettings, settings]), "response"],
    // A Kafka answer of four bytes, and the next one.
    [
      "what only begins like settings",
      Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 1, 0, 0),
      "no",
    ],
    ["a request in the middle", get(33, "/a"), "request"],
    [
      "an answer in the middle",
      joined([headers(33, [OK], OPEN), data(33, ascii("x"))]),
      "response",
    ],
    [
      "a request behind a ping",
      joined([frame({ type: 6, payload: new Uint8Array(8) }), get(33, "/a")]),
      "request",
    ],
    ["trailers alone", headers(33, [passing("grpc-status", "0")]), "no"],
    ["a body", data(33, ascii("x".repeat(100))), "no"],
    ["HTTP/1", ascii("GET / HTTP/1.1\r\n\r\n"), "no"],
    ["TLS", Uint8Array.of(22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3), "no"],
    ["zeros", new Uint8Array(100), "no"],
  ];
  test.each(cases)("%s", (_name, bytes, said) => expect<string>(detected(bytes)).toBe(said));
});

describe("hostile frames", () => {
  const get1 = get(1, "/a");
  const cases: [name: string, frames: Uint8Array[]][] = [
    ["a frame between those of a block", [headers(3, [OK]).fill(0, 4, 5), settings]],
    ["CONTINUATION of nothing", [frame({ type: FrameType.continuation, stream: 1 })]],
    ["padding longer than the frame", [data(1, Uint8Array.of(9), Flag.padded)]],
    ["a reset without a stream", [reset(0, 1)]],
    ["settings of five bytes", [frame({ type: 4, payload: new Uint8Array(5) })]],
  ];
  test.each(cases)("%s is an error, and reading goes on", (_name, frames) => {
    const { parseErrors, exchanges } = played([
      [">", get1],
      ["<", ...frames],
      ["<", headers(1, [OK])],
    ]);
    expect(parseErrors.length).toBeGreaterThan(0);
    expect(exchanges).toHaveLength(1);
  });

  test("a block without end is given up, in bounded memory", () => {
    const more = frame({
      type: FrameType.continuation,
      stream: 1,
      payload: new Uint8Array(16_000),
    });
    const open = headers(1, [OK], 0);
    open[4] = 0;
    const last = frame({ type: FrameType.continuation, flags: Flag.endHeaders, stream: 1 });
    const { exchanges, parseErrors } = played([
      [">", get1],
      ["<", open, ...Array.from({ length: 20 }, () => more), last],
      ["<", data(1, ascii("x"))],
    ]);
    expect(parseErrors).toEqual([]);
    expect(exchanges.map(({ outcome }) => outcome)).toEqual(["truncated"]);
  });

  test("a head in a frame of a megabyte is passed over", () => {
    const huge = frame({
      ...{ type: FrameType.headers, flags: Flag.endHeaders | Flag.endStream, stream: 1 },
      payload: new Uint8Array(1 << 20),
    });
    expect(
      told([
        [">", get1],
        ["<", huge, headers(3, [OK])],
        [">", get(5, "/b")],
        ["<", headers(5, [OK])],
      ]),
    ).toEqual(["GET /a - truncated", "GET /b 200 complete"]);
  });
});
