/** Calls of Connect: whose they are, and what their ends say. */
import { describe, expect, test } from "bun:test";
import { type SpanDraft, SpanKind, StatusCode } from "../../../../model/span.ts";
import { BodyPrefix } from "../../body-prefix.ts";
import type { CallEnd, OverlayCall } from "../../overlay.ts";
import { codeOfHttp, codeOfReset } from "./code.ts";
import { connect } from "./index.ts";

type Fields = Readonly<Record<string, string>>;

const ascii = (text: string) => new TextEncoder().encode(text);
const reader = (fields: Fields) => ({
  field: (name: string) => fields[name],
  hasUnknown: false,
});

const UNARY: Fields = { "content-type": "application/json", "connect-protocol-version": "1" };
const STREAM: Fields = { "content-type": "application/connect+proto" };

function begin(fields: Fields, method = "POST", target = "/a.B/C"): OverlayCall | undefined {
  return connect.begin({ ...reader(fields), method, target, host: "a.test", version: "1.1" });
}

function begun(fields: Fields): OverlayCall {
  const call = begin(fields);
  if (call === undefined) throw new Error("it is Connect");
  return call;
}

function answer(call: OverlayCall, statusCode: number, body: Uint8Array, fields: Fields = {}) {
  call.answered?.({ ...reader(fields), statusCode });
  if (call.wantsBody("response")) call.body?.("response", body, 0, body.length);
  return { ...END, statusCode };
}

const END: CallEnd = {
  ...{ outcome: "complete", startNs: 1, endNs: 2, statusCode: 200, reset: undefined },
};

function draft(kind: SpanDraft["kind"], error?: string): SpanDraft {
  const attributes: SpanDraft["attributes"] = [["http.request.method", "POST"]];
  if (error !== undefined) attributes.push(["error.type", error]);
  return { name: "POST", kind, attributes, status: StatusCode.unset, statusMessage: undefined };
}

function told(call: OverlayCall, end: CallEnd, kind: SpanDraft["kind"] = SpanKind.client) {
  const { name, attributes, status } = call.describe(draft(kind, "connection_closed"), end);
  const all = Object.fromEntries(attributes);
  expect(all["rpc.system.name"]).toBe("connectrpc");
  expect(status === StatusCode.error).toBe(all["error.type"] !== undefined);
  return `${name} ${all["rpc.response.status_code"]} ${all["error.type"]}`;
}

function envelope(flags: number, text: string): number[] {
  const payload = ascii(text);
  return [flags, 0, 0, payload.length >> 8, payload.length & 0xff, ...payload];
}

describe("whose request it is", () => {
  const cases: [fields: Fields, method: string, target: string, is: boolean][] = [
    [UNARY, "POST", "/a.B/C", true],
    [{ ...UNARY, "content-type": "application/proto; x=1" }, "POST", "/a.B/C", true],
    [{ "content-type": "application/json" }, "POST", "/a.B/C", false],
    [{ ...UNARY, "content-type": "text/plain" }, "POST", "/a.B/C", false],
    [UNARY, "PUT", "/a.B/C", false],
    [STREAM, "POST", "/a.B/C", true],
    [{}, "GET", "/a.B/C?message=x&connect=v1", true],
    [{}, "GET", "/a.B/C?connect=v12", false],
  ];
  test.each(cases)("%o %s %s", (fields, method, target, is) => {
    expect(begin(fields, method, target) !== undefined).toBe(is);
  });
});

