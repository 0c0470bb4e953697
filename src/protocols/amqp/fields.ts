/**
 * Arguments of methods, and the properties of messages (AMQP 0-9-1, sections 4.2.5 and 4.2.6).
 * Invariant: nothing at or behind `end` is read; what does not fit is undefined.
 */
import { latin1Of, textOf, uint16BE, uint32BE } from "../../lib/bytes.ts";
import { amqpLimits } from "./limits.ts";
import type { Arguments, Properties } from "./types.ts";

export function noArguments(): Arguments {
  return {
    queue: "",
    exchange: "",
    routingKey: "",
    consumerTag: "",
    deliveryTag: 0,
    bits: 0,
    code: 0,
    text: "",
    failed: 0,
  };
}

/** Arguments by MethodInfo.layout; undefined when they do not fit into bytes[start..end). */
export function readArguments(
  bytes: Uint8Array,
  start: number,
  end: number,
  layout: string,
): Arguments | undefined {
  const read = noArguments();
  let index = start;
  for (let place = 0; place < layout.length; place++) {
    const letter = layout.charCodeAt(place);
    const size = sizeOf(bytes, index, end, letter);
    if (size < 0 || index + size > end) return undefined;
    keep(read, letter, [bytes, index, index + size]);
    index += size;
  }
  return read;
}

const BITS = 0x62;
const CODE = 0x63;
const TAG = 0x64;
const CONSUMER = 0x67;
const FAILED = 0x6d;
const NUMBER = 0x6e;
const QUEUE = 0x71;
const ROUTING_KEY = 0x72;
const TEXT = 0x74;
const EXCHANGE = 0x78;
const SHORT = 0x32;

/** Bytes of one argument, or -1. */
function sizeOf(bytes: Uint8Array, index: number, end: number, letter: number): number {
  switch (letter) {
    case BITS:
      return 1;
    case CODE:
    case SHORT:
      return 2;
    case FAILED:
    case NUMBER:
      return 4;
    case TAG:
      return 8;
    default:
      return index < end ? 1 + (bytes[index] ?? 0) : -1;
  }
}

type Part = readonly [bytes: Uint8Array, start: number, end: number];

function keep(read: Arguments, letter: number, [bytes, start, end]: Part): void {
  if (letter === BITS) read.bits = bytes[start] ?? 0;
  else if (letter === CODE) read.code = uint16BE(bytes, start);
  else if (letter === NUMBER) read.code = uint32BE(bytes, start);
  else if (letter === FAILED) read.failed = uint32BE(bytes, start);
  else if (letter === TAG) read.deliveryTag = uint64BE(bytes, start);
  else if (letter === EXCHANGE) read.exchange = stringOf(bytes, start + 1, end);
  else if (letter === ROUTING_KEY) read.routingKey = stringOf(bytes, start + 1, end);
  else if (letter === QUEUE) read.queue = stringOf(bytes, start + 1, end);
  else if (letter === CONSUMER) read.consumerTag = stringOf(bytes, start + 1, end);
  else if (letter === TEXT) read.text = stringOf(bytes, start + 1, end);
}

/** Delivery tags count messages: beyond 2^53 none can be. */
function uint64BE(bytes: Uint8Array, index: number): number {
  return uint32BE(bytes, index) * 2 ** 32 + uint32BE(bytes, index + 4);
}

/** Names are mostly ASCII, for which the general decoder costs too much. */
function stringOf(bytes: Uint8Array, start: number, end: number): string {
  for (let index = start; index < end; index++) {
    if ((bytes[index] ?? 0) > 0x7f) return textOf(bytes, start, end);
  }
  return latin1Of(bytes, start, end);
}

const CLASS_BASIC = 60;
const HEAD_BYTES = 14;

/** Whether a content header can begin here: class basic, weight 0, a sound size. */
export function isContentHeader(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HEAD_BYTES) return false;
  const isBasic = uint16BE(bytes, start) === CLASS_BASIC && uint16BE(bytes, start + 2) === 0;
  return isBasic && uint16BE(bytes, start + 4) === 0 && (uint16BE(bytes, start + 12) & 1) === 0;
}

