/**
 * The field section of a head (RFC 9112 section 5): finds its end and notes where the few fields
 * stand that matter here; all others are passed over without being looked at. Invariant: lines that
 * are no field lines change nothing (the server's answer says what it made of them), and the last
 * byte read is before `end`.
 */

import { ParseError } from "../contract.ts";
import { http1Limits } from "./limits.ts";
import { COLON, COMMA, CR, isBlank, LF, SEMICOLON, SPACE, sameTextAnyCase, TAB } from "./syntax.ts";

/** Where a value stands in the bytes; start = -1 when the field is absent. */
export interface ValueRange {
  start: number;
  end: number;
  /** How often the field came; start and end are those of the first. */
  count: number;
}

/** What a field section said; valid until the next one is read. */
export interface Fields {
  readonly host: ValueRange;
  readonly userAgent: ValueRange;
  readonly traceparent: ValueRange;
  readonly tracestate: ValueRange;
  readonly forwarded: ValueRange;
  readonly forwardedFor: ValueRange;
  readonly forwardedHost: ValueRange;
  readonly forwardedProto: ValueRange;
  readonly contentType: ValueRange;
  /** x-amz-date and x-amz-content-sha256: what a signed request to AWS has. */
  readonly amzDate: ValueRange;
  readonly amzHash: ValueRange;
  /** More tracestate fields after the first one, start and end in turn. */
  readonly moreTracestate: number[];
  /** Content-Length: -1 = absent, -2 = invalid or contradictory. */
  contentLength: number;
  /** A Transfer-Encoding came, other than the obsolete "identity". */
  transferEncoding: boolean;
  /** chunked is the last transfer coding. */
  chunked: boolean;
  connectionClose: boolean;
  connectionKeepAlive: boolean;
  connectionUpgrade: boolean;
  upgrade: boolean;
  /** The only protocol that Upgrade names is h2c (RFC 7540 section 3.2). */
  upgradeH2c: boolean;
  /** The only protocol that Upgrade names is WebSocket (RFC 6455 section 4.1). */
  upgradeWebSocket: boolean;
}

export const CONTENT_LENGTH_ABSENT = -1;
export const CONTENT_LENGTH_INVALID = -2;

export function createFields(): Fields {
  return {
    host: createRange(),
    userAgent: createRange(),
    traceparent: createRange(),
    tracestate: createRange(),
    forwarded: createRange(),
    forwardedFor: createRange(),
    forwardedHost: createRange(),
    forwardedProto: createRange(),
    contentType: createRange(),
    amzDate: createRange(),
    amzHash: createRange(),
    moreTracestate: [],
    contentLength: CONTENT_LENGTH_ABSENT,
    transferEncoding: false,
    chunked: false,
    connectionClose: false,
    connectionKeepAlive: false,
    connectionUpgrade: false,
    upgrade: false,
    upgradeH2c: false,
    upgradeWebSocket: false,
  };
}

function createRange(): ValueRange {
  return { start: -1, end: -1, count: 0 };
}

function reset(fields: Fields): void {
  fields.host.count = 0;
  fields.userAgent.count = 0;
  fields.traceparent.count = 0;
  fields.tracestate.count = 0;
  fields.forwarded.count = 0;
  fields.forwardedFor.count = 0;
  fields.forwardedHost.count = 0;
  fields.forwardedProto.count = 0;
  fields.contentType.count = 0;
  fields.amzDate.count = 0;
  fields.amzHash.count = 0;
  if (fields.moreTracestate.length > 0) fields.moreTracestate.length = 0;
  fields.contentLength = CONTENT_LENGTH_ABSENT;
  fields.transferEncoding = false;
  fields.chunked = false;
  fields.connectionClose = false;
  fields.connectionKeepAlive = false;
  fields.connectionUpgrade = false;
  fields.upgrade = false;
  fields.upgradeH2c = false;
  fields.upgradeWebSocket = false;
}

