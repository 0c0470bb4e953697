/**
 * Spans and log records → the bytes of an OTLP export request, by hand because this runs for every
 * span. Invariant: the bytes equal what protobuf-es writes for the same message (encode.test.ts);
 * items are grouped by their process's Resource, in the order in which each first appears.
 * Field numbers: opentelemetry-proto 1.11.0, as in proto/.
 */
import { unixHalves } from "../../lib/clock.ts";
import { limits } from "../../limits.ts";
import type { Attribute, AttributeValue } from "../../model/attributes.ts";
import type { UnixOffset } from "../../model/clock.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { HookedProcess, Resource } from "../../model/process.ts";
import { type Span, type SpanContext, StatusCode } from "../../model/span.ts";
import { SCHEMA_URL } from "../../semconv/schema.ts";
import { SCOPE_NAME, SCOPE_VERSION } from "./scope.ts";
import { ProtobufWriter, tagOf, WireType } from "./writer.ts";

const BUFFER_BYTES_INITIAL = 256 * 1024;

/** Bit 8 of Span.flags: bit 9 is known. Bit 9: the parent is a span of another process. */
const FLAG_HAS_IS_REMOTE = 0x100;
const FLAG_IS_REMOTE = 0x200;
const TRACE_FLAGS_MASK = 0xff;

const TWO_64 = 2n ** 64n;

/** request.resource_x, ResourceX.{resource, scope_x, schema_url}, ScopeX.{scope, items, …} */
const FIRST = tagOf(1, WireType.bytes);
const SECOND = tagOf(2, WireType.bytes);
const THIRD = tagOf(3, WireType.bytes);

const RESOURCE_DROPPED_ATTRIBUTES = tagOf(2, WireType.varint);
const KEY_VALUE_KEY = tagOf(1, WireType.bytes);
const KEY_VALUE_VALUE = tagOf(2, WireType.bytes);
const ANY_STRING = tagOf(1, WireType.bytes);
const ANY_BOOL = tagOf(2, WireType.varint);
const ANY_INT = tagOf(3, WireType.varint);
const ANY_DOUBLE = tagOf(4, WireType.fixed64);
const ANY_ARRAY = tagOf(5, WireType.bytes);
const ARRAY_VALUES = tagOf(1, WireType.bytes);

const SPAN_TRACE_ID = tagOf(1, WireType.bytes);
const SPAN_ID = tagOf(2, WireType.bytes);
const SPAN_TRACE_STATE = tagOf(3, WireType.bytes);
const SPAN_PARENT_ID = tagOf(4, WireType.bytes);
const SPAN_NAME = tagOf(5, WireType.bytes);
const SPAN_KIND = tagOf(6, WireType.varint);
const SPAN_START = tagOf(7, WireType.fixed64);
const SPAN_END = tagOf(8, WireType.fixed64);
const SPAN_ATTRIBUTES = tagOf(9, WireType.bytes);
const SPAN_DROPPED_ATTRIBUTES = tagOf(10, WireType.varint);
const SPAN_STATUS = tagOf(15, WireType.bytes);
const SPAN_FLAGS = tagOf(16, WireType.fixed32);
const STATUS_MESSAGE = tagOf(2, WireType.bytes);
const STATUS_CODE = tagOf(3, WireType.varint);

const LOG_TIME = tagOf(1, WireType.fixed64);
const LOG_SEVERITY_NUMBER = tagOf(2, WireType.varint);
const LOG_SEVERITY_TEXT = tagOf(3, WireType.bytes);
const LOG_BODY = tagOf(5, WireType.bytes);
const LOG_ATTRIBUTES = tagOf(6, WireType.bytes);
const LOG_DROPPED_ATTRIBUTES = tagOf(7, WireType.varint);
const LOG_FLAGS = tagOf(8, WireType.fixed32);
const LOG_TRACE_ID = tagOf(9, WireType.bytes);
const LOG_SPAN_ID = tagOf(10, WireType.bytes);
const LOG_OBSERVED_TIME = tagOf(11, WireType.fixed64);

/** Span.flags: W3C flags, and whether the parent (if any) is in another process. */
export function spanFlagsOf(context: SpanContext): number {
  const remote = context.parentSpanId !== undefined && context.parentIsRemote;
  return (
    FLAG_HAS_IS_REMOTE | (remote ? FLAG_IS_REMOTE : 0) | (context.traceFlags & TRACE_FLAGS_MASK)
  );
}

/** A number that OTLP sends as an int value; all others are doubles. */
export function isIntValue(value: number): boolean {
  return Number.isSafeInteger(value);
}

