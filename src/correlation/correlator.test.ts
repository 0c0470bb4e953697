import { describe, expect, test } from "bun:test";
import type { IdSource } from "../lib/ids.ts";
import type { Role, SocketAddress, Transport } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";
import { Correlator } from "./correlator.ts";
import { parseTraceparent } from "./trace-context.ts";

function countingIds(): IdSource {
  let next = 0;
  const id = (length: number) => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(length - 4, ++next);
    return bytes;
  };
  return { traceId: () => id(16), spanId: () => id(8) };
}

let nextConnection = 1;

interface Fields {
  readonly process?: number;
  readonly tid?: number;
  readonly index?: number;
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
  readonly midstream?: boolean;
  readonly garbled?: boolean;
  readonly eventLoop?: boolean;
  readonly traceparent?: string;
  readonly transport?: Transport;
  readonly joinKey?: string;
}

function exchangeOf(role: Role, fields: Fields = {}): Exchange {
  return {
    protocol: "http",
    connection: {
      id: nextConnection++,
      processId: fields.process ?? 1,
      role,
      transport: fields.transport ?? "tcp",
      remote: fields.remote,
      local: fields.local,
      tls: false,
      midstream: fields.midstream ?? false,
      garbled: fields.garbled,
    },
    index: fields.index ?? 0,
    startNs: 100,
    tid: fields.tid ?? 10,
    eventLoop: fields.eventLoop ?? false,
    joinKey: fields.joinKey,
    traceparent: fields.traceparent,
    tracestate: undefined,
    endNs: 200,
    outcome: "complete",
    detail: undefined,
    context: undefined,
  };
}

const A = { address: "127.0.0.1", port: 40_000 };
const B = { address: "127.0.0.1", port: 8_000 };

