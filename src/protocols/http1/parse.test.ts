/** What parse() says of bytes that are no HTTP/1, of limits, and of what it keeps of a request. */
import { describe, expect, test } from "bun:test";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import { testConnection } from "../../../test/harness/stream-cases.ts";
import type { ConnectionInfo, Side } from "../../model/connection.ts";
import { ParseError } from "../contract.ts";
import { http1 } from "./index.ts";
import { http1Limits } from "./limits.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const head = (...lines: string[]) => `${lines.join("\r\n")}\r\n\r\n`;

/** A driver, and a function that feeds it at a new time each call. */
function setUp(connection: Partial<ConnectionInfo> = {}) {
  const driver = new ReferenceDriver(http1, { ...testConnection, ...connection });
  let now = 0;
  const feed = (side: Side, text: string) => {
    now += 10;
    driver.feed(side, bytesOf(text), now);
  };
  const gap = (side: Side, length: number) => {
    now += 10;
    driver.gap(side, length, now);
  };
  const said = () =>
    driver.closed.map(
      ({ outcome, detail }) => `${detail.method} ${detail.target} ${detail.statusCode} ${outcome}`,
    );
  return { driver, feed, gap, said };
}

describe("bytes that are no HTTP/1", () => {
  const { malformed, tooLarge, unsupportedVersion } = ParseError;
  const manyFields = Array.from({ length: http1Limits.fieldLinesMax + 1 }, () => "X: y");
  const cases: [name: string, side: Side, text: string, error: number][] = [
    ["binary", "request", "\u0000\u0001\u0002\r\n", malformed],
    ["binary without a line end", "request", "\u0000\u0001", malformed],
    ["a line without a version", "request", "GET /\r\n\r\n", malformed],
    ["a line of one word", "request", "GET\r\n\r\n", malformed],
    ["no target", "request", "GET HTTP/1.1\r\n\r\n", malformed],
    ["a method with a colon", "request", "GE:T / HTTP/1.1\r\n\r\n", malformed],
    ["a method that is too long", "request", `${"M".repeat(33)} / HTTP/1.1\r\n\r\n`, malformed],
    ["a control character in the target", "request", "GET /\u0001 HTTP/1.1\r\n\r\n", malformed],
    ["two digits of minor version", "request", "GET / HTTP/1.10\r\n\r\n", malformed],
    ["a version in lowercase", "request", "GET / http/1.1\r\n\r\n", malformed],
    ["the preface of HTTP/2", "request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", unsupportedVersion],
    ["a request of HTTP/3", "request", "GET / HTTP/3.0\r\n\r\n", unsupportedVersion],
    ["too many fields", "request", head("GET / HTTP/1.1", ...manyFields), tooLarge],
    [
      "a head that is too long",
      "request",
      head("GET / HTTP/1.1", `X: ${"x".repeat(70_000)}`),
      tooLarge,
    ],
    ["a target that never ends", "request", `GET /${"x".repeat(70_000)}`, tooLarge],
    ["not a status line", "response", "HELO\r\n\r\n", malformed],
    ["a status of two digits", "response", "HTTP/1.1 20\r\n\r\n", malformed],
    ["a status of four digits", "response", "HTTP/1.1 2000 OK\r\n\r\n", malformed],
    ["a status below 100", "response", "HTTP/1.1 099 Low\r\n\r\n", malformed],
    ["a status of letters", "response", "HTTP/1.1 2x0 OK\r\n\r\n", malformed],
    ["no space before the status", "response", "HTTP/1.1200 OK\r\n\r\n", malformed],
    ["a response of HTTP/2", "response", "HTTP/2.0 200 OK\r\n\r\n", unsupportedVersion],
  ];
  test.each(cases)("%s", (_name, side, text, error) => {
    const { driver, feed } = setUp();
    feed(side, text);
    expect(driver.parseErrors[0]).toBe(error);
    expect(driver.opened).toEqual([]);
  });

  const chunks: [name: string, body: string, error: number][] = [
    ["no digits", "x\r\n", malformed],
    ["an empty size", "\r\n", malformed],
    ["a negative size", "-1\r\n", malformed],
    ["a prefix", "0x10\r\n", malformed],
    ["a size that is no safe integer", "fffffffffffffff\r\n", malformed],
    ["an endless extension", `1;${"x".repeat(20_000)}`, tooLarge],
    ["data longer than its size", "3\r\nabcdef\r\n0\r\n\r\n", malformed],
    ["a carriage return alone behind the data", "3\r\nabc\rx0\r\n\r\n", malformed],
    ["too many trailers", `0\r\n${"X: y\r\n".repeat(600)}`, tooLarge],
  ];
  test.each(chunks)("a chunked body with %s", (_name, body, error) => {
    const { driver, feed, said } = setUp();
    feed("request", head("GET /x HTTP/1.1", "Host: a"));
    feed("response", `${head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}${body}`);
    expect(driver.parseErrors[0]).toBe(error);
    expect(said()).toEqual(["GET /x 200 truncated"]);
  });

  test("a head in many pieces is given up at its limit too", () => {
    const { driver, feed } = setUp();
    feed("request", "GET / HTTP/1.1\r\n");
    for (let piece = 0; piece < 70; piece++) feed("request", `X: ${"x".repeat(1_000)}\r\n`);
    expect(driver.parseErrors[0]).toBe(tooLarge);
  });
});