/** Whether a Unix time in ns fits OTLP's unsigned 64 bits; one that does not is left out. */
export function isOtlpTime(unixTimeNs: bigint | undefined): unixTimeNs is bigint {
  return unixTimeNs !== undefined && unixTimeNs > 0n && unixTimeNs < TWO_64;
}

/** Items by Resource, in the order of first appearance. */
export function groupByResource<Item extends { readonly process: HookedProcess }>(
  items: readonly Item[],
): Map<Resource, Item[]> {
  const groups = new Map<Resource, Item[]>();
  for (const item of items) {
    const group = groups.get(item.process.resource);
    if (group === undefined) groups.set(item.process.resource, [item]);
    else group.push(item);
  }
  return groups;
}

/** One encoder keeps one buffer; what it returns is the caller's own copy. */
export class OtlpEncoder {
  readonly #writer = new ProtobufWriter(BUFFER_BYTES_INITIAL);
  /** ResourceX.resource as it is written, tag and length included. */
  readonly #resources = new WeakMap<Resource, Uint8Array>();
  readonly #scope = encodedScope();
  readonly #schemaUrl = encodedSchemaUrl();

  /** ExportTraceServiceRequest (also TracesData). */
  spans(spans: readonly Span[], offset: UnixOffset): Uint8Array {
    const writer = this.#writer;
    writer.reset();
    for (const [resource, group] of groupByResource(spans)) {
      const [resourceMark, scopeMark] = this.#open(resource);
      for (const span of group) {
        writer.uint32(SECOND);
        const mark = writer.begin(2);
        writeSpan(writer, span, offset);
        writer.end(mark);
      }
      this.#close(resourceMark, scopeMark);
    }
    return writer.bytes();
  }

  /** ExportLogsServiceRequest (also LogsData). */
  logs(records: readonly LogRecord[], offset: UnixOffset): Uint8Array {
    const writer = this.#writer;
    writer.reset();
    for (const [resource, group] of groupByResource(records)) {
      const [resourceMark, scopeMark] = this.#open(resource);
      for (const record of group) {
        writer.uint32(SECOND);
        const mark = writer.begin(2);
        writeLogRecord(writer, record, offset);
        writer.end(mark);
      }
      this.#close(resourceMark, scopeMark);
    }
    return writer.bytes();
  }

  /** Begins a ResourceX with its one ScopeX; items follow. */
  #open(resource: Resource): [resourceMark: number, scopeMark: number] {
    const writer = this.#writer;
    writer.uint32(FIRST);
    const resourceMark = writer.begin(3);
    writer.raw(this.#resourceBytes(resource));
    writer.uint32(SECOND);
    const scopeMark = writer.begin(3);
    writer.raw(this.#scope);
    return [resourceMark, scopeMark];
  }

  #close(resourceMark: number, scopeMark: number): void {
    this.#writer.raw(this.#schemaUrl);
    this.#writer.end(scopeMark);
    this.#writer.raw(this.#schemaUrl);
    this.#writer.end(resourceMark);
  }

  #resourceBytes(resource: Resource): Uint8Array {
    const known = this.#resources.get(resource);
    if (known !== undefined) return known;
    const writer = new ProtobufWriter(1024);
    writer.uint32(FIRST);
    const mark = writer.begin(2);
    writeAttributes(writer, FIRST, RESOURCE_DROPPED_ATTRIBUTES, resource.attributes);
    writer.end(mark);
    const bytes = writer.bytes();
    this.#resources.set(resource, bytes);
    return bytes;
  }
}

function encodedScope(): Uint8Array {
  const writer = new ProtobufWriter(64);
  writer.uint32(FIRST);
  const mark = writer.begin(1);
  writer.uint32(FIRST);
  writer.string(SCOPE_NAME);
  writer.uint32(SECOND);
  writer.string(SCOPE_VERSION);
  writer.end(mark);
  return writer.bytes();
}

function encodedSchemaUrl(): Uint8Array {
  const writer = new ProtobufWriter(64);
  writer.uint32(THIRD);
  writer.string(SCHEMA_URL);
  return writer.bytes();
}

function writeSpan(writer: ProtobufWriter, span: Span, offset: UnixOffset): void {
  const context = span.context;
  writer.uint32(SPAN_TRACE_ID);
  writer.lengthDelimited(context.traceId);
  writer.uint32(SPAN_ID);
  writer.lengthDelimited(context.spanId);
  writeText(writer, SPAN_TRACE_STATE, context.traceState);
  if (context.parentSpanId !== undefined) {
    writer.uint32(SPAN_PARENT_ID);
    writer.lengthDelimited(context.parentSpanId);
  }
  writeText(writer, SPAN_NAME, span.name);
  writer.uint32(SPAN_KIND);
  writer.uint32(span.kind);
  writeTime(writer, SPAN_START, span.startNs, offset);
  writeTime(writer, SPAN_END, span.endNs, offset);
  writeAttributes(writer, SPAN_ATTRIBUTES, SPAN_DROPPED_ATTRIBUTES, span.attributes);
  writeStatus(writer, span);
  writer.uint32(SPAN_FLAGS);
  writer.fixed32(spanFlagsOf(context));
}