describe("Correlator", () => {
  test("a part shares the span of its whole, also with the other end of its connection", () => {
    const correlator = new Correlator(countingIds());
    const ends = { client: { local: A, remote: B }, server: { local: B, remote: A } };
    const whole = exchangeOf("client", ends.client);
    const part = { ...exchangeOf("client", { ...ends.client, index: 1 }), partOf: whole };
    correlator.opened(whole);
    correlator.opened(part);
    expect(part.context).toBe(whole.context as SpanContext);
    const answered = exchangeOf("server", { ...ends.server, index: 1 });
    correlator.opened(answered);
    expect(answered.context?.parentSpanId).toEqual(whole.context?.spanId);
    const batch = { ...exchangeOf("server", ends.server) };
    const member = { ...exchangeOf("server", { ...ends.server, index: 2 }), partOf: batch };
    correlator.opened(batch);
    correlator.opened(member);
    expect(member.context).toBe(batch.context as SpanContext);
  });

  test("work of a thread belongs to the one request that it serves", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server");
    const call = exchangeOf("client");
    const stranger = exchangeOf("client", { tid: 11 });
    correlator.opened(request);
    correlator.opened(call);
    correlator.opened(stranger);
    expect(call.context?.traceId).toEqual(request.context?.traceId);
    expect(call.context?.parentSpanId).toEqual(request.context?.spanId);
    expect(call.context?.parentIsRemote).toBe(false);
    expect(stranger.context?.parentSpanId).toBeUndefined();
    expect(correlator.contextOf(1, 10, 150)).toBe(request.context);
    expect(correlator.contextOf(1, 11, 150)).toBeUndefined();
    expect(correlator.contextOf(2, 10, 150)).toBeUndefined();
  });

  test("a connection as a whole is the work of a request that began before it, and serves none", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server");
    correlator.opened(request);
    const inside = exchangeOf("client");
    const older = { ...exchangeOf("client"), startNs: 99 };
    const unknown = exchangeOf("unknown");
    const served = exchangeOf("server", { tid: 12 });
    for (const exchange of [inside, older, unknown, served]) correlator.connected(exchange);
    expect(inside.context?.parentSpanId).toEqual(request.context?.spanId);
    expect(older.context?.parentSpanId).toBeUndefined();
    expect(unknown.context?.parentSpanId).toBeUndefined();
    expect(correlator.contextOf(1, 12, 150)).toBeUndefined();
    expect(correlator.contextOf(1, 10, 150)).toBe(request.context);
  });

  test("what is withdrawn has no work, no log and no other end", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server");
    correlator.opened(request);
    correlator.withdrawn(request);
    expect(correlator.contextOf(1, 10, 150)).toBeUndefined();
    const over = exchangeOf("server", { tid: 11 });
    correlator.opened(over);
    correlator.closed(over);
    correlator.withdrawn(over);
    expect(correlator.contextOf(1, 11, 250)).toBeUndefined();
    const call = exchangeOf("client", { tid: 12, local: A, remote: B });
    correlator.opened(call);
    correlator.withdrawn(call);
    const other = exchangeOf("server", { process: 2, local: B, remote: A });
    correlator.opened(other);
    expect(other.context?.parentSpanId).toBeUndefined();
  });

  test("what is told instead of a withdrawn exchange has its identity: a log may name it", () => {
    const correlator = new Correlator(countingIds());
    const guess = exchangeOf("server");
    correlator.opened(guess);
    const ofLog = correlator.contextOf(1, 10, 150);
    correlator.withdrawn(guess);
    const later: Exchange = { ...guess, context: undefined, startNs: 120 };
    correlator.opened(later);
    expect(later.context?.spanId).not.toEqual(ofLog?.spanId);
    const right: Exchange = { ...guess, context: undefined, protocol: "other" };
    correlator.opened(right);
    expect(right.context).toMatchObject({ traceId: ofLog?.traceId, spanId: ofLog?.spanId });
    const again: Exchange = { ...guess, context: undefined };
    correlator.opened(again);
    expect(again.context?.spanId).not.toEqual(ofLog?.spanId);
  });

  test("a connection as a whole is told instead of its exchanges; another trace stays another", () => {
    const correlator = new Correlator(countingIds());
    const guess = exchangeOf("server");
    correlator.opened(guess);
    const { traceId, spanId } = guess.context as SpanContext;
    correlator.withdrawn(guess);
    const whole: Exchange = { ...guess, context: undefined, startNs: 90 };
    correlator.connected(whole);
    expect(whole.context).toMatchObject({ traceId, spanId });
    const other = exchangeOf("server");
    correlator.opened(other);
    correlator.withdrawn(other);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const asked: Exchange = { ...other, context: undefined, traceparent };
    correlator.opened(asked);
    expect(asked.context?.traceId).toEqual(parseTraceparent(traceparent)?.traceId as Uint8Array);
    expect(asked.context?.spanId).not.toEqual(other.context?.spanId as Uint8Array);
  });

  test("after the answer, a log is the request's until the thread turns or time passes", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server");
    correlator.opened(request);
    correlator.closed(request);
    expect(correlator.contextOf(1, 10, 300)).toBe(request.context);
    expect(correlator.contextOf(1, 10, 200 + 51e6)).toBeUndefined();
    correlator.turned(1, 10);
    expect(correlator.contextOf(1, 10, 300)).toBeUndefined();
  });

  test("a thread that interleaves two connections never says anything again", () => {
    const correlator = new Correlator(countingIds());
    const first = exchangeOf("server");
    const second = exchangeOf("server");
    correlator.opened(first);
    correlator.opened(second);
    correlator.closed(first);
    correlator.closed(second);
    const third = exchangeOf("server");
    const call = exchangeOf("client");
    correlator.opened(third);
    correlator.opened(call);
    expect(call.context?.parentSpanId).toBeUndefined();
    expect(correlator.contextOf(1, 10, 150)).toBeUndefined();
  });

  test("an event loop's thread says nothing from the first request on", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server", { eventLoop: true });
    const call = exchangeOf("client", { eventLoop: true });
    correlator.opened(request);
    correlator.opened(call);
    expect(call.context?.parentSpanId).toBeUndefined();
    expect(correlator.contextOf(1, 10, 150)).toBeUndefined();
  });

  test("pipelined requests of one connection are served in their order", () => {
    const correlator = new Correlator(countingIds());
    const first = exchangeOf("server");
    const second: Exchange = { ...exchangeOf("server"), connection: first.connection, index: 1 };
    correlator.opened(first);
    correlator.opened(second);
    expect(correlator.contextOf(1, 10, 150)).toBe(first.context);
    correlator.closed(first);
    expect(correlator.contextOf(1, 10, 250)).toBe(second.context);
  });

  test("both ends of a connection on this host are joined by address pair and order", () => {
    const correlator = new Correlator(countingIds());
    const client = exchangeOf("client", { local: A, remote: B, index: 2 });
    const server = exchangeOf("server", { process: 2, local: B, remote: A, index: 2 });
    const other = exchangeOf("server", { process: 2, local: B, remote: A, index: 3 });
    for (const exchange of [client, server, other]) correlator.opened(exchange);
    expect(server.context?.traceId).toEqual(client.context?.traceId);
    expect(server.context?.parentSpanId).toEqual(client.context?.spanId);
    expect(server.context?.parentIsRemote).toBe(true);
    expect(other.context?.parentSpanId).toBeUndefined();
  });

  test("what a server pushes is joined the other way round, and counted by itself", () => {
    const correlator = new Correlator(countingIds());
    const call = exchangeOf("client", { local: A, remote: B });
    const sent = { ...exchangeOf("server", { process: 2, local: B, remote: A }), pushed: true };
    const received = { ...exchangeOf("client", { local: A, remote: B, tid: 12 }), pushed: true };
    for (const exchange of [call, sent, received]) correlator.opened(exchange);
    expect(received.context?.traceId).toEqual(sent.context?.traceId);
    expect(received.context?.parentSpanId).toEqual(sent.context?.spanId);
    expect(received.context?.traceId).not.toEqual(call.context?.traceId);
  });

  test("a delivered message is its reader's work until it is acknowledged", () => {
    const correlator = new Correlator(countingIds());
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const message = { ...exchangeOf("client", { traceparent }), pushed: true };
    const call = exchangeOf("client");
    correlator.opened(message);
    correlator.opened(call);
    expect(message.context?.parentSpanId).toEqual(parseTraceparent(traceparent)?.spanId);
    expect(call.context?.parentSpanId).toEqual(message.context?.spanId);
    const ahead = { ...exchangeOf("client"), pushed: true, connection: message.connection };
    correlator.opened(ahead);
    expect(correlator.contextOf(1, 10, 150)).toBeUndefined();
    correlator.closed(message);
    expect(correlator.contextOf(1, 10, 150)).toBe(ahead.context);
    correlator.closed(ahead);
    expect(correlator.contextOf(1, 10, 250)).toBeUndefined();
  });

  test("a message that comes while a request is served is part of the request", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server");
    const reply = { ...exchangeOf("client"), pushed: true };
    correlator.opened(request);
    correlator.opened(reply);
    correlator.closed(reply);
    expect(correlator.contextOf(1, 10, 150)).toBe(request.context);
  });

  test("connections joined in the middle are not counted alike, so they are not joined", () => {
    const correlator = new Correlator(countingIds());
    const client = exchangeOf("client", { local: A, remote: B, midstream: true });
    const server = exchangeOf("server", { process: 2, local: B, remote: A });
    correlator.opened(client);
    correlator.opened(server);
    expect(server.context?.parentSpanId).toBeUndefined();
  });

  test("connections with bytes that could not be read are not joined by number", () => {
    const correlator = new Correlator(countingIds());
    const client = exchangeOf("client", { local: A, remote: B });
    const server = exchangeOf("server", { process: 2, local: B, remote: A, garbled: true });
    correlator.opened(client);
    correlator.opened(server);
    expect(server.context?.parentSpanId).toBeUndefined();
  });

  test("datagrams are joined by what they say, not by their number", () => {
    const correlator = new Correlator(countingIds());
    const udp = { transport: "udp" } as const;
    const from = { ...udp, local: A, remote: B };
    const to = { ...udp, process: 2, local: B, remote: A };
    const lost = exchangeOf("client", { ...from, index: 0, joinKey: "1 a" });
    const client = exchangeOf("client", { ...from, index: 1, joinKey: "2 b" });
    const server = exchangeOf("server", { ...to, index: 0, joinKey: "2 b" });
    const other = exchangeOf("server", { ...to, index: 1, joinKey: "3 c" });
    const unnamed = exchangeOf("server", { ...to, index: 0 });
    for (const exchange of [lost, client, server, other, unnamed]) correlator.opened(exchange);
    expect(server.context?.parentSpanId).toEqual(client.context?.spanId);
    expect(other.context?.parentSpanId).toBeUndefined();
    expect(unnamed.context?.parentSpanId).toBeUndefined();
  });

  test("an offer that nobody takes is forgotten", () => {
    const correlator = new Correlator(countingIds());
    correlator.opened(exchangeOf("client", { local: A, remote: B }));
    correlator.expire(40e9);
    const server = exchangeOf("server", { process: 2, local: B, remote: A });
    correlator.opened(server);
    expect(server.context?.parentSpanId).toBeUndefined();
  });

  test("a valid traceparent is continued with its flags; it wins over the join", () => {
    const correlator = new Correlator(countingIds());
    correlator.opened(exchangeOf("client", { local: A, remote: B }));
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const server = exchangeOf("server", { process: 2, local: B, remote: A, traceparent });
    correlator.opened(server);
    expect(server.context).toMatchObject({ parentIsRemote: true, traceFlags: 1 });
    expect(Buffer.from(server.context?.traceId ?? []).toString("hex")).toBe(
      "0af7651916cd43dd8448eb211c80319c",
    );
  });

  test("a fresh root is sampled and random", () => {
    const correlator = new Correlator(countingIds());
    const request = exchangeOf("server", { traceparent: "nonsense" });
    correlator.opened(request);
    expect(request.context).toMatchObject({ parentSpanId: undefined, traceFlags: 3 });
  });

  test("a process that ended leaves nothing behind for its successor's threads", () => {
    const correlator = new Correlator(countingIds());
    correlator.opened(exchangeOf("server"));
    correlator.processEnded(1);
    expect(correlator.contextOf(1, 10, 150)).toBeUndefined();
  });
});