describe("unary calls", () => {
  test("an answer is no error, and its body is not looked at", () => {
    const call = begun(UNARY);
    expect(told(call, answer(call, 200, ascii("{}")))).toBe("a.B/C undefined undefined");
    expect([call.wantsBody("request"), call.wantsBody("response")]).toEqual([false, false]);
  });

  const error = '{"code": "not_found", "message": "none"}';
  // A code, none, one that nobody knows, no body.
  const cases: [status: number, body: string, told: string][] = [
    [404, error, "a.B/C not_found not_found"],
    [404, "<html>", "connectrpc unimplemented unimplemented"],
    [503, '{"code":"odd"}', "a.B/C unavailable unavailable"],
    [401, "", "a.B/C unauthenticated unauthenticated"],
  ];
  test.each(cases)("%d %s", (status, body, expected) => {
    const call = begun(UNARY);
    expect(told(call, answer(call, status, ascii(body)))).toBe(expected);
  });

  test("an error in a content coding says only its status", () => {
    const call = begun(UNARY);
    const end = answer(call, 500, ascii(error), { "content-encoding": "gzip" });
    expect(told(call, end)).toBe("a.B/C unknown unknown");
  });

  test("a server's span takes only its own failures for errors", () => {
    const call = begun(UNARY);
    const end = answer(call, 404, ascii(error));
    expect(told(call, end, SpanKind.server)).toBe("a.B/C not_found undefined");
  });

  test("an answer that never came", () => {
    const end: CallEnd = { ...END, statusCode: 0, outcome: "closed_early" };
    expect(told(begun(UNARY), end)).toBe("a.B/C undefined connection_closed");
    const reset = { code: "CANCEL", by: "request" } as const;
    expect(told(begun(UNARY), { ...end, reset })).toBe("a.B/C canceled canceled");
  });
});

describe("streams", () => {
  test("messages are counted, and the last envelope tells the error", () => {
    const call = begun(STREAM);
    const request = Uint8Array.from([...envelope(0, "a"), ...envelope(1, "b")]);
    call.body?.("request", request, 0, request.length);
    const failed = '{"error":{"code":"data_loss"}}';
    const body = Uint8Array.from([...envelope(0, "x"), ...envelope(2, failed)]);
    const end = answer(call, 200, body);
    expect(told(call, end)).toBe("a.B/C data_loss data_loss");
    expect(Object.fromEntries(call.describe(draft(SpanKind.client), end).attributes)).toMatchObject(
      { "olly.rpc.request.messages": 2, "olly.rpc.response.messages": 1 },
    );
  });

  test("an end without an error is none, and what was missed is not counted", () => {
    const call = begun(STREAM);
    const end = answer(call, 200, Uint8Array.from(envelope(2, "{}")));
    call.missed?.("request", Number.POSITIVE_INFINITY);
    expect(told(call, end)).toBe("a.B/C undefined undefined");
    const { attributes } = call.describe(draft(SpanKind.client), end);
    expect(attributes.map(([name]) => name)).not.toContain("olly.rpc.request.messages");
  });
});

describe("codes and prefixes", () => {
  test("of statuses and resets", () => {
    expect([400, 401, 403, 404, 429, 504, 500].map(codeOfHttp)).toEqual([
      ...["internal", "unauthenticated", "permission_denied", "unimplemented", "unavailable"],
      ...["unavailable", "unknown"],
    ]);
    const names = ["NO_ERROR", "CANCEL", "GOAWAY", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "X"];
    expect(names.map(codeOfReset)).toEqual([
      ...[undefined, "canceled", "unavailable", "resource_exhausted", "permission_denied"],
      "internal",
    ]);
  });

  test("a prefix keeps no more than it may, and nothing behind a gap", () => {
    const prefix = new BodyPrefix(300);
    expect(prefix.whole).toBeUndefined();
    prefix.add(ascii("-ab-"), 1, 3);
    expect(prefix.whole).toEqual(ascii("ab"));
    prefix.add(new Uint8Array(400), 0, 400);
    expect([prefix.whole, prefix.start.length]).toEqual([undefined, 300]);
    const broken = new BodyPrefix(300);
    broken.add(ascii("ab"), 0, 2);
    broken.miss();
    broken.add(ascii("cd"), 0, 2);
    expect([broken.whole, broken.start]).toEqual([undefined, ascii("ab")]);
  });
});
