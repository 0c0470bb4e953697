import { expect, describe as suite, test } from "bun:test";
import { detect, resync } from "./detect.ts";
import { cstring, document, int32, joined, message, opMsg } from "./test-messages.ts";

function viewOf(bytes: Uint8Array) {
  const fixed = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return { bytes, start: 0, end: bytes.length, ...fixed };
}

const query = joined(int32(0), cstring("admin.$cmd"), int32(0), int32(-1), document({ hello: 1 }));

suite("detect", () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ["OP_MSG", opMsg({ id: 1 }, { hello: 1, $db: "admin" }), "request"],
    ["its answer", opMsg({ id: 7, to: 1 }, { ok: 1 }), "response"],
    ["OP_QUERY", message(2004, { id: 1 }, query), "request"],
    [
      "OP_REPLY",
      message(1, { id: 7, to: 1 }, joined(new Uint8Array(16), int32(1), document({ ok: 1 }))),
      "response",
    ],
    [
      "OP_KILL_CURSORS",
      message(2007, { id: 1 }, joined(int32(0), int32(1), new Uint8Array(8))),
      "request",
    ],
    [
      "OP_GET_MORE",
      message(2005, { id: 1 }, joined(int32(0), cstring("a.b"), new Uint8Array(12))),
      "request",
    ],
    [
      "OP_COMPRESSED",
      message(
        2012,
        { id: 1 },
        joined(int32(2013), int32(40), Uint8Array.of(2), new Uint8Array(20)),
      ),
      "request",
    ],
    ["a reply as a request", message(1, { id: 7 }, new Uint8Array(20)), "no"],
    ["an insert as an answer", message(2002, { id: 7, to: 5 }, query), "no"],
    ["unknown flags", opMsg({ id: 1, flags: 4 }, { hello: 1 }), "no"],
    [
      "a document that is too long",
      message(2013, { id: 1 }, joined(int32(0), Uint8Array.of(0), int32(99), new Uint8Array(9))),
      "no",
    ],
    [
      "a name without a dot",
      message(2004, { id: 1 }, joined(int32(0), cstring("admin"), new Uint8Array(20))),
      "no",
    ],
    ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "no"],
    ["PostgreSQL", joined(Uint8Array.of(0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f)), "no"],
    ["four zeros", new Uint8Array(64), "no"],
    ["the beginning of a header", int32(100), "more"],
  ];
  test.each(cases)("%s", (_, bytes, expected) => {
    expect(detect(viewOf(bytes))).toBe(expected as ReturnType<typeof detect>);
  });

  test("after a loss, the next message", () => {
    const next = opMsg({ id: 7, to: 1 }, { ok: 1 });
    const rest = new TextEncoder().encode("the rest of a document: \u07dd\u0007 and so on");
    expect(resync(viewOf(joined(rest, next)), "response")).toBe(rest.length);
    expect(resync(viewOf(joined(rest, next)), "request")).toBe(-1);
  });
});