/**
 * Reads the field lines from `start`, the byte behind the start line. > 0 = index behind the empty
 * line, 0 = the section does not end before `end`, < 0 = ParseError.
 */
export function readFields(bytes: Uint8Array, start: number, end: number, fields: Fields): number {
  reset(fields);
  let position = start;
  for (let lines = 0; lines <= http1Limits.fieldLinesMax; lines++) {
    if (position >= end) return 0;
    const first = bytes[position] ?? 0;
    if (first === LF) return position + 1;
    let lineFeed = bytes.indexOf(LF, position);
    if (lineFeed < 0 || lineFeed >= end) return 0;
    if (first === CR && lineFeed === position + 1) return lineFeed + 1;
    // obs-fold: a line that begins with white space goes on with the value before it.
    while (lineFeed + 1 < end && isFold(bytes[lineFeed + 1])) {
      lineFeed = bytes.indexOf(LF, lineFeed + 1);
      if (lineFeed < 0 || lineFeed >= end) return 0;
    }
    if (isOfInterest(first)) readLine(bytes, position, lineFeed, fields);
    position = lineFeed + 1;
  }
  return ParseError.tooLarge;
}

function isFold(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Whether a field that matters can begin with this letter: c e f h t u x. */
function isOfInterest(byte: number): boolean {
  switch (byte | 0x20) {
    case 99:
    case 102:
    case 104:
    case 116:
    case 117:
    case 120:
      return true;
    default:
      return false;
  }
}

function readLine(bytes: Uint8Array, start: number, lineFeed: number, fields: Fields): void {
  let colon = start;
  while (colon < lineFeed && bytes[colon] !== COLON) colon++;
  if (colon >= lineFeed) return;
  // White space before the colon is forbidden; a server that accepts it means the field.
  let nameEnd = colon;
  while (nameEnd > start && isBlank(bytes[nameEnd - 1] ?? 0)) nameEnd--;
  const name = nameOf(bytes, start, nameEnd);
  if (name === "") return;
  let valueStart = colon + 1;
  let valueEnd = lineFeed;
  while (valueStart < valueEnd && isBlank(bytes[valueStart] ?? 0)) valueStart++;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] ?? 0)) valueEnd--;
  if (name === "content-length") readContentLength(bytes, valueStart, valueEnd, fields);
  else if (name === "transfer-encoding") readCodings(bytes, valueStart, valueEnd, fields);
  else if (name === "connection") readConnection(bytes, valueStart, valueEnd, fields);
  else if (name === "upgrade") {
    fields.upgrade = true;
    fields.upgradeH2c = sameTextAnyCase(bytes, valueStart, valueEnd, "h2c");
    fields.upgradeWebSocket = sameTextAnyCase(bytes, valueStart, valueEnd, "websocket");
  } else note(name, valueStart, valueEnd, fields);
}

const RANGES = {
  host: "host",
  "user-agent": "userAgent",
  traceparent: "traceparent",
  tracestate: "tracestate",
  forwarded: "forwarded",
  "x-forwarded-for": "forwardedFor",
  "x-forwarded-host": "forwardedHost",
  "x-forwarded-proto": "forwardedProto",
  "content-type": "contentType",
  "x-amz-date": "amzDate",
  "x-amz-content-sha256": "amzHash",
} as const;

type Name = keyof typeof RANGES | "content-length" | "transfer-encoding" | "connection" | "upgrade";

/** The names that matter, by their length. */
const NAMES: readonly (readonly Name[])[] = byLength([
  "host",
  "upgrade",
  "forwarded",
  "connection",
  "user-agent",
  "tracestate",
  "traceparent",
  "content-length",
  "x-forwarded-for",
  "x-forwarded-host",
  "transfer-encoding",
  "x-forwarded-proto",
  "content-type",
  "x-amz-date",
  "x-amz-content-sha256",
]);

