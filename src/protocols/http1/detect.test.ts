/** What is taken for HTTP/1 and what is not, at every length of the text. */
import { describe, expect, test } from "bun:test";
import type { Detection } from "../contract.ts";
import { detect } from "./detect.ts";

function detectText(text: string): Detection {
  const bytes = new TextEncoder().encode(`#${text}#`);
  const moments = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return detect({ bytes, start: 1, end: bytes.length - 1, ...moments });
}

describe("detect", () => {
  const cases: [text: string, expected: Detection][] = [
    ["GET / HTTP/1.1\r\n", "request"],
    ["GET / HTTP/1.0\n", "request"],
    ["\r\n\r\nOPTIONS * HTTP/1.1\r\n", "request"],
    ["M-SEARCH * HTTP/1.1\r\n", "request"],
    ["get / HTTP/1.1\r\n", "request"],
    [`GET /${"x".repeat(3000)}`, "request"],
    [`GET http://a/${"x".repeat(3000)}`, "request"],
    ["HTTP/1.1 200 OK", "response"],
    ["\nHTTP/1.0 404 Not Found\r\n", "response"],
    ["HTTP/1.1 200", "response"],
    ["", "more"],
    ["\r\n", "more"],
    ["GET", "more"],
    ["GET /index", "more"],
    ["GET / HTTP/1.1\r", "more"],
    ["HTTP/1.1 20", "more"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no"],
    ["HTTP/2 200 OK\r\n", "no"],
    ["HTTP/1.1-200-OK", "no"],
    ["OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n", "no"],
    ["RTSP/1.0 200 OK\r\n", "no"],
    ["INVITE sip:bob@a.test SIP/2.0\r\n", "no"],
    ["SIP/2.0 200 OK\r\n", "no"],
    ["REQMOD icap://a/b ICAP/1.0\r\n", "no"],
    ["GET key\r\n", "no"],
    ["PING\r\n", "no"],
    ["GET /\r\n", "no"],
    ["*1\r\n$4\r\nPING\r\n", "no"],
    ["+OK\r\n", "no"],
    ["EHLO mail.test\r\n", "no"],
    ["220 mail.test ESMTP\r\n", "no"],
    ["SSH-2.0-OpenSSH_9.2\r\n", "no"],
    ["\u0016\u0003\u0001\u0002\u0000", "no"],
    ["\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f", "no"],
    [`GET /${"x".repeat(1000)}`, "more"],
    [`SET ${"x".repeat(3000)}`, "no"],
    ["GET /\u0000", "no"],
  ];
  test.each(cases)("%j is %s", (text, expected) => {
    expect(detectText(text)).toBe(expected);
    for (let length = 0; length < Math.min(text.length, 200); length++) {
      const early = detectText(text.slice(0, length));
      expect([length, early === "more" ? expected : early]).toEqual([length, expected]);
    }
  });
});
