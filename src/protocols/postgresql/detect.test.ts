import { describe, expect, test } from "bun:test";
import type { Detection, StreamView } from "../contract.ts";
import { postgresql } from "./index.ts";
import {
  bind,
  bindComplete,
  concat,
  error,
  execute,
  message,
  parameter,
  parse,
  parseComplete,
  query,
  ready,
  row,
  startup,
  sync,
  tag,
} from "./test-messages.ts";

function viewOf(bytes: Uint8Array, start = 0): StreamView {
  const fixed = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return { bytes, start, end: bytes.length, ...fixed };
}

const text = (value: string) => Buffer.from(value, "latin1");
const hex = (value: string) => Buffer.from(value.replaceAll(" ", ""), "hex");

const cases: readonly (readonly [name: string, bytes: Uint8Array, said: Detection])[] = [
  ["start-up", startup({ user: "bob", database: "shop" }), "request"],
  ["start-up 3.2", startup({ user: "bob" }, 196_610), "request"],
  ["SSLRequest", hex("00000008 04d2162f"), "request"],
  ["GSSENCRequest", hex("00000008 04d21630"), "request"],
  ["CancelRequest", hex("00000010 04d2162e 00000001 00000002"), "request"],
  ["start-up, incomplete", startup({ user: "bob" }).subarray(0, 12), "more"],
  ["start-up without user", startup({ database: "shop" }), "no"],
  ["protocol 2", hex("00000128 00020000 00000000"), "no"],
  ["Query", query("select 1"), "request"],
  ["Query behind a comment alone", query("/* x */ select 1"), "more"],
  [
    "long Query",
    query(`INSERT INTO t VALUES ('${"x".repeat(9000)}')`).subarray(0, 2000),
    "request",
  ],
  ["Parse", concat(parse("s1", "SELECT 1"), sync), "request"],
  ["Bind and Execute", concat(bind("", "S_1"), execute(), sync), "request"],
  ["Sync alone", sync, "more"],
  ["Terminate alone", message("X"), "more"],
  ["rows and the end", concat(row("a"), tag("SELECT 1"), ready()), "response"],
  ["CommandComplete", concat(tag("INSERT 0 1"), ready("T")), "response"],
  ["error", concat(error("42601"), ready()), "response"],
  ["extended answer", concat(parseComplete, bindComplete, row("a")), "response"],
  ["ParameterStatus", parameter("TimeZone", "UTC"), "response"],
  // Other protocols.
  ["HTTP request", text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "no"],
  ["HTTP POST", text("POST /query HTTP/1.1\r\n\r\n"), "no"],
  ["HTTP CONNECT", text("CONNECT a:1 HTTP/1.1\r\n\r\n"), "no"],
  ["HTTP response", text("HTTP/1.1 200 OK\r\n\r\n"), "no"],
  ["HTTP/2 preface", text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "no"],
  ["HTTP/2 SETTINGS", hex("000012 04 00 00000000 000300000064"), "no"],
  ["Redis", text("*1\r\n$4\r\nPING\r\n"), "no"],
  ["SMTP", text("EHLO example.org\r\n"), "no"],
  ["TLS", hex("16030100f8010000f40303aabbcc"), "no"],
  ["MySQL greeting", hex("4a0000000a382e302e3336000800"), "no"],
  ["Kafka Metadata", hex("0000001a 0003 0000 00000001 0004 74657374 00000000"), "more"],
  ["Kafka Metadata, whole", hex("00000012 0003 0000 00000001 0004 74657374 00000000"), "no"],
  ["memcached", text("set key 0 0 5\r\nvalue\r\n"), "no"],
  ["zeros", new Uint8Array(64), "no"],
  ["nothing", new Uint8Array(), "more"],
];

describe("detect", () => {
  test.each(cases)("%s", (_name, bytes, said) => {
    expect(postgresql.detect(viewOf(bytes))).toBe(said);
  });

  test("no prefix of another protocol is taken for this one", () => {
    for (const [name, bytes, said] of cases) {
      if (said !== "no") continue;
      for (let end = 0; end < bytes.length; end++) {
        const found = postgresql.detect(viewOf(bytes.subarray(0, end)));
        expect([name, end, found === "no" || found === "more"]).toEqual([name, end, true]);
      }
    }
  });
});

describe("resync", () => {
  const state = () =>
    postgresql.createState({
      id: 1,
      processId: 1,
      role: "client",
      transport: "tcp",
      remote: undefined,
      local: undefined,
      tls: false,
      midstream: true,
    });

  test("finds the first message behind the rest of another one", () => {
    for (let lost = 1; lost < 12; lost++) {
      const rest = query("SELECT abc").subarray(lost);
      const bytes = concat(rest, parse("", "SELECT 1"), sync);
      expect(postgresql.resync(viewOf(bytes), "request", state())).toBe(rest.length);
      const answer = row("abcdefgh").subarray(lost);
      const answers = concat(answer, tag("SELECT 1"), ready());
      expect(postgresql.resync(viewOf(answers), "response", state())).toBe(answer.length);
    }
  });

  test("takes the one byte that answers an encryption request for a beginning", () => {
    const asked = state();
    expect(postgresql.resync(viewOf(text("N")), "response", asked)).toBe(-1);
    asked.encryptionAnswers = 1;
    expect(postgresql.resync(viewOf(text("N")), "response", asked)).toBe(0);
    expect(postgresql.resync(viewOf(text("N")), "request", asked)).toBe(-1);
    expect(postgresql.resync(viewOf(text("x")), "response", asked)).toBe(-1);
  });

  test("finds none in noise", () => {
    const noise = text("nothing here that begins a message, only words ".repeat(100));
    expect(postgresql.resync(viewOf(noise), "request", state())).toBe(-1);
    expect(postgresql.resync(viewOf(noise), "response", state())).toBe(-1);
    expect(postgresql.resync(viewOf(new Uint8Array(16_384)), "response", state())).toBe(-1);
  });

  test("looks at each byte a bounded number of times", () => {
    const columns = concat("D\0\0\x40\0\x06\x80", new Uint8Array(64 * 4));
    const hostile = concat(...Array.from({ length: 4_000 }, () => columns));
    // A megabyte of headers that look right and bodies that do not: seconds if it were quadratic.
    expect(postgresql.resync(viewOf(hostile), "response", state())).toBe(-1);
  });
});
