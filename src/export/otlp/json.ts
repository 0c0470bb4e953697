/**
 * Spans and log records → one line of the OTLP file format each batch. Invariant: exactly OTLP/JSON
 * (ids in hex, enums as integers, 64-bit integers as strings, lowerCamelCase), with no line break
 * inside a line; the same content as encode.ts sends.
 * Source: OTLP specification, "JSON Protobuf encoding"; "OpenTelemetry protocol file exporter".
 */
import { hexOf } from "../../lib/bytes.ts";
import { unixNs } from "../../lib/clock.ts";
import { limits } from "../../limits.ts";
import type { Attribute, AttributeValue } from "../../model/attributes.ts";
import type { UnixOffset } from "../../model/clock.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { Resource } from "../../model/process.ts";
import { type Span, StatusCode } from "../../model/span.ts";
import { SCHEMA_URL } from "../../semconv/schema.ts";
import { groupByResource, isIntValue, isOtlpTime, spanFlagsOf } from "./encode.ts";
import { SCOPE_NAME, SCOPE_VERSION } from "./scope.ts";

const scope = { name: SCOPE_NAME, version: SCOPE_VERSION };

/** {"resourceSpans":[…]} and a line feed. */
export function spansLine(spans: readonly Span[], offset: UnixOffset): string {
  const resourceSpans = [...groupByResource(spans)].map(([resource, group]) => ({
    resource: resourceOf(resource),
    scopeSpans: [
      { scope, spans: group.map((span) => spanOf(span, offset)), schemaUrl: SCHEMA_URL },
    ],
    schemaUrl: SCHEMA_URL,
  }));
  return `${JSON.stringify({ resourceSpans })}\n`;
}

/** {"resourceLogs":[…]} and a line feed. */
export function logsLine(records: readonly LogRecord[], offset: UnixOffset): string {
  const resourceLogs = [...groupByResource(records)].map(([resource, group]) => ({
    resource: resourceOf(resource),
    scopeLogs: [
      { scope, logRecords: group.map((log) => logOf(log, offset)), schemaUrl: SCHEMA_URL },
    ],
    schemaUrl: SCHEMA_URL,
  }));
  return `${JSON.stringify({ resourceLogs })}\n`;
}

function resourceOf(resource: Resource) {
  return attributesOf(resource.attributes);
}

/** Keys whose value is undefined are left out by JSON.stringify, as OTLP does for defaults. */
function spanOf(span: Span, offset: UnixOffset) {
  const { context } = span;
  return {
    traceId: hexOf(context.traceId),
    spanId: hexOf(context.spanId),
    traceState: textOrNothing(context.traceState),
    parentSpanId: context.parentSpanId === undefined ? undefined : hexOf(context.parentSpanId),
    flags: spanFlagsOf(context),
    name: wellFormed(span.name),
    kind: span.kind,
    startTimeUnixNano: String(unixNs(span.startNs, offset)),
    endTimeUnixNano: String(unixNs(span.endNs, offset)),
    ...attributesOf(span.attributes),
    status: statusOf(span),
  };
}

function statusOf(span: Span) {
  if (span.status === StatusCode.unset && span.statusMessage === undefined) return undefined;
  const code = span.status === StatusCode.unset ? undefined : span.status;
  return { message: textOrNothing(span.statusMessage), code };
}

function logOf(record: LogRecord, offset: UnixOffset) {
  const { context } = record;
  return {
    timeUnixNano: isOtlpTime(record.unixTimeNs) ? String(record.unixTimeNs) : undefined,
    observedTimeUnixNano: String(unixNs(record.observedNs, offset)),
    severityNumber: record.severityNumber === 0 ? undefined : record.severityNumber,
    severityText: textOrNothing(record.severityText),
    body: { stringValue: wellFormed(record.body) },
    ...attributesOf(record.attributes),
    flags: context === undefined ? undefined : context.traceFlags & 0xff,
    traceId: context === undefined ? undefined : hexOf(context.traceId),
    spanId: context === undefined ? undefined : hexOf(context.spanId),
  };
}

/** The first attributesMax attributes, and how many more there were. */
function attributesOf(attributes: readonly Attribute[]) {
  const kept =
    attributes.length > limits.attributesMax
      ? attributes.slice(0, limits.attributesMax)
      : attributes;
  const dropped = attributes.length - kept.length;
  return {
    attributes: kept.map(([key, value]) => ({ key: wellFormed(key), value: anyValueOf(value) })),
    droppedAttributesCount: dropped === 0 ? undefined : dropped,
  };
}

function anyValueOf(value: AttributeValue): object {
  if (typeof value === "string") return { stringValue: wellFormed(value) };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "number") return { arrayValue: { values: value.map(anyValueOf) } };
  if (isIntValue(value)) return { intValue: String(value) };
  // NaN and the infinities are strings in protobuf's JSON; JSON itself has no word for them.
  return { doubleValue: Number.isFinite(value) ? value : String(value) };
}

function textOrNothing(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : wellFormed(text);
}

/** A lone surrogate becomes U+FFFD, as in the binary encoding. */
function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}
