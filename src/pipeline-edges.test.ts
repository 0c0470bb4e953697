/** Where links go wrong when nobody looks: reused numbers, hand-offs, cut ends. */
import { describe, expect, test } from "bun:test";
import { createIdSource } from "./lib/ids.ts";
import type { LogRecord } from "./model/log-record.ts";
import { type HookMessage, MessageFlag, MessageType } from "./model/message.ts";
import type { HookedProcess } from "./model/process.ts";
import type { Span } from "./model/span.ts";
import { Pipeline } from "./pipeline.ts";
import { protocols } from "./protocols/index.ts";
import { Drops } from "./self/drops.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const request = utf8("GET /a HTTP/1.1\r\nHost: shop:8000\r\n\r\n");
const response = utf8("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
const NOTHING = new Uint8Array(0);
const { accept, connect, dataIn, dataOut, close, logWrite } = MessageType;

function processOf(id: number, pid = id): HookedProcess {
  const resource = { attributes: [] };
  return { id, pid, executable: "/bin/x", args: [], serviceName: `s${id}`, resource };
}

/** Payload of connect and accept here: the client's port; the server's is 8000. */
function setUp(processes = [1, 2], describeFails = false) {
  const spans: Span[] = [];
  const logs: LogRecord[] = [];
  const bugs: unknown[] = [];
  const drops = new Drops();
  const pipeline = new Pipeline({
    protocols: protocols.map((protocol) => ({
      ...protocol,
      describe: (exchange, policy) => {
        if (describeFails) throw new Error("a bug");
        return protocol.describe(exchange, policy);
      },
    })),
    policy: { httpKnownMethods: new Set(["GET"]) },
    ids: createIdSource(),
    drops,
    endpointsOf: ({ type, payload }) => {
      const client = { address: "127.0.0.1", port: payload[0] ?? 0 };
      const server = { address: "127.0.0.1", port: 8_000 };
      const [local, remote] = type === accept ? [server, client] : [client, server];
      return { transport: "tcp", local, remote };
    },
    pathOf: () => undefined,
    span: (span) => spans.push(span),
    log: (record) => logs.push(record),
    bug: (error) => bugs.push(error),
  });
  for (const id of processes) pipeline.processStarted(processOf(id));
  let timeNs = 1e12;
  const send = (
    [id, tid, fd]: [number, number, number],
    type: number,
    payload: Uint8Array = NOTHING,
    fields: Partial<HookMessage> = {},
  ) => {
    timeNs += 1_000;
    const wireLength = payload.length;
    const base = { type, flags: 0, sequence: 0, pid: id, tid, fd, timeNs, payload, wireLength };
    pipeline.message(id, { ...base, ...fields });
  };
  return { pipeline, spans, logs, drops, bugs, send, now: () => timeNs };
}

describe("a descriptor's number", () => {
  test("is another connection in another process", () => {
    const { send, spans } = setUp();
    for (const id of [1, 2]) send([id, id, 5], accept, Uint8Array.of(id));
    for (const id of [1, 2]) send([id, id, 5], dataIn, request);
    for (const id of [2, 1]) send([id, id, 5], dataOut, response);
    expect(spans.map((span) => span.process.id)).toEqual([2, 1]);
  });

  test("after exec, with the same pid, begins anew", () => {
    const { pipeline, send, spans, now } = setUp([1]);
    send([1, 9, 5], accept, Uint8Array.of(1));
    send([1, 9, 5], dataIn, request);
    pipeline.processEnded(1, now());
    pipeline.processStarted(processOf(2, 1));
    send([2, 9, 1], logWrite, utf8("a line of the new program\n"));
    send([2, 9, 5], accept, Uint8Array.of(2));
    send([2, 9, 5], dataIn, request);
    send([2, 9, 5], dataOut, response);
    expect(spans.map((span) => span.process.id)).toEqual([1, 2]);
    expect(pipeline.sizes).toMatchObject({ connections: 1, processes: 1 });
  });

  test("that no table holds is refused", () => {
    const { send, drops, pipeline } = setUp();
    send([1, 1, -1], accept);
    send([1, 1, 2 ** 21], accept);
    expect(drops.get("message_malformed")).toBe(2);
    expect(pipeline.sizes.connections).toBe(0);
  });

  test("of a log that becomes a connection: its half line is told and does not go on", () => {
    for (const type of [close, accept, connect]) {
      const { send, logs } = setUp();
      send([1, 1, 7], logWrite, utf8("half"));
      send([1, 1, 7], type, Uint8Array.of(1));
      send([1, 1, 7], logWrite, utf8("other\n"));
      expect(logs.map((record) => record.body)).toEqual(["half", "other"]);
    }
  });
});

describe("a thread's work", () => {
  test("is nobody's when it accepts or reads elsewhere with a request open", () => {
    for (const turn of [accept, dataIn]) {
      const { send, logs } = setUp();
      for (const fd of [5, 6]) send([1, 10, fd], accept, Uint8Array.of(fd));
      send([1, 10, 5], dataIn, request);
      send([1, 10, turn === accept ? 7 : 6], turn, utf8("G"));
      send([1, 10, 1], logWrite, utf8("whose?\n"));
      expect(logs[0]?.context).toBeUndefined();
    }
  });

  test("is over when another thread has answered", () => {
    const { send, logs } = setUp();
    send([1, 10, 5], accept, Uint8Array.of(5));
    send([1, 10, 5], dataIn, request);
    send([1, 11, 5], dataOut, response);
    send([1, 10, 1], logWrite, utf8("next job\n"));
    send([1, 11, 1], logWrite, utf8("answered\n"));
    expect(logs.map((record) => record.context)).toEqual([undefined, undefined]);
  });

  test("does not pass to a thread of another process that has the same id", () => {
    const { send, logs } = setUp();
    send([1, 10, 5], accept, Uint8Array.of(5));
    send([1, 10, 5], dataIn, request);
    send([2, 10, 1], logWrite, utf8("mine\n"));
    send([2, 10 + 2 ** 22, 1], logWrite, utf8("claimed\n"));
    expect(logs.map((record) => record.context)).toEqual([undefined, undefined]);
  });
});

describe("both ends of a connection", () => {
  const client = (send: ReturnType<typeof setUp>["send"]) => {
    send([1, 1, 5], connect, Uint8Array.of(40));
    send([1, 1, 5], dataOut, request);
  };
  const server = (send: ReturnType<typeof setUp>["send"]) => {
    send([2, 2, 6], accept, Uint8Array.of(40));
    send([2, 2, 6], dataIn, request);
    send([2, 2, 6], dataOut, response);
  };

  test("are joined", () => {
    const { send, spans } = setUp();
    client(send);
    server(send);
    send([1, 1, 5], dataIn, response);
    expect(spans[0]?.context.parentSpanId).toEqual(spans[1]?.context.spanId);
  });

  test("are not those of an earlier connection with the same ports", () => {
    const { send, spans } = setUp();
    client(send);
    send([1, 1, 5], dataIn, response); // by a server that is not hooked
    server(send); // for a client that is not hooked
    expect(spans[1]?.context.parentSpanId).toBeUndefined();
  });

  test("are on one network: 127.0.0.1 is another host in another container", () => {
    const { pipeline, send, spans } = setUp([1]);
    pipeline.processStarted(processOf(2), "net:[4026532000]");
    client(send);
    server(send);
    expect(spans[0]?.context.parentSpanId).toBeUndefined();
  });
});

describe("the end", () => {
  test("brings what waited for a missing message", () => {
    const { pipeline, send, spans, now } = setUp();
    const flags = MessageFlag.sequenced;
    send([1, 1, 5], accept, Uint8Array.of(1), { flags });
    send([1, 1, 5], dataIn, request, { flags, sequence: 2 });
    pipeline.stop(now());
    expect(spans.map((span) => span.name)).toEqual(["GET"]);
  });

  test("a bug in describe() costs its span, is counted and told, and nothing else", () => {
    const { pipeline, send, bugs, drops, logs } = setUp([1], true);
    send([1, 1, 5], accept, Uint8Array.of(1));
    send([1, 1, 5], dataIn, request);
    send([1, 1, 5], dataIn, request);
    send([1, 1, 5], close);
    send([1, 1, 1], logWrite, utf8("still here\n"));
    expect(bugs).toHaveLength(2);
    expect(drops.get("connection_failed")).toBe(2);
    expect(logs).toHaveLength(1);
    expect(pipeline.sizes).toMatchObject({ connections: 0, exchanges: 0 });
  });
});
