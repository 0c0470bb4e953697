/** A threaded service as libolly reports it, from its messages to its spans and log records. */
import { describe, expect, test } from "bun:test";
import { createIdSource } from "./lib/ids.ts";
import type { LogRecord } from "./model/log-record.ts";
import { type HookMessage, MessageFlag, MessageType } from "./model/message.ts";
import type { HookedProcess } from "./model/process.ts";
import { type Span, SpanKind, StatusCode } from "./model/span.ts";
import { Pipeline } from "./pipeline.ts";
import { protocols } from "./protocols/index.ts";
import { Drops } from "./self/drops.ts";

const process: HookedProcess = {
  id: 1,
  pid: 100,
  executable: "/usr/bin/python3",
  args: [],
  serviceName: "shop",
  resource: { attributes: [["service.name", "shop"]] },
};

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A PostgreSQL message: type, length, body. */
function postgres(type: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(type.length + 4 + body.length);
  bytes.set(utf8(type), 0);
  new DataView(bytes.buffer).setUint32(type.length, 4 + body.length);
  bytes.set(body, type.length + 4);
  return bytes;
}

const startup = postgres("", utf8("\x00\x03\x00\x00user\0shop\0database\0orders\0\0"));
const ready = postgres("Z", utf8("I"));
const authenticated = new Uint8Array([...postgres("R", new Uint8Array(4)), ...ready]);
const query = (sql: string) => postgres("Q", utf8(`${sql}\0`));
const answer = (tag: string) =>
  new Uint8Array([
    ...postgres("T", utf8("\x00\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0")),
    ...postgres("D", utf8("\0\x01\0\0\0\x011")),
    ...postgres("C", utf8(`${tag}\0`)),
    ...ready,
  ]);

function setUp() {
  const drops = new Drops();
  const spans: Span[] = [];
  const logs: LogRecord[] = [];
  const bugs: unknown[] = [];
  const pipeline = new Pipeline({
    protocols,
    policy: { httpKnownMethods: new Set(["GET", "POST"]) },
    ids: createIdSource(),
    drops,
    endpointsOf: (message) => ({
      transport: "tcp",
      remote: { address: "127.0.0.1", port: message.payload[0] ?? 0 },
      local: { address: "127.0.0.1", port: 50_000 + message.fd },
    }),
    pathOf: () => undefined,
    span: (span) => spans.push(span),
    log: (record) => logs.push(record),
    bug: (error) => bugs.push(error),
  });
  pipeline.processStarted(process);
  let now = 1e9;
  const send = (tid: number, fd: number, type: number, payload: Uint8Array = new Uint8Array(0)) => {
    now += 1e6;
    const message: HookMessage = {
      type,
      flags: 0,
      sequence: 0,
      pid: 100,
      tid,
      fd,
      wireLength: payload.length,
      timeNs: now,
      payload,
    };
    pipeline.message(1, message);
  };
  return { pipeline, drops, spans, logs, bugs, send };
}

type Send = ReturnType<typeof setUp>["send"];

const get = (path: string) => utf8(`GET ${path} HTTP/1.1\r\nHost: shop:8000\r\n\r\n`);
const ok = utf8("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");

function openDatabase(send: Send, tid: number, fd: number): void {
  send(tid, fd, MessageType.connect, new Uint8Array([54]));
  send(tid, fd, MessageType.dataOut, startup);
  send(tid, fd, MessageType.dataIn, authenticated);
}

function runQuery(send: Send, tid: number, fd: number): void {
  send(tid, fd, MessageType.dataOut, query("SELECT id FROM orders WHERE id = 42"));
  send(tid, fd, MessageType.dataIn, answer("SELECT 1"));
}

const attribute = (span: Span, key: string) => span.attributes.find(([name]) => name === key)?.[1];

