import { describe, expect, test } from "bun:test";
import { deflateSync } from "node:zlib";
import type { StreamView } from "../contract.ts";
import { mysql } from "./index.ts";
import {
  compressed,
  concat,
  error,
  execute,
  greeting,
  hello,
  ok,
  packet,
  ping,
  prepare,
  query,
  resultSet,
  sslRequest,
} from "./test-messages.ts";

function viewOf(bytes: Uint8Array): StreamView {
  const fixed = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
  return { bytes, start: 0, end: bytes.length, ...fixed };
}

const detected = (bytes: Uint8Array | string) =>
  mysql.detect(viewOf(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes));

describe("detection", () => {
  test.each([
    ["a greeting", greeting(), "response"],
    ["MariaDB's greeting", greeting(0, "5.5.5-10.11.6-MariaDB"), "response"],
    ["a client's answer", hello(), "request"],
    ["the same behind SSLRequest", hello(0x800, "shop", 2), "request"],
    ["SSLRequest", sslRequest(), "request"],
    ["a query", query("select 1"), "request"],
    ["a query behind a comment", query(" /* who */ SELECT 1"), "request"],
    ["an executable comment", query("/*!40101 SET NAMES utf8 */"), "request"],
    ["a query with attributes", packet(0, 3, 0, 1, "SELECT 1"), "request"],
    ["a prepare", prepare("UPDATE t SET a = ?"), "request"],
    ["an execution", execute(7), "request"],
    ["a ping and a query", concat(ping, query("SELECT 1")), "request"],
    ["a compressed query", compressed(0, query("SELECT 1")), "request"],
    [
      "a deflated query",
      compressed(0, query(`SELECT '${"x".repeat(99)}'`), deflateSync),
      "request",
    ],
    ["a result set", resultSet(["x"]), "response"],
    ["an OK packet", ok(3), "response"],
    ["an error", error(1146), "response"],
    ["a ping alone", ping, "more"],
    ["words that are no statement", query("hello world, how are you"), "no"],
    ["another length", concat(query("SELECT 1"), Uint8Array.of(0)).subarray(1), "no"],
  ] as const)("%s", (_name, bytes, expected) => {
    expect(detected(bytes)).toBe(expected);
  });

  test.each([
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "*1\r\n$4\r\nPING\r\n",
    "+OK\r\n",
    "get key\r\n",
    "SSH-2.0-OpenSSH_9.2p1\r\n",
    "220 mail.example.com ESMTP\r\n",
    'INFO {"server_id":"x"}\r\n',
    "AMQP\x00\x00\x09\x01",
    "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    "\x00\x00\x00\x08\x04\xd2\x16/",
    "\x00\x00\x00\x23\x00\x12\x00\x04\x00\x00\x00\x01\x00\x07",
    "\x5d\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00\x00\x00\x00\x00",
    "\x04\x00\x00\x00\x05\x00\x00\x00\x00",
    "\x80\x00\x00\x05\x00\x00\x00\x00",
  ])("%j is not claimed", (bytes) => {
    expect(detected(bytes)).toBe("no");
  });
});

describe("resync", () => {
  const state = () => mysql.createState({ midstream: true } as never);

  test("a command in the middle of a view has to end with it", () => {
    const rest = Buffer.from("rest of a value that was cut off");
    const found = mysql.resync(viewOf(concat(rest, query("SELECT 1"))), "request", state());
    expect(found).toBe(rest.length);
    const text = concat(rest, query("SELECT 1"), "and more of the value");
    expect(mysql.resync(viewOf(text), "request", state())).toBe(-1);
  });

  test("answers are passed over until a command was seen", () => {
    expect(mysql.resync(viewOf(ok()), "response", state())).toBe(-1);
    expect(mysql.resync(viewOf(greeting()), "response", state())).toBe(0);
  });
});