describe("what is kept of a request", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const cases: [name: string, fields: string[], context: (string | undefined)[]][] = [
    ["one traceparent", [`TraceParent: ${traceparent}`], [traceparent, undefined]],
    [
      "two traceparents are none",
      [`traceparent: ${traceparent}`, `traceparent: ${traceparent}`],
      [undefined, undefined],
    ],
    ["none", ["x-traceparent: 00"], [undefined, undefined]],
    [
      "several tracestates are one list",
      ["tracestate: a=1", "Tracestate: b=2"],
      [undefined, "a=1,b=2"],
    ],
  ];
  test.each(cases)("%s", (_name, fields, context) => {
    const { driver, feed } = setUp();
    feed("request", head("GET / HTTP/1.1", ...fields));
    const [opened] = driver.opened;
    expect([opened?.traceparent, opened?.tracestate]).toEqual(context);
  });

  test("time and thread are those of the first byte of the request line", () => {
    const { driver, feed } = setUp();
    feed("request", "\r\n");
    feed("request", "G");
    feed("request", head("ET / HTTP/1.1"));
    expect(driver.opened[0]).toMatchObject({ startNs: 20, tid: 7, eventLoop: false });
  });

  test("texts of one request do not leak into the next", () => {
    const { driver, feed } = setUp();
    feed(
      "request",
      head("GET /1 HTTP/1.1", "Host: a", "User-Agent: u", "X-Forwarded-For: 1.2.3.4"),
    );
    feed("request", head("GET /2 HTTP/1.1", "Host: b"));
    feed("request", head("GET /3 HTTP/1.1"));
    expect(driver.opened.map(({ detail }) => [detail.host, detail.userAgent])).toEqual([
      ["a", "u"],
      ["b", undefined],
      [undefined, undefined],
    ]);
    expect(driver.opened[1]?.detail.forwardedFor).toBeUndefined();
  });
});