describe("Pipeline", () => {
  test("a message for syslog belongs to the request that the thread serves", () => {
    const { send, logs, spans } = setUp();
    send(10, 5, MessageType.accept, new Uint8Array([9]));
    send(10, 5, MessageType.dataIn, get("/"));
    send(10, 11, MessageType.syslog, utf8("served"));
    send(10, 5, MessageType.dataOut, ok);
    expect(logs[0]).toMatchObject({ body: "served", severityNumber: 17 });
    expect(logs[0]?.context).toBe(spans[0]?.context);
  });

  test("a client's server is the name that it looked up", () => {
    const { send, spans, drops } = setUp();
    const name = utf8("db.local");
    const lookup = new Uint8Array([...new Uint8Array(24), ...name, 4, 127, 0, 0, 1]);
    lookup[16] = name.length;
    lookup[18] = 1;
    send(10, -1, MessageType.lookup, lookup);
    openDatabase(send, 10, 6);
    runQuery(send, 10, 6);
    const [looked, database] = spans as [Span, Span];
    expect([looked.name, looked.kind, looked.status]).toEqual(["DNS lookup", 1, 0]);
    expect(attribute(looked, "dns.question.name")).toBe("db.local");
    expect(attribute(looked, "dns.answers")).toEqual(["127.0.0.1"]);
    expect(attribute(database, "server.address")).toBe("db.local");
    expect(attribute(database, "network.peer.address")).toBe("127.0.0.1");
    send(10, -1, MessageType.lookup, lookup.subarray(1));
    expect(drops.entries()).toEqual([["message_malformed", 1]]);
  });

  test("a request, its query and its log line are one trace", () => {
    const { send, spans, logs, drops, bugs } = setUp();
    send(10, 5, MessageType.accept, new Uint8Array([9]));
    send(10, 5, MessageType.dataIn, get("/orders/42?x=1"));
    openDatabase(send, 10, 6);
    runQuery(send, 10, 6);
    send(10, 1, MessageType.logWrite, utf8("INFO order 42 served\n"));
    send(10, 5, MessageType.dataOut, ok);
    expect(bugs).toEqual([]);
    expect(spans.map((span) => [span.name, span.kind])).toEqual([
      ["SELECT orders", SpanKind.client],
      ["GET", SpanKind.server],
    ]);
    const [database, request] = spans as [Span, Span];
    expect(database.context.traceId).toEqual(request.context.traceId);
    expect(database.context.parentSpanId).toEqual(request.context.spanId);
    expect(request.context.parentSpanId).toBeUndefined();
    expect(attribute(database, "db.query.text")).toBe("SELECT id FROM orders WHERE id = ?");
    expect(attribute(database, "db.response.returned_rows")).toBe(1);
    expect(attribute(request, "url.path")).toBe("/orders/42");
    expect(attribute(request, "http.response.status_code")).toBe(200);
    expect(request.status).toBe(StatusCode.unset);
    expect(logs).toHaveLength(1);
    expect(logs[0]?.body).toContain("order 42 served");
    expect(logs[0]?.context).toBe(request.context);
    expect(drops.entries()).toEqual([]);
  });

  test("two threads at once are kept apart", () => {
    const { send, spans, logs } = setUp();
    const threads = [10, 11];
    for (const tid of threads) send(tid, tid, MessageType.accept, new Uint8Array([9]));
    for (const tid of threads) openDatabase(send, tid, tid + 100);
    for (const tid of threads) send(tid, tid, MessageType.dataIn, get(`/${tid}`));
    for (const tid of threads) runQuery(send, tid, tid + 100);
    for (const tid of threads) send(tid, 1, MessageType.logWrite, utf8(`thread ${tid}\n`));
    for (const tid of threads) send(tid, tid, MessageType.dataOut, ok);
    const servers = spans.filter((span) => span.kind === SpanKind.server);
    const databases = spans.filter((span) => span.kind === SpanKind.client);
    expect(servers.map((span) => attribute(span, "url.path"))).toEqual(["/10", "/11"]);
    expect(databases.map((span) => span.context.parentSpanId)).toEqual(
      servers.map((span) => span.context.spanId),
    );
    expect(logs.map((record) => record.context?.spanId)).toEqual(
      servers.map((span) => span.context.spanId),
    );
  });

  test("a log after the answer is the request's; one after the next read is not", () => {
    const { send, spans, logs } = setUp();
    send(10, 5, MessageType.accept, new Uint8Array([9]));
    send(10, 5, MessageType.dataIn, get("/a"));
    send(10, 5, MessageType.dataOut, ok);
    send(10, 2, MessageType.logWrite, utf8("access log\n"));
    send(10, 5, MessageType.dataIn);
    send(10, 2, MessageType.logWrite, utf8("connection ended\n"));
    expect(logs[0]?.context).toBe(spans[0]?.context);
    expect(logs[1]?.context).toBeUndefined();
  });

  test("an event loop's logs and calls are linked to nothing", () => {
    const { pipeline, spans, logs } = setUp();
    const base = { sequence: 0, pid: 100, tid: 10, flags: MessageFlag.eventLoop };
    const send = (type: number, fd: number, payload: Uint8Array, timeNs: number) =>
      pipeline.message(1, { ...base, type, fd, payload, timeNs, wireLength: payload.length });
    send(MessageType.accept, 5, new Uint8Array([9]), 1);
    send(MessageType.dataIn, 5, get("/a"), 2);
    send(MessageType.logWrite, 1, utf8("hello\n"), 3);
    send(MessageType.dataOut, 5, ok, 4);
    expect(spans).toHaveLength(1);
    expect(logs[0]?.context).toBeUndefined();
  });

  test("a process that ends closes what it had open and says so", () => {
    const { pipeline, send, spans, logs } = setUp();
    send(10, 5, MessageType.accept, new Uint8Array([9]));
    send(10, 5, MessageType.dataIn, get("/never"));
    send(10, 1, MessageType.logWrite, utf8("half a line"));
    pipeline.processEnded(1, 2e9);
    expect(spans.map((span) => attribute(span, "olly.exchange.outcome"))).toEqual(["closed_early"]);
    expect(logs.map((record) => record.body)).toEqual(["half a line"]);
    expect(pipeline.sizes.connections).toBe(0);
  });

  test("messages of a process that is not known do nothing", () => {
    const { pipeline, spans } = setUp();
    pipeline.message(77, {
      type: MessageType.dataIn,
      flags: 0,
      sequence: 0,
      pid: 1,
      tid: 1,
      fd: 1,
      wireLength: 1,
      timeNs: 1,
      payload: utf8("x"),
    });
    expect(spans).toEqual([]);
  });
});
