/**
 * Spans and log records → protobuf-es messages, written from the specification and not from the
 * encoders, which the tests compare with it.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import manifest from "../../../package.json" with { type: "json" };
import {
  type AnyValueSchema,
  InstrumentationScopeSchema,
  type KeyValueSchema,
} from "../../gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type LogRecordSchema,
  type LogsData,
  LogsDataSchema,
} from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import {
  type SpanSchema,
  type TracesData,
  TracesDataSchema,
} from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { unixNs } from "../../lib/clock.ts";
import type { Attribute, AttributeValue } from "../../model/attributes.ts";
import type { UnixOffset } from "../../model/clock.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { HookedProcess } from "../../model/process.ts";
import type { Span } from "../../model/span.ts";

const schemaUrl = "https://opentelemetry.io/schemas/1.44.0";

const scope = create(InstrumentationScopeSchema, { name: "olly", version: manifest.version });

type AnyValueInit = MessageInitShape<typeof AnyValueSchema>;

function anyValue(value: AttributeValue): AnyValueInit {
  if (typeof value === "string") return { value: { case: "stringValue", value } };
  if (typeof value === "boolean") return { value: { case: "boolValue", value } };
  if (typeof value !== "number") {
    return { value: { case: "arrayValue", value: { values: value.map(anyValue) } } };
  }
  if (Number.isSafeInteger(value)) {
    return { value: { case: "intValue", value: BigInt(value) } };
  }
  return { value: { case: "doubleValue", value } };
}

function keyValues(attributes: readonly Attribute[]): MessageInitShape<typeof KeyValueSchema>[] {
  return attributes.slice(0, 128).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function droppedOf(attributes: readonly Attribute[]): number {
  return Math.max(0, attributes.length - 128);
}

function spanMessage(span: Span, offset: UnixOffset): MessageInitShape<typeof SpanSchema> {
  const { context } = span;
  const remote = context.parentSpanId !== undefined && context.parentIsRemote;
  const hasStatus = span.status !== 0 || span.statusMessage !== undefined;
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    parentSpanId: context.parentSpanId ?? new Uint8Array(),
    traceState: context.traceState ?? "",
    flags: (remote ? 0x300 : 0x100) + context.traceFlags,
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: unixNs(span.startNs, offset),
    endTimeUnixNano: unixNs(span.endNs, offset),
    attributes: keyValues(span.attributes),
    droppedAttributesCount: droppedOf(span.attributes),
    ...(hasStatus ? { status: { code: span.status, message: span.statusMessage ?? "" } } : {}),
  };
}

function logMessage(log: LogRecord, offset: UnixOffset): MessageInitShape<typeof LogRecordSchema> {
  return {
    timeUnixNano: log.unixTimeNs ?? 0n,
    observedTimeUnixNano: unixNs(log.observedNs, offset),
    severityNumber: log.severityNumber,
    severityText: log.severityText ?? "",
    body: anyValue(log.body),
    attributes: keyValues(log.attributes),
    droppedAttributesCount: droppedOf(log.attributes),
    flags: log.context?.traceFlags ?? 0,
    traceId: log.context?.traceId ?? new Uint8Array(),
    spanId: log.context?.spanId ?? new Uint8Array(),
  };
}

function grouped<Item extends { process: HookedProcess }>(items: readonly Item[]): Item[][] {
  return [...new Set(items.map((item) => item.process.resource))].map((resource) =>
    items.filter((item) => item.process.resource === resource),
  );
}

function resourceOf(items: readonly { process: HookedProcess }[]) {
  const attributes = items[0]?.process.resource.attributes ?? [];
  return { attributes: keyValues(attributes), droppedAttributesCount: droppedOf(attributes) };
}

export function tracesDataOf(spans: readonly Span[], offset: UnixOffset): TracesData {
  return create(TracesDataSchema, {
    resourceSpans: grouped(spans).map((group) => ({
      resource: resourceOf(group),
      scopeSpans: [{ scope, spans: group.map((span) => spanMessage(span, offset)), schemaUrl }],
      schemaUrl,
    })),
  });
}

export function logsDataOf(logs: readonly LogRecord[], offset: UnixOffset): LogsData {
  return create(LogsDataSchema, {
    resourceLogs: grouped(logs).map((group) => ({
      resource: resourceOf(group),
      scopeLogs: [{ scope, logRecords: group.map((log) => logMessage(log, offset)), schemaUrl }],
      schemaUrl,
    })),
  });
}
