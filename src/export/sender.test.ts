import { describe, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { TracesDataSchema } from "../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { limits } from "../limits.ts";
import type { Attribute } from "../model/attributes.ts";
import type { LogRecord } from "../model/log-record.ts";
import { OtlpEncoder } from "./otlp/encode.ts";
import { processOf, randomLog, seededRandom, typicalSpan } from "./otlp/test-data.ts";
import type { ExportResult, ExportTransport, SignalName } from "./result.ts";
import { SendingDestination } from "./sender.ts";
import { type TestContext, testContext } from "./test-context.ts";

interface Call {
  signal: SignalName;
  payload: Uint8Array;
  abort: AbortSignal;
  answer(result: ExportResult): void;
}

/** Keeps calls until the test answers them. */
class FakeTransport implements ExportTransport {
  readonly calls: Call[] = [];
  closed = false;

  send(signal: SignalName, payload: Uint8Array, abort: AbortSignal): Promise<ExportResult> {
    return new Promise((resolve) => {
      this.calls.push({ signal, payload, abort, answer: resolve });
    });
  }

  close(): void {
    this.closed = true;
  }
}

const random = seededRandom(1);
const shop = processOf(1, "shop");
const ok = { kind: "ok" } as const;
const unavailable = { kind: "retry", reason: "unavailable", delayMs: undefined } as const;

function setUp(): { sender: SendingDestination; transport: FakeTransport; context: TestContext } {
  const transport = new FakeTransport();
  const context = testContext();
  const sender = new SendingDestination(transport, new OtlpEncoder(), "http://there", context);
  return { sender, transport, context };
}

function addSpans(sender: SendingDestination, count: number, attributes?: Attribute[]): void {
  const span = typicalSpan(random, shop);
  for (let index = 0; index < count; index++) {
    sender.addSpan(attributes === undefined ? span : { ...span, attributes });
  }
}

function spansIn(call: Call | undefined): number {
  const data = fromBinary(TracesDataSchema, call?.payload ?? new Uint8Array());
  return data.resourceSpans.flatMap((resource) => resource.scopeSpans.flatMap((s) => s.spans))
    .length;
}

/** Lets promises run whose answers have been given. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

function log(): LogRecord {
  return { ...randomLog(random, shop), body: "hello" };
}

describe("batches", () => {
  test("leave full at once, or small after the interval", () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportBatchItemsMax + 3);
    sender.tick(context.clock.nowNs);
    expect(transport.calls.map(spansIn)).toEqual([limits.exportBatchItemsMax]);
    sender.tick(context.clock.nowNs + 199e6);
    expect(transport.calls).toHaveLength(1);
    sender.tick(context.clock.nowNs + 200e6);
    expect(transport.calls.map(spansIn)).toEqual([limits.exportBatchItemsMax, 3]);
  });

  test("at most exportInFlightMax are on their way; one that arrives makes room", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportBatchItemsMax * (limits.exportInFlightMax + 2));
    sender.tick(context.clock.nowNs);
    expect(transport.calls).toHaveLength(limits.exportInFlightMax);
    transport.calls[0]?.answer(ok);
    await settled();
    expect(transport.calls).toHaveLength(limits.exportInFlightMax + 1);
    expect(sender.status().exportedSpans).toBe(limits.exportBatchItemsMax);
  });

  test("spans and logs take turns", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportBatchItemsMax * 9);
    for (let index = 0; index < limits.exportBatchItemsMax * 9; index++) sender.addLog(log());
    sender.tick(context.clock.nowNs);
    const signals = transport.calls.map((call) => call.signal);
    expect(signals).toEqual(["traces", "logs", "traces", "logs"]);
  });

  test("a request that would be too large is split", () => {
    const { sender, transport, context } = setUp();
    const bytes = 20_000;
    addSpans(sender, 400, [["db.query.text", "x".repeat(bytes)]]);
    sender.tick(context.clock.nowNs);
    sender.tick(context.clock.nowNs + 200e6);
    expect(transport.calls.map(spansIn)).toEqual([100, 100, 100, 100]);
    for (const call of transport.calls) {
      expect(call.payload.length).toBeLessThanOrEqual(limits.exportRequestBytesMax);
    }
  });
});

describe("retry", () => {
  test("the same bytes go out after the back-off, one batch until one arrives", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportBatchItemsMax * 4);
    sender.tick(context.clock.nowNs);
    for (const call of transport.calls) call.answer(unavailable);
    await settled();
    expect(sender.status()).toMatchObject({ state: "retrying", lastError: "unavailable" });
    expect(context.warnings).toEqual([
      "otlp: http://there does not accept data, retrying: unavailable",
    ]);
    sender.tick(context.clock.nowNs + 999e6);
    expect(transport.calls).toHaveLength(4);
    context.clock.nowNs += 1e9;
    sender.tick(context.clock.nowNs);
    expect(transport.calls).toHaveLength(5);
    const first = new Set(transport.calls.slice(0, 4).map((call) => call.payload));
    expect(first.has(transport.calls[4]?.payload ?? new Uint8Array())).toBe(true);
    transport.calls[4]?.answer(ok);
    await settled();
    expect(transport.calls).toHaveLength(8);
    for (const call of transport.calls.slice(5)) call.answer(ok);
    await settled();
    const all = limits.exportBatchItemsMax * 4;
    expect(sender.status()).toMatchObject({ state: "ok", exportedSpans: all, queued: 0 });
    expect(context.notes).toEqual(["otlp: http://there accepts data again"]);
    expect(context.drops.entries()).toEqual([]);
  });

  test("a batch that is put off for too long is given up and counted", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, 1);
    sender.tick(context.clock.nowNs);
    sender.tick(context.clock.nowNs + 200e6);
    transport.calls[0]?.answer(unavailable);
    await settled();
    context.clock.nowNs += limits.exportRetryNsMax + 1e9;
    sender.tick(context.clock.nowNs);
    transport.calls[1]?.answer(unavailable);
    await settled();
    expect(sender.status()).toMatchObject({ failedSpans: 1, queued: 0 });
    expect(context.drops.entries()).toEqual([["span_export_failed", 1]]);
  });

  test("a full queue refuses and counts, and nothing that fitted is lost", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportQueueItemsMax + 7);
    expect(context.drops.get("span_queue_full")).toBe(7);
    while (sender.status().queued > 0) {
      sender.tick(context.clock.nowNs);
      context.clock.nowNs += 200e6;
      for (const call of transport.calls.splice(0)) call.answer(ok);
      await settled();
    }
    expect(sender.status()).toMatchObject({
      exportedSpans: limits.exportQueueItemsMax,
      failedSpans: 7,
    });
  });
});

describe("answers that are final", () => {
  const cases: [ExportResult, number, string, number][] = [
    [{ kind: "drop", reason: "bad" }, 0, "span_export_failed", 10],
    [{ kind: "partial", rejected: 3, message: "old" }, 7, "span_rejected", 3],
    [{ kind: "partial", rejected: 99, message: "odd" }, 0, "span_rejected", 10],
  ];
  for (const [result, exportedSpans, reason, count] of cases) {
    test(JSON.stringify(result), async () => {
      const { sender, transport, context } = setUp();
      addSpans(sender, 10);
      sender.tick(context.clock.nowNs);
      sender.tick(context.clock.nowNs + 200e6);
      transport.calls[0]?.answer(result);
      await settled();
      sender.tick(context.clock.nowNs + 10e9);
      expect(transport.calls).toHaveLength(1);
      expect(sender.status()).toMatchObject({ exportedSpans, failedSpans: count, queued: 0 });
      expect(context.drops.entries() as unknown[]).toEqual([[reason, count]]);
      expect(context.warnings).toHaveLength(1);
    });
  }

  test("a partial success that rejects nothing is a warning", async () => {
    const { sender, transport, context } = setUp();
    sender.addLog(log());
    sender.tick(context.clock.nowNs);
    sender.tick(context.clock.nowNs + 200e6);
    transport.calls[0]?.answer({ kind: "partial", rejected: 0, message: "use v2" });
    await settled();
    expect(sender.status()).toMatchObject({ exportedLogs: 1, failedLogs: 0, state: "ok" });
    expect(context.warnings[0]).toContain("use v2");
    expect(context.drops.entries()).toEqual([]);
  });
});

describe("flush", () => {
  test("sends what is not yet due and ends when it is delivered", async () => {
    const { sender, transport } = setUp();
    addSpans(sender, 5);
    sender.addLog(log());
    const flushed = sender.flush(5_000);
    expect(transport.calls.map((call) => call.signal).sort()).toEqual(["logs", "traces"]);
    for (const call of transport.calls) call.answer(ok);
    await flushed;
    expect(sender.status()).toMatchObject({ exportedSpans: 5, exportedLogs: 1, queued: 0 });
  });

  test("gives up after its time, aborts calls and counts everything once", async () => {
    const { sender, transport, context } = setUp();
    addSpans(sender, limits.exportBatchItemsMax * 6);
    sender.addLog(log());
    await sender.flush(30);
    expect(transport.calls.every((call) => call.abort.aborted)).toBe(true);
    expect(sender.status()).toMatchObject({
      queued: 0,
      exportedSpans: 0,
      failedSpans: limits.exportBatchItemsMax * 6,
      failedLogs: 1,
    });
    for (const call of transport.calls) call.answer(ok);
    await settled();
    expect(sender.status().exportedSpans).toBe(0);
    expect(context.drops.get("span_export_failed")).toBe(limits.exportBatchItemsMax * 6);
    const items = `${limits.exportBatchItemsMax * 6} spans and 1 log records`;
    expect(context.warnings).toEqual([
      `otlp: ${items} were not delivered to http://there: no answer in time`,
    ]);
    addSpans(sender, 1);
    const flushed = sender.flush(1_000);
    transport.calls.at(-1)?.answer(ok);
    await flushed;
    expect(sender.status().exportedSpans).toBe(1);
    await sender.close();
    expect(transport.closed).toBe(true);
  });
});