describe("pairing after a loss, and when it cannot be certain", () => {
  test("a pipelining client that loses a request pairs nothing behind it", () => {
    const { feed, gap, said, driver } = setUp();
    feed("request", head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1"));
    feed("response", head("HTTP/1.1 201 A", "Content-Length: 0"));
    gap("request", 20);
    feed("request", head("GET /4 HTTP/1.1"));
    for (const status of [202, 203, 204]) {
      feed("response", head(`HTTP/1.1 ${status} B`, "Content-Length: 0"));
    }
    expect(said()).toEqual(["GET /1 201 complete", "GET /4 0 truncated", "GET /2 202 complete"]);
    expect(driver.orphans).toBe(2);
  });

  test("a pipelining client that loses an answer pairs nothing behind it", () => {
    const { feed, gap, said } = setUp();
    feed("request", head("GET /1 HTTP/1.1") + head("GET /2 HTTP/1.1") + head("GET /3 HTTP/1.1"));
    feed("response", head("HTTP/1.1 201 A", "Content-Length: 0"));
    gap("response", 20);
    feed("response", head("HTTP/1.1 203 C", "Content-Length: 0"));
    expect(said()).toEqual(["GET /1 201 complete", "GET /2 0 truncated", "GET /3 0 truncated"]);
  });

  test("a head quoted inside a message is not taken for one", () => {
    const { feed, gap, said, driver } = setUp();
    feed("request", head("POST /1 HTTP/1.1", "Transfer-Encoding: chunked"));
    gap("request", 30);
    feed("request", `quoted:\r\n${head("GET /quoted HTTP/1.1")}`);
    feed("response", head("HTTP/1.1 200 OK", "Content-Length: 0"));
    feed("request", head("GET /2 HTTP/1.1"));
    feed("response", head("HTTP/1.1 204 No Content"));
    expect(said()).toEqual(["POST /1 200 truncated", "GET /2 204 complete"]);
    expect(driver.orphans).toBe(0);
  });

  test("requests behind a refused CONNECT are not paired", () => {
    const { feed, said, driver } = setUp();
    feed("request", head("CONNECT a:1 HTTP/1.1") + head("GET /2 HTTP/1.1"));
    feed("response", head("HTTP/1.1 407 No", "Content-Length: 0"));
    feed("response", head("HTTP/1.1 202 OK", "Content-Length: 0"));
    feed("request", head("GET /3 HTTP/1.1"));
    feed("response", head("HTTP/1.1 203 OK", "Content-Length: 0"));
    expect(said()).toEqual([
      "CONNECT a:1 407 complete",
      "GET /2 0 truncated",
      "GET /3 0 truncated",
    ]);
    expect(driver.orphans).toBe(2);
  });

  test("a split head behind a loss is found", () => {
    const { feed, gap, said } = setUp();
    feed("request", head("GET /1 HTTP/1.1"));
    feed("response", head("HTTP/1.1 200 OK", "Content-Length: 0"));
    gap("request", 30);
    for (const piece of ["G", "ET /3 H", "TTP/1.1\r\n", "\r\n"]) feed("request", piece);
    feed("response", head("HTTP/1.1 200 OK", "Content-Length: 0"));
    expect(said()).toEqual(["GET /1 200 complete", "GET /3 200 truncated"]);
  });

  test("what only began like a head behind a loss is no error", () => {
    const { feed, gap, driver, said } = setUp();
    feed("request", head("GET /1 HTTP/1.1"));
    gap("request", 30);
    feed("request", "PO");
    feed("request", "NG\r\n");
    feed("request", head("GET /2 HTTP/2.5"));
    feed("request", head("GET /3 HTTP/1.1"));
    feed("response", head("HTTP/1.1 200 OK", "Content-Length: 0"));
    expect(driver.parseErrors).toEqual([]);
    expect(said()).toEqual(["GET /1 0 truncated", "GET /3 200 truncated"]);
  });
});

describe("an answer before the request's head is complete", () => {
  const refusal = head("HTTP/1.1 431 Too Large", "Content-Length: 0", "Connection: close");

  test("is the answer to the request line that was read", () => {
    const { driver, feed, said } = setUp();
    feed("request", "GET /wide HTTP/1.1\r\nX: xxx");
    feed("response", refusal);
    expect(said()).toEqual(["GET /wide 431 complete"]);
    feed("request", "xxx\r\n\r\n");
    expect(said()).toEqual(["GET /wide 431 complete"]);
    expect(driver.orphans).toBe(0);
  });

  test("of a head that comes byte by byte, too", () => {
    const { feed, said } = setUp();
    for (const byte of "GET /slow HTTP/1.1\r\nX") feed("request", byte);
    feed("response", refusal);
    expect(said()).toEqual(["GET /slow 431 complete"]);
  });

  test("waits for a request line that is read later", () => {
    const { driver, feed, said } = setUp();
    feed("request", `GET /${"l".repeat(3_000)}`);
    feed("response", head("HTTP/1.1 414 Too Long", "Content-Length: 0", "Connection: close"));
    expect(said()).toEqual([]);
    feed("request", head(" HTTP/1.1", "Host: a"));
    expect(said()).toEqual([`GET /${"l".repeat(3_000)} 414 complete`]);
    expect(driver.orphans).toBe(0);
  });

  test("that is no refusal answers something that was not seen", () => {
    const { driver, feed, said } = setUp();
    feed("request", "GET /a HTTP/1.1\r\n");
    feed("response", head("HTTP/1.1 200 OK", "Content-Length: 0"));
    feed("request", "\r\n");
    feed("response", head("HTTP/1.1 204 No Content"));
    expect(said()).toEqual(["GET /a 204 complete"]);
    expect(driver.orphans).toBe(1);
  });
});