function byLength(names: readonly Name[]): Name[][] {
  const longest = Math.max(...names.map((name) => name.length));
  const table: Name[][] = Array.from({ length: longest + 1 }, () => []);
  for (const name of names) table[name.length]?.push(name);
  return table;
}

function nameOf(bytes: Uint8Array, start: number, end: number): Name | "" {
  const candidates = NAMES[end - start];
  if (candidates === undefined) return "";
  for (const candidate of candidates) {
    if (sameTextAnyCase(bytes, start, end, candidate)) return candidate;
  }
  return "";
}

function note(name: keyof typeof RANGES, start: number, end: number, fields: Fields): void {
  const range = fields[RANGES[name]];
  range.count++;
  if (range.count === 1) {
    range.start = start;
    range.end = end;
  } else if (name === "tracestate") {
    fields.moreTracestate.push(start, end);
  }
}

/** RFC 9112 section 6.3: equal repetitions are one, anything else that is no number is invalid. */
function readContentLength(bytes: Uint8Array, start: number, end: number, fields: Fields): void {
  let index = start;
  do {
    while (index < end && isBlank(bytes[index] ?? 0)) index++;
    let length = 0;
    const firstDigit = index;
    while (index < end) {
      const digit = (bytes[index] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      length = length * 10 + digit;
      index++;
    }
    if (index === firstDigit || length > Number.MAX_SAFE_INTEGER) length = CONTENT_LENGTH_INVALID;
    while (index < end && isBlank(bytes[index] ?? 0)) index++;
    const others = fields.contentLength;
    const agrees = others === CONTENT_LENGTH_ABSENT || others === length;
    fields.contentLength = agrees ? length : CONTENT_LENGTH_INVALID;
    if (index < end && bytes[index] !== COMMA) fields.contentLength = CONTENT_LENGTH_INVALID;
    if (fields.contentLength === CONTENT_LENGTH_INVALID) return;
    index++;
  } while (index <= end);
}

/** Only the last coding of the last field decides (RFC 9112 section 6.3). */
function readCodings(bytes: Uint8Array, start: number, end: number, fields: Fields): void {
  let index = start;
  while (index < end) {
    const itemEnd = listItemEnd(bytes, index, end);
    let nameStart = index;
    while (nameStart < itemEnd && isBlank(bytes[nameStart] ?? 0)) nameStart++;
    let nameEnd = nameStart;
    while (nameEnd < itemEnd && !isNameEnd(bytes[nameEnd] ?? 0)) nameEnd++;
    const identity = sameTextAnyCase(bytes, nameStart, nameEnd, "identity");
    if (nameEnd > nameStart && !identity) {
      fields.transferEncoding = true;
      fields.chunked = sameTextAnyCase(bytes, nameStart, nameEnd, "chunked");
    }
    index = itemEnd + 1;
  }
}

function readConnection(bytes: Uint8Array, start: number, end: number, fields: Fields): void {
  let index = start;
  while (index < end) {
    const itemEnd = listItemEnd(bytes, index, end);
    let nameStart = index;
    while (nameStart < itemEnd && isBlank(bytes[nameStart] ?? 0)) nameStart++;
    let nameEnd = itemEnd;
    while (nameEnd > nameStart && isBlank(bytes[nameEnd - 1] ?? 0)) nameEnd--;
    noteOption(bytes, nameStart, nameEnd, fields);
    index = itemEnd + 1;
  }
}

function noteOption(bytes: Uint8Array, start: number, end: number, fields: Fields): void {
  if (sameTextAnyCase(bytes, start, end, "keep-alive")) fields.connectionKeepAlive = true;
  else if (sameTextAnyCase(bytes, start, end, "close")) fields.connectionClose = true;
  else if (sameTextAnyCase(bytes, start, end, "upgrade")) fields.connectionUpgrade = true;
}

function listItemEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && bytes[index] !== COMMA) index++;
  return index;
}

/** A transfer coding's name ends before its parameters. */
function isNameEnd(byte: number): boolean {
  return byte === SEMICOLON || isBlank(byte);
}
