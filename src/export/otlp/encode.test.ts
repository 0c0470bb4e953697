import { describe, expect, test } from "bun:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { LogsDataSchema } from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { TracesDataSchema } from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { Attribute } from "../../model/attributes.ts";
import type { HookedProcess } from "../../model/process.ts";
import type { Span, SpanContext } from "../../model/span.ts";
import { OtlpEncoder } from "./encode.ts";
import {
  fakeClock,
  processOf,
  randomLog,
  randomSpan,
  seededRandom,
  typicalSpan,
} from "./test-data.ts";
import { logsDataOf, tracesDataOf } from "./test-messages.ts";

const offset = fakeClock().unixOffset();
const many: Attribute[] = Array.from({ length: 200 }, (_, index) => [`extra.${index}`, index]);
const shop = processOf(1, "shop");
const second = processOf(2, "größe");
const wide = processOf(3, "wide", many);

function pick(random: () => number): HookedProcess {
  const number = random();
  return number < 0.3 ? shop : number < 0.6 ? second : wide;
}

function decodedSpan(span: Span) {
  const data = fromBinary(TracesDataSchema, new OtlpEncoder().spans([span], offset));
  return data.resourceSpans[0]?.scopeSpans[0]?.spans[0];
}

describe("the hand-written encoder writes the bytes that protobuf-es writes", () => {
  const encoder = new OtlpEncoder();
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`spans, seed ${seed}`, () => {
      const random = seededRandom(seed);
      const spans = Array.from({ length: seed * 40 }, () => randomSpan(random, pick(random)));
      const expected = tracesDataOf(spans, offset);
      const bytes = encoder.spans(spans, offset);
      expect(fromBinary(TracesDataSchema, bytes)).toEqual(expected);
      expect(Buffer.compare(bytes, toBinary(TracesDataSchema, expected))).toBe(0);
    });
    test(`log records, seed ${seed}`, () => {
      const random = seededRandom(seed);
      const logs = Array.from({ length: seed * 40 }, () => randomLog(random, pick(random)));
      const expected = logsDataOf(logs, offset);
      const bytes = encoder.logs(logs, offset);
      expect(fromBinary(LogsDataSchema, bytes)).toEqual(expected);
      expect(Buffer.compare(bytes, toBinary(LogsDataSchema, expected))).toBe(0);
    });
  }
});

test("one ResourceSpans for each process, one scope, the schema URL on both", () => {
  const random = seededRandom(9);
  const spans = [shop, second, shop, second].map((process) => typicalSpan(random, process));
  const data = fromBinary(TracesDataSchema, new OtlpEncoder().spans(spans, offset));
  expect(data.resourceSpans.map((resource) => resource.scopeSpans[0]?.spans.length)).toEqual([
    2, 2,
  ]);
  for (const resource of data.resourceSpans) {
    expect(resource.scopeSpans).toHaveLength(1);
    expect(resource.schemaUrl).toBe("https://opentelemetry.io/schemas/1.44.0");
    expect(resource.scopeSpans[0]?.schemaUrl).toBe(resource.schemaUrl);
    expect(resource.scopeSpans[0]?.scope?.name).toBe("olly");
  }
});

describe("limits", () => {
  for (const [count, kept, dropped] of [
    [127, 127, 0],
    [128, 128, 0],
    [129, 128, 1],
    [500, 128, 372],
  ] as const) {
    test(`${count} attributes: ${kept} kept, ${dropped} counted as dropped`, () => {
      const attributes: Attribute[] = Array.from({ length: count }, (_, index) => [
        `k${index}`,
        index,
      ]);
      const span = { ...typicalSpan(seededRandom(1), shop), attributes };
      const sent = decodedSpan(span);
      expect(sent?.attributes).toHaveLength(kept);
      expect(sent?.droppedAttributesCount).toBe(dropped);
    });
  }
});

describe("Span.flags", () => {
  const parentSpanId = new Uint8Array(8).fill(7);
  const cases: [string, Partial<SpanContext>, number][] = [
    ["root", { parentSpanId: undefined, parentIsRemote: false, traceFlags: 3 }, 0x103],
    ["local parent", { parentSpanId, parentIsRemote: false, traceFlags: 1 }, 0x101],
    ["remote parent", { parentSpanId, parentIsRemote: true, traceFlags: 0 }, 0x300],
  ];
  for (const [name, context, flags] of cases) {
    test(name, () => {
      const span = typicalSpan(seededRandom(1), shop);
      const changed = { ...span, context: { ...span.context, ...context } };
      expect(decodedSpan(changed)?.flags).toBe(flags);
    });
  }
});

test("a stated time outside 64 unsigned bits is left out, not wrapped", () => {
  const log = { ...randomLog(seededRandom(1), shop), body: "x", attributes: [] };
  for (const unixTimeNs of [-1n, 0n, 2n ** 64n]) {
    const bytes = new OtlpEncoder().logs([{ ...log, unixTimeNs }], offset);
    const sent = fromBinary(LogsDataSchema, bytes).resourceLogs[0]?.scopeLogs[0]?.logRecords[0];
    expect(sent?.timeUnixNano).toBe(0n);
  }
});

test("a lone surrogate becomes U+FFFD, and nothing encodes to no bytes", () => {
  const span = { ...typicalSpan(seededRandom(1), shop), name: "a\ud800b" };
  expect(decodedSpan(span)?.name).toBe("a\ufffdb");
  expect(new OtlpEncoder().spans([], offset)).toHaveLength(0);
});
