/**
 * A long life in short: hundreds of thousands of connections, threads and processes, most of which
 * end badly. Invariant: nothing that is kept exceeds its limit, and what has ended leaves nothing.
 */
import { describe, expect, test } from "bun:test";
import { createIdSource } from "./lib/ids.ts";
import { limits } from "./limits.ts";
import { type HookMessage, MessageFlag, MessageType } from "./model/message.ts";
import type { HookedProcess } from "./model/process.ts";
import { Pipeline } from "./pipeline.ts";
import { protocols } from "./protocols/index.ts";
import { Drops } from "./self/drops.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const request = utf8("GET /a HTTP/1.1\r\nHost: shop:8000\r\n\r\n");
const halfRequest = utf8(`GET /a HTTP/1.1\r\nHost: shop:8000\r\nX: ${"y".repeat(4_000)}`);
const response = utf8("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
const halfLine = utf8(`no end ${"z".repeat(300)}`);
const NOTHING = new Uint8Array(0);

function setUp() {
  const counts = { spans: 0, logs: 0, bugs: 0 };
  const drops = new Drops();
  const pipeline = new Pipeline({
    protocols,
    policy: { httpKnownMethods: new Set(["GET"]) },
    ids: createIdSource(),
    drops,
    endpointsOf: ({ fd, pid }) => ({
      transport: "tcp",
      remote: { address: "10.0.0.1", port: fd },
      local: { address: "10.0.0.2", port: pid },
    }),
    pathOf: () => undefined,
    span: () => void counts.spans++,
    log: () => void counts.logs++,
    bug: () => void counts.bugs++,
  });
  let timeNs = 1e12;
  const send = (id: number, tid: number, fields: Partial<HookMessage>) => {
    timeNs += 1_000;
    const payload = fields.payload ?? NOTHING;
    const rest = { type: 0, flags: 0, sequence: 0, pid: id, fd: 3, ...fields };
    pipeline.message(id, { ...rest, tid, timeNs, payload, wireLength: payload.length });
  };
  return { pipeline, drops, counts, send, now: () => timeNs };
}

function processOf(id: number): HookedProcess {
  const resource = { attributes: [] };
  return { id, pid: id, executable: "/bin/x", args: [], serviceName: "x", resource };
}

/** That 127.0.0.1 is the name "a". */
const lookup = new Uint8Array(30);
lookup.set([1, 0, 1], 16);
lookup.set([97, 4, 127, 0, 0, 1], 24);

const EMPTY = {
  datagramFlows: 0,
  lookups: 0,
  connections: 0,
  heldBytes: 0,
  exchanges: 0,
  trialBytes: 0,
  partialLines: 0,
  routes: 0,
  joins: 0,
  threads: 0,
  processes: 0,
};

describe("a long life", () => {
  test("200,000 connections that end as they should leave nothing behind", () => {
    const { pipeline, drops, counts, send } = setUp();
    pipeline.processStarted(processOf(1));
    const run = (from: number, to: number) => {
      for (let index = from; index < to; index++) {
        const tid = 1_000 + (index % 50_000);
        const fd = 10 + (index % 1_000);
        const type = index % 2 === 0 ? MessageType.accept : MessageType.connect;
        const [asks, answers] =
          index % 2 === 0
            ? [MessageType.dataIn, MessageType.dataOut]
            : [MessageType.dataOut, MessageType.dataIn];
        send(1, tid, { type, fd });
        send(1, tid, { type: asks, fd, payload: request.slice(0, 20) });
        send(1, tid, { type: asks, fd, payload: request.slice(20) });
        send(1, tid, { type: answers, fd, payload: response });
        send(1, tid, { type: MessageType.close, fd });
      }
    };
    run(0, 40_000);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    run(40_000, 200_000);
    Bun.gc(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    expect(pipeline.sizes).toEqual({ ...EMPTY, processes: 1 });
    expect(counts).toEqual({ spans: 200_000, logs: 0, bugs: 0 });
    expect(drops.entries()).toEqual([]);
  }, 300_000);

  test("connections, threads, lines and requests that never end stay within the limits", () => {
    const { pipeline, send, now } = setUp();
    pipeline.processStarted(processOf(1));
    for (let fd = 3; fd < 200_003; fd++) {
      const tid = fd;
      send(1, tid, { type: MessageType.accept, fd });
      send(1, tid, { type: MessageType.dataIn, fd, payload: request });
      send(1, tid, { type: MessageType.dataIn, fd, payload: halfRequest });
      if (fd % 4 === 0) send(1, tid, { type: MessageType.logWrite, fd: 1, payload: halfLine });
      if (fd % 10_000 === 0) pipeline.tick(now());
    }
    const { sizes } = pipeline;
    expect(sizes.connections).toBeLessThanOrEqual(limits.connectionsMax);
    expect(sizes.connections).toBeGreaterThan(limits.connectionsMax - limits.evictedAtOnce);
    expect(sizes.threads).toBeLessThanOrEqual(limits.threadsMax);
    expect(sizes.exchanges).toBeLessThanOrEqual(limits.exchangesMax + limits.connectionsMax);
    expect(sizes.partialLines).toBeLessThanOrEqual(limits.logPartialLinesMax);
    // One message may be kept beyond it before it is noticed.
    expect(sizes.heldBytes).toBeLessThan(limits.streamsBytesMax + 2 * limits.streamBytesMax);
    pipeline.processEnded(1, now());
    expect(pipeline.sizes).toEqual(EMPTY);
  }, 300_000);

  test("messages that wait for a missing one are bounded in bytes, all connections together", () => {
    const { pipeline, send, drops, now } = setUp();
    pipeline.processStarted(processOf(1));
    const flags = MessageFlag.sequenced;
    const payload = new Uint8Array(limits.payloadBytesMax);
    for (let fd = 3; fd < 30_003; fd++) {
      send(1, 1, { type: MessageType.accept, fd, flags });
      send(1, 1, { type: MessageType.dataIn, fd, flags, sequence: 2, payload });
    }
    expect(pipeline.sizes.heldBytes).toBeLessThan(limits.streamsBytesMax + 32_768);
    expect(drops.get("stream_gap")).toBeGreaterThan(0);
    pipeline.tick(now());
    pipeline.tick(now() + limits.sequenceHoldNs);
    expect(pipeline.sizes.heldBytes).toBe(0);
  }, 300_000);

  test("20,000 processes that come and go are forgotten", () => {
    const { pipeline, send, now } = setUp();
    for (let id = 1; id <= 20_000; id++) {
      pipeline.processStarted(processOf(id), "net:[1]");
      send(id, 5, { type: MessageType.accept });
      send(id, 5, { type: MessageType.dataIn, payload: request });
      send(id, 6, { type: MessageType.lookup, fd: -1, payload: lookup });
      send(id, 6, { type: MessageType.connect, fd: 4 });
      send(id, 6, { type: MessageType.dataOut, fd: 4, payload: request });
      send(id, 5, { type: MessageType.logWrite, fd: 1, payload: halfLine });
      pipeline.processEnded(id, now());
    }
    pipeline.tick(now() + limits.joinNsMax);
    expect(pipeline.sizes).toEqual(EMPTY);
  }, 300_000);
});