describe("parseTraceparent", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const span = "b7ad6b7169203331";
  const accepted: [string, string, number][] = [
    ["version 00", `00-${trace}-${span}-01`, 1],
    ["both flags", `00-${trace}-${span}-03`, 3],
    ["unknown flags are not continued", `00-${trace}-${span}-ff`, 3],
    ["a later version with more fields", `cc-${trace}-${span}-01-what-the-future-holds`, 1],
    ["a later version as long as this one", `01-${trace}-${span}-00`, 0],
  ];
  for (const [name, header, flags] of accepted) {
    test(`accepts ${name}`, () => expect(parseTraceparent(header)?.traceFlags).toBe(flags));
  }
  const refused: [string, string][] = [
    ["version ff", `ff-${trace}-${span}-01`],
    ["a longer version 00", `00-${trace}-${span}-01-x`],
    ["a later version glued to more", `cc-${trace}-${span}-01x`],
    ["uppercase", `00-${trace.toUpperCase()}-${span}-01`],
    ["an all-zero trace id", `00-${"0".repeat(32)}-${span}-01`],
    ["an all-zero span id", `00-${trace}-${"0".repeat(16)}-01`],
    ["a wrong separator", `00_${trace}-${span}-01`],
    ["bad flags", `00-${trace}-${span}-0g`],
    ["a short header", `00-${trace}-${span}`],
    ["nothing", ""],
  ];
  for (const [name, header] of refused) {
    test(`refuses ${name}`, () => expect(parseTraceparent(header)).toBeUndefined());
  }
});
