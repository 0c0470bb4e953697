/** The OTLP destination against a real gRPC server in this process. */
import { afterEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { createExporter, type Exporter, ExportSetupError } from "../exporter.ts";
import { type TestContext, testContext } from "../test-context.ts";
import { GrpcTransport } from "./grpc.ts";
import { resultOfError } from "./grpc-result.ts";
import { processOf, randomLog, randomSpan, seededRandom } from "./test-data.ts";
import { logsDataOf, tracesDataOf } from "./test-messages.ts";
import { startServer, type TestServer } from "./test-server.ts";

/** An answer that comes at all comes sooner, on a busy machine too. */
const LATE_MS = 2_000;
const random = seededRandom(7);
const processes = [processOf(1, "shop"), processOf(2, "pricing")];
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Running {
  server: TestServer;
  exporter: Exporter;
  context: TestContext;
}

interface Options {
  compression?: "none" | "gzip";
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** The clock moves 100 ms with every look at it, so that back-off takes no time. */
async function setUp(options: Options = {}): Promise<Running> {
  const server = await startServer();
  cleanups.push(() => server.kill());
  const context = testContext();
  const clock = context.clock;
  clock.monotonicNs = () => {
    clock.nowNs += 100e6;
    return clock.nowNs;
  };
  const exporter = createExporter(
    {
      otlp: {
        endpoint: server.endpoint,
        headers: options.headers ?? {},
        timeoutMs: options.timeoutMs ?? 10_000,
        compression: options.compression ?? "none",
      },
    },
    context,
  );
  cleanups.push(() => exporter.close());
  return { server, exporter, context };
}

function spansOf(count: number) {
  return processes.flatMap((process) =>
    Array.from({ length: count / 2 }, () => randomSpan(random, process)),
  );
}

function statusOf(exporter: Exporter) {
  const [status] = exporter.status();
  return status;
}

function receivedSpans(server: TestServer) {
  return server.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((s) => s.spans));
}

describe("what is received is what was sent", () => {
  for (const compression of ["none", "gzip"] as const) {
    test(`compression ${compression}, with headers`, async () => {
      const headers = { authorization: "Bearer x", "x-tenant": "t" };
      const { server, exporter, context } = await setUp({ compression, headers });
      const spans = spansOf(40);
      const logs = processes.map((process) => randomLog(random, process));
      for (const span of spans) exporter.addSpan(span);
      for (const log of logs) exporter.addLog(log);
      await exporter.flush(10_000);
      const offset = context.clock.unixOffset();
      expect(server.resourceSpans).toEqual(tracesDataOf(spans, offset).resourceSpans);
      expect(server.resourceLogs).toEqual(logsDataOf(logs, offset).resourceLogs);
      expect(server.requests.map((request) => new URL(request.path).pathname).sort()).toEqual([
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      ]);
      for (const request of server.requests) {
        expect(request.headers.get("authorization")).toBe("Bearer x");
        expect(request.headers.get("x-tenant")).toBe("t");
        expect(request.headers.get("user-agent")).toStartWith("olly/");
        expect(request.headers.get("grpc-encoding")).toBe(compression === "gzip" ? "gzip" : null);
      }
      expect(statusOf(exporter)).toMatchObject({
        state: "ok",
        exportedSpans: 40,
        exportedLogs: 2,
        queued: 0,
        lastError: undefined,
      });
      expect(context.drops.entries()).toEqual([]);
    });
  }
});

describe("answers of the server", () => {
  test("UNAVAILABLE is tried again", async () => {
    const { server, exporter } = await setUp();
    const busy = { kind: "error", error: new ConnectError("busy", Code.Unavailable) } as const;
    server.answers.push(busy, busy);
    for (const span of spansOf(4)) exporter.addSpan(span);
    await exporter.flush(10_000);
    expect(server.requests).toHaveLength(3);
    expect(receivedSpans(server)).toHaveLength(4);
    expect(statusOf(exporter)).toMatchObject({
      exportedSpans: 4,
      failedSpans: 0,
      lastError: "[unavailable] busy",
    });
  });

  test("INVALID_ARGUMENT is not", async () => {
    const { server, exporter, context } = await setUp();
    const error = new ConnectError("no such field", Code.InvalidArgument);
    server.answers.push({ kind: "error", error });
    for (const span of spansOf(4)) exporter.addSpan(span);
    await exporter.flush(10_000);
    expect(server.requests).toHaveLength(1);
    expect(statusOf(exporter)).toMatchObject({ state: "failed", exportedSpans: 0, failedSpans: 4 });
    expect(context.drops.entries()).toEqual([["span_export_failed", 4]]);
    expect(context.warnings[0]).toContain("no such field");
  });

  test("a partial success is counted and not sent again", async () => {
    const { server, exporter, context } = await setUp();
    server.answers.push({ kind: "partial", rejected: 1n, message: "too old" });
    for (const span of spansOf(4)) exporter.addSpan(span);
    await exporter.flush(10_000);
    expect(server.requests).toHaveLength(1);
    expect(statusOf(exporter)).toMatchObject({ exportedSpans: 3, failedSpans: 1 });
    expect(context.drops.entries()).toEqual([["span_rejected", 1]]);
    expect(context.warnings[0]).toContain("too old");
  });

  test("one that does not come in time is tried again", async () => {
    const { server, exporter, context } = await setUp({ timeoutMs: LATE_MS });
    server.answers.push({ kind: "hang" });
    for (const span of spansOf(4)) exporter.addSpan(span);
    while (statusOf(exporter)?.exportedSpans !== 4) {
      exporter.tick(context.clock.monotonicNs());
      await Bun.sleep(1);
    }
    expect(server.requests).toHaveLength(2);
    expect(server.requests[0]?.headers.get("grpc-timeout")).toBe(`${LATE_MS}m`);
    expect(statusOf(exporter)).toMatchObject({ exportedSpans: 4, failedSpans: 0 });
  });
});

test("a server that is killed and comes back receives everything", async () => {
  const { server, exporter, context } = await setUp({ timeoutMs: 60_000 });
  const spans = spansOf(2_000);
  for (const span of spans.slice(0, 500)) exporter.addSpan(span);
  await exporter.flush(60_000);
  await server.kill();
  for (const span of spans.slice(500)) exporter.addSpan(span);
  exporter.tick(context.clock.monotonicNs());
  while (statusOf(exporter)?.state !== "retrying") await Bun.sleep(1);
  expect(statusOf(exporter)?.queued).toBe(1_500);
  const again = await startServer(server.port);
  cleanups.push(() => again.kill());
  await exporter.flush(60_000);
  const ids = [...receivedSpans(server), ...receivedSpans(again)].map((span) =>
    span.spanId.toHex(),
  );
  const sent = spans.map((span) => span.context.spanId.toHex());
  expect(ids.sort()).toEqual(sent.sort());
  expect(statusOf(exporter)).toMatchObject({ state: "ok", exportedSpans: 2_000, failedSpans: 0 });
  expect(context.drops.entries()).toEqual([]);
});

test("without a server, a flush ends in time and everything is counted", async () => {
  const { server, exporter, context } = await setUp();
  await server.kill();
  for (const span of spansOf(10)) exporter.addSpan(span);
  await exporter.flush(2_000);
  expect(statusOf(exporter)).toMatchObject({ queued: 0, failedSpans: 10, state: "retrying" });
  expect(statusOf(exporter)?.lastError).toContain("ECONNREFUSED");
  expect(context.drops.entries()).toEqual([["span_export_failed", 10]]);
});

test("a connection on which nothing is answered any more is replaced", async () => {
  const server = await startServer();
  cleanups.push(() => server.kill());
  const transport = new GrpcTransport({
    endpoint: server.endpoint,
    headers: {},
    timeoutMs: LATE_MS,
    compression: "none",
  });
  cleanups.push(async () => transport.close());
  const abort = new AbortController().signal;
  const empty = tracesBytes();
  expect(await transport.send("traces", empty, abort)).toEqual({ kind: "ok" });
  expect(server.connections()).toBe(1);
  server.answers.push({ kind: "hang" }, { kind: "hang" });
  for (let attempt = 0; attempt < 2; attempt++) {
    expect((await transport.send("traces", empty, abort)).kind).toBe("retry");
  }
  expect(await transport.send("traces", empty, abort)).toEqual({ kind: "ok" });
  expect(server.connections()).toBe(2);
});

/** A request with one empty ResourceSpans. */
function tracesBytes(): Uint8Array {
  return new Uint8Array([0x0a, 0x00]);
}

describe("statuses by the OTLP specification", () => {
  const stated = { "grpc-status": "1" };
  const delay = (seconds: bigint, nanos: number) => ({
    desc: RetryInfoSchema,
    value: { retryDelay: create(DurationSchema, { seconds, nanos }) },
  });
  const cases: [Code, "retry" | "drop"][] = [
    [Code.Canceled, "retry"],
    [Code.DeadlineExceeded, "retry"],
    [Code.Aborted, "retry"],
    [Code.OutOfRange, "retry"],
    [Code.Unavailable, "retry"],
    [Code.DataLoss, "retry"],
    [Code.ResourceExhausted, "drop"],
    [Code.Unknown, "drop"],
    [Code.InvalidArgument, "drop"],
    [Code.NotFound, "drop"],
    [Code.AlreadyExists, "drop"],
    [Code.PermissionDenied, "drop"],
    [Code.FailedPrecondition, "drop"],
    [Code.Unimplemented, "drop"],
    [Code.Internal, "drop"],
    [Code.Unauthenticated, "drop"],
  ];
  for (const [code, kind] of cases) {
    test(`${Code[code]} from the server: ${kind}`, () => {
      expect(resultOfError(new ConnectError("x", code, stated), false).kind).toBe(kind);
    });
  }

  test("RetryInfo makes RESOURCE_EXHAUSTED retryable, and gives the delay", () => {
    const error = new ConnectError("x", Code.ResourceExhausted, stated, [delay(2n, 500_000_000)]);
    expect(resultOfError(error, false)).toMatchObject({ kind: "retry", delayMs: 2_500 });
    const unavailable = new ConnectError("x", Code.Unavailable, stated, [delay(0n, 1_000_000)]);
    expect(resultOfError(unavailable, false)).toMatchObject({ kind: "retry", delayMs: 1 });
  });

  test("RetryInfo reaches us from a real server", async () => {
    const { server, exporter, context } = await setUp();
    // A flush has two seconds of patience with a receiver that fails, whatever the clock says.
    const { clock } = context;
    clock.monotonicNs = () => {
      clock.nowNs += 1e9;
      return clock.nowNs;
    };
    const error = new ConnectError("slow", Code.ResourceExhausted, undefined, [delay(7n, 0)]);
    server.answers.push({ kind: "error", error });
    for (const span of spansOf(2)) exporter.addSpan(span);
    const before = clock.nowNs;
    await exporter.flush(10_000);
    expect(statusOf(exporter)).toMatchObject({ exportedSpans: 2, failedSpans: 0 });
    expect(clock.nowNs - before).toBeGreaterThan(7e9);
  });

  for (const code of [Code.Internal, Code.Canceled, Code.Unknown, Code.Unavailable]) {
    test(`${Code[code]} of the connection itself: retry`, () => {
      expect(resultOfError(new ConnectError("goaway", code), false).kind).toBe("retry");
    });
  }

  test("a call that we gave up is not tried again, and reasons are one line", () => {
    expect(resultOfError(new ConnectError("gone", Code.Canceled), true).kind).toBe("drop");
    const error = new ConnectError("two\nlines\x1b[31m", Code.Internal, stated);
    expect(resultOfError(error, false)).toEqual({
      kind: "drop",
      reason: "[internal] two lines [31m",
    });
  });
});

describe("settings that cannot be are refused at once", () => {
  for (const endpoint of ["localhost:4317", "ftp://host", "", "http://"]) {
    test(`endpoint "${endpoint}"`, () => {
      const otlp = { endpoint, headers: {}, timeoutMs: 1, compression: "none" } as const;
      expect(() => createExporter({ otlp }, testContext())).toThrow(ExportSetupError);
      expect(() => createExporter({ otlp }, testContext())).toThrow(`"${endpoint}"`);
    });
  }

  test("a header that HTTP does not allow, without repeating its value", () => {
    const headers = { "x-key": "secret\nmore" };
    const otlp = { endpoint: "http://h", headers, timeoutMs: 1, compression: "none" } as const;
    expect(() => createExporter({ otlp }, testContext())).toThrow(
      new ExportSetupError('otlp header "x-key" is not a valid HTTP header'),
    );
  });
});
