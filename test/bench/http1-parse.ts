/**
 * Cost of one HTTP/1 exchange in the agent's own code: a browser's request head and nginx's answer
 * of 1 KB, parsed and matched. Prints one line; describe is told apart because it runs once per
 * span. Its invariant: every exchange that is counted was complete.
 *
 *   bun test/bench/http1-parse.ts [exchanges]
 */
import type { ConnectionInfo } from "../../src/model/connection.ts";
import type { Exchange } from "../../src/model/exchange.ts";
import type { ExchangeSink, FrameSink, StreamView } from "../../src/protocols/contract.ts";
import { type Http1Detail, type Http1Frame, http1 } from "../../src/protocols/http1/index.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../src/semconv/http.ts";

const REQUEST =
  "GET /api/v1/items/12345?limit=10&offset=20 HTTP/1.1\r\nHost: shop.example.com:8080\r\n" +
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
  "Accept: application/json, text/plain, */*\r\nAccept-Language: en-US,en;q=0.5\r\n" +
  "Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" +
  "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
const RESPONSE =
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 07:14:59 GMT\r\n" +
  "Content-Type: application/json\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n" +
  `ETag: "6b0144f1-e"\r\nCache-Control: no-cache\r\n\r\n${"x".repeat(1024)}`;

const ROUNDS = 5;

const connection: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "server",
  transport: "tcp",
  remote: { address: "192.0.2.10", port: 4000 },
  local: { address: "192.0.2.20", port: 8080 },
  tls: false,
  midstream: false,
};
const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };

function viewOf(text: string): StreamView {
  const bytes = new TextEncoder().encode(text);
  const moments = { timeAt: () => 1_000, tidAt: () => 7, eventLoopAt: () => false };
  return { bytes, start: 0, end: bytes.length, ...moments };
}

function run(exchanges: number, describing: boolean): number {
  const state = http1.createState(connection);
  let closed = 0;
  const emit: ExchangeSink<Http1Detail> = {
    open: (start) => ({
      protocol: "http",
      connection,
      index: 0,
      startNs: start.startNs,
      tid: start.tid,
      eventLoop: start.eventLoop,
      traceparent: start.traceparent,
      tracestate: start.tracestate,
      endNs: start.startNs,
      outcome: "no_response",
      detail: start.detail,
      context: undefined,
    }),
    close: (exchange: Exchange<Http1Detail>, endNs, outcome) => {
      exchange.endNs = endNs;
      exchange.outcome = outcome;
      if (outcome === "complete") closed++;
      if (describing) http1.describe(exchange, policy);
    },
    orphan: () => undefined,
  };
  let side: "request" | "response" = "request";
  const out: FrameSink<Http1Frame> = {
    frame: (frame) => http1.match(frame, side, state, emit),
    skip: () => undefined,
    handOver: () => undefined,
  };
  const request = viewOf(REQUEST);
  const response = viewOf(RESPONSE);
  const start = performance.now();
  for (let index = 0; index < exchanges; index++) {
    side = "request";
    http1.parse(request, side, state, out);
    side = "response";
    http1.parse(response, side, state, out);
  }
  const nsPerExchange = ((performance.now() - start) * 1e6) / exchanges;
  if (closed !== exchanges) throw new Error(`${closed} of ${exchanges} exchanges were complete`);
  return nsPerExchange;
}

const exchanges = Number(process.argv[2] ?? 200_000);
run(exchanges / 10, true); // lets the compiler settle
const best = (describing: boolean) =>
  Math.min(...Array.from({ length: ROUNDS }, () => run(exchanges, describing)));
const parsed = best(false);
const described = best(true);
process.stdout.write(
  `http1: ${parsed.toFixed(0)} ns per exchange parsed and matched, ` +
    `${(described - parsed).toFixed(0)} ns more to describe it\n`,
);
