import { describe, expect, test } from "bun:test";
import { fromJsonString } from "@bufbuild/protobuf";
import { LogsDataSchema } from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import { TracesDataSchema } from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { logsLine, spansLine } from "./json.ts";
import {
  fakeClock,
  processOf,
  randomBytes,
  randomLog,
  randomSpan,
  seededRandom,
  UNIX_AT_ZERO_NS,
} from "./test-data.ts";
import { logsDataOf, tracesDataOf } from "./test-messages.ts";

const offset = fakeClock().unixOffset();
const processes = [processOf(1, "shop"), processOf(2, "größe")];

/** OTLP/JSON → protobuf's own JSON, which differs in the ids: hex there, base64 here. */
function protobufJson(line: string): string {
  return line.replace(
    /"(traceId|spanId|parentSpanId)":"([0-9a-f]+)"/g,
    (_all, key: string, hex: string) => `"${key}":"${Buffer.from(hex, "hex").toString("base64")}"`,
  );
}

describe("a line holds what the binary encoding holds", () => {
  for (const seed of [1, 2, 3, 4]) {
    test(`spans, seed ${seed}`, () => {
      const random = seededRandom(seed);
      const spans = processes.flatMap((process) =>
        Array.from({ length: 60 }, () => randomSpan(random, process)),
      );
      const line = spansLine(spans, offset);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      const decoded = fromJsonString(TracesDataSchema, protobufJson(line));
      expect(decoded).toEqual(tracesDataOf(spans, offset));
    });
    test(`log records, seed ${seed}`, () => {
      const random = seededRandom(seed);
      const logs = processes.flatMap((process) =>
        Array.from({ length: 60 }, () => randomLog(random, process)),
      );
      const line = logsLine(logs, offset);
      expect(line.indexOf("\n")).toBe(line.length - 1);
      const decoded = fromJsonString(LogsDataSchema, protobufJson(line));
      expect(decoded).toEqual(logsDataOf(logs, offset));
    });
  }
});

test("the encoding, literally: hex ids, integer enums, 64-bit integers as strings", () => {
  const process = processOf(5, "shop");
  const line = spansLine(
    [
      {
        name: "GET",
        kind: 2,
        attributes: [
          ["text", "a\nb"],
          ["whole", -5],
          ["part", 0.5],
          ["never", Number.NaN],
          ["yes", true],
          ["list", ["x", "y"]],
        ],
        status: 2,
        statusMessage: "boom",
        context: {
          traceId: new Uint8Array(16).fill(0xab),
          spanId: new Uint8Array(8).fill(0x01),
          parentSpanId: new Uint8Array(8).fill(0x02),
          parentIsRemote: true,
          traceFlags: 3,
          traceState: "v=1",
        },
        process,
        startNs: 1,
        endNs: 2,
      },
    ],
    offset,
  );
  const schemaUrl = "https://opentelemetry.io/schemas/1.44.0";
  const parsed = JSON.parse(line);
  expect(parsed.resourceSpans[0].scopeSpans[0].scope.name).toBe("olly");
  delete parsed.resourceSpans[0].scopeSpans[0].scope;
  expect(parsed).toEqual({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: "service.name", value: { stringValue: "shop" } },
            { key: "process.pid", value: { intValue: "1005" } },
          ],
        },
        scopeSpans: [
          {
            spans: [
              {
                traceId: "ab".repeat(16),
                spanId: "01".repeat(8),
                traceState: "v=1",
                parentSpanId: "02".repeat(8),
                flags: 0x303,
                name: "GET",
                kind: 2,
                startTimeUnixNano: String(UNIX_AT_ZERO_NS + 1n),
                endTimeUnixNano: String(UNIX_AT_ZERO_NS + 2n),
                attributes: [
                  { key: "text", value: { stringValue: "a\nb" } },
                  { key: "whole", value: { intValue: "-5" } },
                  { key: "part", value: { doubleValue: 0.5 } },
                  { key: "never", value: { doubleValue: "NaN" } },
                  { key: "yes", value: { boolValue: true } },
                  {
                    key: "list",
                    value: { arrayValue: { values: [{ stringValue: "x" }, { stringValue: "y" }] } },
                  },
                ],
                status: { code: 2, message: "boom" },
              },
            ],
            schemaUrl,
          },
        ],
        schemaUrl,
      },
    ],
  });
});

test("a log record outside any span has no ids and no flags", () => {
  const random = seededRandom(1);
  const log = { ...randomLog(random, processOf(1, "shop")), context: undefined };
  const record = JSON.parse(logsLine([log], offset)).resourceLogs[0].scopeLogs[0].logRecords[0];
  expect(Object.keys(record)).not.toContainAnyValues(["traceId", "spanId", "flags"]);
  expect(typeof record.observedTimeUnixNano).toBe("string");
});

test("a lone surrogate becomes U+FFFD", () => {
  const random = seededRandom(1);
  const log = { ...randomLog(random, processOf(1, "shop")), body: "a\ud800" };
  const context = { ...log, traceId: randomBytes(random, 16) };
  const line = logsLine([context], offset);
  expect(JSON.parse(line).resourceLogs[0].scopeLogs[0].logRecords[0].body.stringValue).toBe(
    "a\ufffd",
  );
});