function writeStatus(writer: ProtobufWriter, span: Span): void {
  if (span.status === StatusCode.unset && span.statusMessage === undefined) return;
  writer.uint32(SPAN_STATUS);
  const mark = writer.begin(1);
  writeText(writer, STATUS_MESSAGE, span.statusMessage);
  if (span.status !== StatusCode.unset) {
    writer.uint32(STATUS_CODE);
    writer.uint32(span.status);
  }
  writer.end(mark);
}

function writeLogRecord(writer: ProtobufWriter, record: LogRecord, offset: UnixOffset): void {
  if (isOtlpTime(record.unixTimeNs)) {
    writer.uint32(LOG_TIME);
    const time = record.unixTimeNs;
    writer.fixed64(Number(time >> 32n), Number(time & 0xffff_ffffn));
  }
  if (record.severityNumber !== 0) {
    writer.uint32(LOG_SEVERITY_NUMBER);
    writer.uint32(record.severityNumber);
  }
  writeText(writer, LOG_SEVERITY_TEXT, record.severityText);
  writer.uint32(LOG_BODY);
  const mark = writer.begin(record.body.length > 120 ? 2 : 1);
  writer.uint32(ANY_STRING);
  writer.string(record.body);
  writer.end(mark);
  writeAttributes(writer, LOG_ATTRIBUTES, LOG_DROPPED_ATTRIBUTES, record.attributes);
  const context = record.context;
  if (context !== undefined) {
    const flags = context.traceFlags & TRACE_FLAGS_MASK;
    if (flags !== 0) {
      writer.uint32(LOG_FLAGS);
      writer.fixed32(flags);
    }
    writer.uint32(LOG_TRACE_ID);
    writer.lengthDelimited(context.traceId);
    writer.uint32(LOG_SPAN_ID);
    writer.lengthDelimited(context.spanId);
  }
  writeTime(writer, LOG_OBSERVED_TIME, record.observedNs, offset);
}

/** A string field without presence: empty is the same as absent, and is not written. */
function writeText(writer: ProtobufWriter, tag: number, text: string | undefined): void {
  if (text === undefined || text === "") return;
  writer.uint32(tag);
  writer.string(text);
}

function writeTime(
  writer: ProtobufWriter,
  tag: number,
  monotonicNs: number,
  offset: UnixOffset,
): void {
  const [high, low] = unixHalves(monotonicNs, offset);
  writer.uint32(tag);
  writer.fixed64(high, low);
}

/** The first attributesMax attributes, and how many more there were. */
function writeAttributes(
  writer: ProtobufWriter,
  tag: number,
  droppedTag: number,
  attributes: readonly Attribute[],
): void {
  const kept = Math.min(attributes.length, limits.attributesMax);
  for (let index = 0; index < kept; index++) {
    const attribute = attributes[index];
    if (attribute === undefined) continue;
    writer.uint32(tag);
    const mark = writer.begin(1);
    writeText(writer, KEY_VALUE_KEY, attribute[0]);
    writer.uint32(KEY_VALUE_VALUE);
    const valueMark = writer.begin(1);
    writeAnyValue(writer, attribute[1]);
    writer.end(valueMark);
    writer.end(mark);
  }
  if (attributes.length > kept) {
    writer.uint32(droppedTag);
    writer.uint32(attributes.length - kept);
  }
}

function writeAnyValue(writer: ProtobufWriter, value: AttributeValue): void {
  if (typeof value === "string") {
    writer.uint32(ANY_STRING);
    writer.string(value);
  } else if (typeof value === "boolean") {
    writer.uint32(ANY_BOOL);
    writer.uint32(value ? 1 : 0);
  } else if (typeof value !== "number") {
    writeStrings(writer, value);
  } else if (isIntValue(value)) {
    writer.uint32(ANY_INT);
    writer.int64(value);
  } else {
    writer.uint32(ANY_DOUBLE);
    writer.double(value);
  }
}

function writeStrings(writer: ProtobufWriter, values: readonly string[]): void {
  writer.uint32(ANY_ARRAY);
  const mark = writer.begin(1);
  for (const value of values) {
    writer.uint32(ARRAY_VALUES);
    const valueMark = writer.begin(1);
    writer.uint32(ANY_STRING);
    writer.string(value);
    writer.end(valueMark);
  }
  writer.end(mark);
}
