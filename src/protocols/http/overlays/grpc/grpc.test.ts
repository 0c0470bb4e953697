/** What recorded calls do not hold: how a call ends, grpc-web, and calls of an unknown type. */
import { describe, expect, test } from "bun:test";
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../../../model/span.ts";
import { EnvelopeReader } from "../../envelope.ts";
import type { CallEnd, FieldReader, OverlayCall } from "../../overlay.ts";
import { Base64Reader } from "./base64.ts";
import { grpc } from "./index.ts";
import { statusName, statusOfHttp, statusOfReset, timeoutNs } from "./status.ts";

type Fields = Readonly<Record<string, string>>;

const ascii = (text: string) => new TextEncoder().encode(text);

function reader(fields: Fields, hasUnknown = false): FieldReader {
  return { field: (name) => fields[name], hasUnknown };
}

function begin(fields: Fields, version = "2", hasUnknown = false): OverlayCall | undefined {
  const head = { method: "POST", target: "/a.B/C?x=1", host: "a.test", version };
  return grpc.begin({ ...reader(fields, hasUnknown), ...head });
}

function begun(fields: Fields, version = "2", hasUnknown = false): OverlayCall {
  const call = begin(fields, version, hasUnknown);
  if (call === undefined) throw new Error("it is gRPC");
  return call;
}

const TYPE = { "content-type": "application/grpc+proto" };
const END: CallEnd = {
  ...{ outcome: "complete", startNs: 1_000, endNs: 2_000, statusCode: 200, reset: undefined },
};

function draft(kind: SpanDraft["kind"]): SpanDraft {
  const attributes = [
    ["http.request.method", "POST"],
    ["server.address", "a.test"],
    ["error.type", "connection_closed"],
  ] as SpanDraft["attributes"];
  return { name: "POST", kind, attributes, status: StatusCode.unset, statusMessage: undefined };
}

/** "name status error.type" */
function told(call: OverlayCall, end: Partial<CallEnd> = {}, kind: SpanDraft["kind"] = 3): string {
  const { name, attributes } = call.describe(draft(kind), { ...END, ...end });
  const all = Object.fromEntries(attributes);
  return `${name} ${all["rpc.response.status_code"]} ${all["error.type"]}`;
}

function message(payload: Uint8Array, flags = 0): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = flags;
  new DataView(head.buffer).setUint32(1, payload.length);
  return Uint8Array.from([...head, ...payload]);
}

function show(call: OverlayCall, side: Side, bytes: Uint8Array, size = bytes.length): void {
  for (let at = 0; at < bytes.length; at += size) {
    call.body?.(side, bytes, at, Math.min(at + size, bytes.length));
  }
}

describe("how a call ends", () => {
  test("with a status in the trailers, or in a head without a body", () => {
    const late = begun(TYPE);
    late.answered?.({ ...reader({}), statusCode: 200 });
    late.trailers?.("response", reader({ "grpc-status": "5" }));
    expect(told(late)).toBe("a.B/C NOT_FOUND NOT_FOUND");
    expect(told(late, {}, SpanKind.server)).toBe("a.B/C NOT_FOUND undefined");
    const early = begun(TYPE);
    early.answered?.({ ...reader({ "grpc-status": "0" }), statusCode: 200 });
    expect(told(early)).toBe("a.B/C OK undefined");
  });

  const cases: [name: string, end: Partial<CallEnd>, expected: string][] = [
    ["an answer of a proxy", { statusCode: 503 }, "a.B/C UNAVAILABLE UNAVAILABLE"],
    ["no status at all", {}, "a.B/C UNKNOWN UNKNOWN"],
    ["a method that HTTP does not find", { statusCode: 404 }, "grpc UNIMPLEMENTED UNIMPLEMENTED"],
    [
      "a cancel",
      { statusCode: 0, outcome: "closed_early", reset: { code: "CANCEL", by: "request" } },
      "a.B/C CANCELLED CANCELLED",
    ],
    [
      "a cancel behind the deadline",
      { statusCode: 0, endNs: 500_001_000, reset: { code: "CANCEL", by: "request" } },
      "a.B/C DEADLINE_EXCEEDED DEADLINE_EXCEEDED",
    ],
    [
      "a stream that the server refuses",
      { statusCode: 0, reset: { code: "REFUSED_STREAM", by: "response" } },
      "a.B/C UNAVAILABLE UNAVAILABLE",
    ],
    [
      "a connection that ends",
      { statusCode: 0, outcome: "closed_early" },
      "a.B/C undefined connection_closed",
    ],
  ];
  test.each(cases)("%s", (_name, end, expected) => {
    expect(told(begun({ ...TYPE, "grpc-timeout": "500m" }), end)).toBe(expected);
  });

  test("unknown, when the trailers may have said it", () => {
    const call = begun(TYPE);
    call.trailers?.("response", reader({}, true));
    expect(call.lacksFields).toBe(true);
    expect(told(call)).toBe("a.B/C undefined connection_closed");
  });
});