const Flag = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
} as const;

interface Trace {
  traceparent: string | undefined;
  tracestate: string | undefined;
}

/**
 * A content header's payload (section 4.2.6.1), read as far as it is here; undefined when it is
 * none. What is cut off is as if it were not there.
 */
export function readProperties(
  bytes: Uint8Array,
  start: number,
  end: number,
): Properties | undefined {
  if (!isContentHeader(bytes, start, end)) return undefined;
  const bodyBytes = uint64BE(bytes, start + 4);
  const flags = uint16BE(bytes, start + 12);
  const trace: Trace = { traceparent: undefined, tracestate: undefined };
  let index = start + HEAD_BYTES;
  let correlationId = "";
  let messageId = "";
  for (let flag: number = Flag.contentType; flag >= Flag.messageId; flag >>= 1) {
    if ((flags & flag) === 0) continue;
    const size = propertySize(bytes, index, end, flag);
    if (flag === Flag.headers) readHeaders(bytes, [index + 4, Math.min(index + size, end)], trace);
    if (size < 0 || index + size > end) break;
    if (flag === Flag.correlationId) correlationId = stringOf(bytes, index + 1, index + size);
    if (flag === Flag.messageId) messageId = stringOf(bytes, index + 1, index + size);
    index += size;
  }
  const { traceparent, tracestate } = trace;
  return { bodyBytes, correlationId, messageId, traceparent, tracestate };
}

function propertySize(bytes: Uint8Array, index: number, end: number, flag: number): number {
  if (flag === Flag.deliveryMode || flag === Flag.priority) return 1;
  if (flag !== Flag.headers) return index < end ? 1 + (bytes[index] ?? 0) : -1;
  return index + 4 <= end ? 4 + uint32BE(bytes, index) : -1;
}

/** The trace context among the fields of a table (section 4.2.5.5). */
function readHeaders(bytes: Uint8Array, [start, end]: readonly [number, number], to: Trace): void {
  let index = start;
  while (index < end) {
    const nameEnd = index + 1 + (bytes[index] ?? 0);
    if (nameEnd >= end) return;
    const type = bytes[nameEnd] ?? 0;
    const size = valueSize(bytes, nameEnd + 1, end, type);
    if (size < 0 || nameEnd + 1 + size > end) return;
    if (type === LONG_STRING || type === BYTE_ARRAY) {
      keepTrace(bytes, [index + 1, nameEnd, nameEnd + 5, nameEnd + 1 + size], to);
    }
    index = nameEnd + 1 + size;
  }
}

const TRACEPARENT = "traceparent";
const TRACESTATE = "tracestate";

function keepTrace(
  bytes: Uint8Array,
  [nameStart, nameEnd, start, end]: readonly [number, number, number, number],
  to: Trace,
): void {
  const length = nameEnd - nameStart;
  if (length === TRACEPARENT.length && latin1Of(bytes, nameStart, nameEnd) === TRACEPARENT) {
    if (end - start <= amqpLimits.traceparentCharsMax) to.traceparent = latin1Of(bytes, start, end);
  } else if (length === TRACESTATE.length && latin1Of(bytes, nameStart, nameEnd) === TRACESTATE) {
    if (end - start <= amqpLimits.tracestateCharsMax) to.tracestate = latin1Of(bytes, start, end);
  }
}

const LONG_STRING = 0x53;
const BYTE_ARRAY = 0x78;
/** Types of fields as RabbitMQ and its clients write them, by their sizes. */
const fixedSizes: ReadonlyMap<string, number> = new Map([
  ...Array.from("tbB", (type) => [type, 1] as const),
  ...Array.from("sUu", (type) => [type, 2] as const),
  ...Array.from("Iif", (type) => [type, 4] as const),
  ["D", 5],
  ...Array.from("lLdT", (type) => [type, 8] as const),
  ["V", 0],
]);

function valueSize(bytes: Uint8Array, index: number, end: number, type: number): number {
  const letter = String.fromCharCode(type);
  if (!"SxAF".includes(letter)) return fixedSizes.get(letter) ?? -1;
  return index + 4 <= end ? 4 + uint32BE(bytes, index) : -1;
}
