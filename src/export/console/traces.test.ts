import { describe, expect, test } from "bun:test";
import { limits } from "../../limits.ts";
import { contextOf, logOf, shopTrace, spanOf } from "./test-trace.ts";
import { type CollectedTrace, TraceCollector } from "./traces.ts";

const MS = 1e6;

function setUp() {
  const shown: CollectedTrace[] = [];
  return { shown, collector: new TraceCollector((trace) => shown.push(trace)) };
}

function traceId(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, number + 1);
  return bytes;
}

describe("a trace is shown when it has been quiet for long enough", () => {
  const local = spanOf(contextOf(2, 1));
  const remote = spanOf(contextOf(2, 1, { parentIsRemote: true }));
  const root = spanOf(contextOf(1, undefined));
  const line = logOf("x", { context: contextOf(1, undefined) });
  const cases: [string, { spans: (typeof root)[]; logs: (typeof line)[] }, number][] = [
    ["its root has ended", { spans: [local, root], logs: [line] }, 150],
    ["its parent is in a process that may not be watched", { spans: [remote], logs: [] }, 1_000],
    ["its parent is open", { spans: [local], logs: [] }, 10_000],
    ["the span of a log line is open", { spans: [], logs: [line] }, 10_000],
    [
      "one parent is remote, another open",
      { spans: [remote, spanOf(contextOf(3, 9))], logs: [] },
      10_000,
    ],
  ];
  for (const [name, { spans, logs }, quietMs] of cases) {
    test(`${name}: ${quietMs} ms`, () => {
      const { shown, collector } = setUp();
      for (const span of spans) collector.addSpan(span, 0);
      for (const log of logs) collector.addLog(log, log.context ?? contextOf(1, undefined), 5 * MS);
      const lastMs = logs.length > 0 ? 5 : 0;
      collector.tick((lastMs + quietMs) * MS - 1);
      expect(shown).toEqual([]);
      collector.tick((lastMs + quietMs) * MS);
      expect(shown).toMatchObject([{ spans, logs }]);
      expect(collector.items).toBe(0);
    });
  }

  test("the parent that arrives ends the wait", () => {
    const { shown, collector } = setUp();
    collector.addSpan(local, 0);
    collector.tick(5_000 * MS);
    collector.addSpan(root, 5_000 * MS);
    collector.tick(5_149 * MS);
    expect(shown).toHaveLength(0);
    collector.tick(5_150 * MS);
    expect(shown).toHaveLength(1);
  });
});

describe("bounds", () => {
  test("one trace too many shows the oldest, and nothing is lost", () => {
    const { shown, collector } = setUp();
    for (let number = 0; number <= limits.consoleTracesMax; number++) {
      collector.addSpan(spanOf(contextOf(2, 1, { traceId: traceId(number) })), 0);
    }
    expect(shown.map((trace) => trace.spans[0]?.context.traceId)).toEqual([traceId(0)]);
    collector.flush();
    expect(shown).toHaveLength(limits.consoleTracesMax + 1);
    expect(collector.items).toBe(0);
  });

  test("a trace that is too large is shown in parts", () => {
    const { shown, collector } = setUp();
    for (let count = 0; count < limits.consoleTraceItemsMax + 1; count++) {
      collector.addSpan(spanOf(contextOf(2, 1)), 0);
    }
    expect(shown.map((trace) => trace.spans.length)).toEqual([limits.consoleTraceItemsMax]);
    expect(collector.items).toBe(1);
  });
});

test("memory is bounded: large log lines show the oldest traces early", () => {
  const { shown, collector } = setUp();
  const body = "x".repeat(1024 * 1024);
  for (let number = 0; number < 100; number++) {
    const context = contextOf(1, undefined, { traceId: traceId(number) });
    collector.addLog(logOf(body, { context }), context, 0);
  }
  expect(shown.length).toBeGreaterThanOrEqual(36);
  expect(shown[0]?.logs[0]?.context?.traceId).toEqual(traceId(0));
  expect(collector.items).toBe(100 - shown.length);
});

test("flush shows everything at once", () => {
  const { shown, collector } = setUp();
  const { spans, logs } = shopTrace();
  for (const span of spans) collector.addSpan(span, 0);
  for (const log of logs) collector.addLog(log, log.context ?? contextOf(1, undefined), 0);
  collector.flush();
  expect(shown).toMatchObject([{ spans, logs }]);
});
