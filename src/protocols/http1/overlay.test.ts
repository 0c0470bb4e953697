/** Overlays on HTTP/1: their bodies come by length, in chunks and until the end, however cut. */
import { describe } from "bun:test";
import {
  type ExpectedExchange,
  type Fixture,
  type Step,
  streamCases,
} from "../../../test/harness/stream-cases.ts";
import type { AttributeValue } from "../../model/attributes.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { http1 } from "./index.ts";

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A message of gRPC in its envelope, as text. */
function message(payload: string, flags = "\0"): string {
  return `${flags}\0\0\0${String.fromCharCode(payload.length)}${payload}`;
}

function chunked(parts: readonly string[], fields: readonly string[] = []): string {
  const chunks = parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
  return `${chunks.join("")}0\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
}

function head(first: string, fields: readonly string[]): string {
  return `${[first, ...fields].join("\r\n")}\r\n\r\n`;
}

function request(type: string, body: string): string {
  const fields = ["Host: a.test", `Content-Type: ${type}`, "Connect-Protocol-Version: 1"];
  return (
    head("POST /shop.Stock/Item HTTP/1.1", [...fields, `Content-Length: ${body.length}`]) + body
  );
}

function expected(
  place: number,
  error: boolean,
  own: Readonly<Record<string, AttributeValue>>,
): ExpectedExchange {
  const attributes = {
    "rpc.method": "shop.Stock/Item",
    "server.address": "a.test",
    "server.port": 80,
    "network.peer.address": "192.0.2.10",
    "network.peer.port": 4000,
    ...own,
  };
  const name = "shop.Stock/Item";
  return { name, outcome: "complete", start: 2 * place, end: 2 * place + 1, error, attributes };
}

function grpc(place: number, status: string, responses: number): ExpectedExchange {
  const isError = status !== "OK";
  return expected(place, isError, {
    "rpc.system.name": "grpc",
    "rpc.response.status_code": status,
    ...(isError ? { "error.type": status } : {}),
    "olly.rpc.request.messages": 1,
    "olly.rpc.response.messages": responses,
  });
}

const trailers = (status: number) => message(`grpc-status:${status}\r\n`, "\x80");
const WEB = "application/grpc-web+proto";
const webHead = head("HTTP/1.1 200 OK", [`Content-Type: ${WEB}`, "Transfer-Encoding: chunked"]);
const byLength = message("four") + trailers(0);
const problem = '{"code":"not_found"}';
const problemHead = ["Content-Type: application/json", `Content-Length: ${problem.length}`];

const turns: readonly string[] = [
  request(WEB, message("one")),
  webHead + chunked([message("two").slice(0, 3), message("two").slice(3), trailers(0)]),
  request(WEB, message("three")),
  webHead + chunked([message("x".repeat(40)), message("y"), trailers(5)]),
  request(WEB, message("three")),
  head("HTTP/1.1 200 OK", [`Content-Length: ${byLength.length}`]) + byLength,
  request(WEB, message("four")),
  webHead + chunked([message("z")], ["X-Sum: 1", "Grpc-Status:  7 ", "grpc-status: 0", "none"]),
  request("application/json", "{}"),
  head("HTTP/1.1 404 Not Found", problemHead) + problem,
];

const steps: readonly Step[] = turns.map((text, index) => ({
  side: index % 2 === 0 ? "request" : "response",
  bytes: latin1(text),
}));

const fixture: Fixture = {
  name: "grpc-web and Connect",
  steps,
  expected: [
    grpc(0, "OK", 1),
    grpc(1, "NOT_FOUND", 2),
    grpc(2, "OK", 1),
    grpc(3, "PERMISSION_DENIED", 1),
    expected(4, true, {
      "rpc.system.name": "connectrpc",
      "rpc.response.status_code": "not_found",
      "error.type": "not_found",
    }),
  ],
};

const untilEnd: Fixture = {
  name: "a body until the connection ends",
  steps: [
    { side: "request", bytes: latin1(request(WEB, message("one"))) },
    {
      side: "response",
      bytes: latin1(head("HTTP/1.0 200 OK", []) + message("two") + trailers(0)),
      end: true,
    },
  ],
  expected: [grpc(0, "OK", 1)],
};

describe("overlays on HTTP/1", () => {
  streamCases({
    protocol: http1,
    fixtures: [fixture, untilEnd],
    policy: { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) },
  });
});