describe("whose request it is", () => {
  const cases: [type: string | undefined, version: string, hasUnknown: boolean, is: boolean][] = [
    ["application/grpc", "2", false, true],
    ["application/grpc;charset=utf-8", "2", false, true],
    ["application/grpc", "1.1", false, false],
    ["application/grpc-web+proto", "1.1", false, true],
    ["application/grpc-web-text", "1.1", false, true],
    ["application/grpcfoo", "2", false, false],
    ["application/json", "2", false, false],
    [undefined, "2", false, false],
    [undefined, "2", true, true],
  ];
  test.each(cases)("%s, HTTP/%s, unknown fields: %p", (type, version, hasUnknown, is) => {
    const fields: Fields = type === undefined ? {} : { "content-type": type };
    expect(begin(fields, version, hasUnknown) !== undefined).toBe(is);
  });

  test("of an unknown type: it is gRPC when its bodies are messages to the byte", () => {
    const call = begun({}, "2", true);
    expect(told(call)).toBe("POST undefined connection_closed");
    show(call, "request", message(ascii("hello")), 3);
    call.answered?.({ ...reader({ "grpc-status": "0" }, true), statusCode: 200 });
    expect([call.lacksFields, told(call)]).toEqual([false, "a.B/C OK undefined"]);
    show(call, "response", ascii("{}"));
    expect([call.lacksFields, told(call)]).toEqual([true, "POST undefined connection_closed"]);
  });
});

describe("grpc-web", () => {
  const trailers = message(ascii("grpc-message:none\r\ngrpc-status: 7\r\n"), 0x80);
  const body = Uint8Array.from([...message(ascii("one")), ...message(ascii("two")), ...trailers]);

  test.each([1, 2, 7, 1000])("its last message holds the trailers, in pieces of %d", (size) => {
    const call = begun({ "content-type": "application/grpc-web+proto" }, "1.1");
    show(call, "request", message(ascii("q")), size);
    show(call, "response", body, size);
    expect(told(call)).toBe("a.B/C PERMISSION_DENIED PERMISSION_DENIED");
    const { attributes } = call.describe(draft(SpanKind.client), END);
    expect(Object.fromEntries(attributes)).toMatchObject({
      "rpc.system.name": "grpc",
      "olly.rpc.request.messages": 1,
      "olly.rpc.response.messages": 2,
    });
  });

  test.each([1, 3, 1000])("as text, each part padded on its own, in pieces of %d", (size) => {
    const call = begun({ "content-type": "application/grpc-web-text" }, "1.1");
    const parts = [message(ascii("o")), trailers].map((part) => part.toBase64());
    show(call, "response", ascii(parts.join("")), size);
    expect(told(call)).toBe("a.B/C PERMISSION_DENIED PERMISSION_DENIED");
  });

  test("what is no base64 says nothing", () => {
    const call = begun({ "content-type": "application/grpc-web-text" }, "1.1");
    show(call, "response", ascii("!!!!"));
    expect(told(call)).toBe("a.B/C undefined connection_closed");
    expect(new Base64Reader().decode(ascii("AA"), 0, 2)).toHaveLength(1);
  });
});

describe("messages", () => {
  const options = { endFlags: 0x80, keptBytesMax: 10 };

  test("are counted as long as what is missing lies inside one", () => {
    const counted = new EnvelopeReader(options);
    const large = message(new Uint8Array(1_000));
    counted.add(large, 0, 100);
    counted.miss(800);
    counted.add(large, 900, large.length);
    expect([counted.messages, counted.fits]).toEqual([1, true]);
    counted.add(message(ascii("x")), 0, 3);
    expect([counted.messages, counted.fits]).toEqual([1, false]);
    counted.miss(1);
    expect(counted.messages).toBeUndefined();
  });

  test("an end that is larger than what is kept is not believed", () => {
    const counted = new EnvelopeReader(options);
    counted.add(message(ascii("0123456789"), 0x80), 0, 15);
    expect(counted.end).toHaveLength(10);
    const long = new EnvelopeReader(options);
    long.add(message(ascii("0123456789a"), 0x80), 0, 16);
    expect(long.end).toBeUndefined();
  });
});

describe("names and numbers", () => {
  test("of statuses", () => {
    expect(["0", "16", "17", "-1", "x", ""].map(statusName)).toEqual([
      ...["OK", "UNAUTHENTICATED", "UNKNOWN", "UNKNOWN", "UNKNOWN", "UNKNOWN"],
    ]);
    expect([400, 401, 403, 404, 429, 502, 500].map(statusOfHttp)).toEqual([
      ...["INTERNAL", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "UNAVAILABLE"],
      ...["UNAVAILABLE", "UNKNOWN"],
    ]);
    const codes = ["GOAWAY", "CANCEL", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "STREAM_CLOSED"];
    expect([...codes, "PROTOCOL_ERROR"].map(statusOfReset)).toEqual([
      ...["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "UNKNOWN"],
      "INTERNAL",
    ]);
  });

  test("of timeouts", () => {
    const texts = ["1S", "20m", "3u", "99999999n", "1H", "2M", "123456789S", "1", "S", "1s"];
    expect(texts.map(timeoutNs)).toEqual([
      ...[1e9, 20e6, 3e3, 99_999_999, 3600e9, 120e9],
      ...[undefined, undefined, undefined, undefined],
    ]);
    expect(timeoutNs(undefined)).toBeUndefined();
  });
});
