/**
 * Bytes of either side → frames. Invariant: a length field is used only through messageBytes(), and
 * of rows, parameters, copied data and passwords nothing but the header is ever looked at.
 */
import { indexOfByte, latin1Of, textOf } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { FrameSink, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { sqlLimits } from "../sql/index.ts";
import { Backend, Frontend, HEADER_BYTES, messageBytes } from "./messages.ts";
import { parseEncryptionAnswer, parseStartup } from "./startup.ts";
import { ESCAPES_PARAMETER } from "./statements.ts";
import { type PostgresqlFrame, type PostgresqlState, postgresqlLimits } from "./types.ts";

type Sink = FrameSink<PostgresqlFrame>;

export function parse(
  view: StreamView,
  side: Side,
  state: PostgresqlState,
  out: Sink,
): ParseStatus {
  const { bytes, start, end } = view;
  if (side === "response" && state.encryptionAnswers > 0) {
    if (bytes[start] !== Backend.error) return parseEncryptionAnswer(view, state, out);
    // A server that cannot take the connection says so instead of the one byte.
    state.encryptionAnswers = 0;
  }
  // Typed messages begin with a letter or digit, the packets that open a connection with a length.
  if (side === "request" && bytes[start] === 0) return parseStartup(view, state, out);
  if (end - start < HEADER_BYTES) return 0;
  const size = messageBytes(bytes, start, side);
  if (size < 0) return ParseError.malformed;
  return side === "request"
    ? parseRequest(view, size, out)
    : parseResponse(view, size, { state, out });
}

function parseRequest(view: StreamView, size: number, out: Sink): ParseStatus {
  switch (view.bytes[view.start]) {
    case Frontend.query:
    case Frontend.parse:
      return parseText(view, size, out);
    case Frontend.bind:
    case Frontend.execute:
    case Frontend.describe:
    case Frontend.close:
      return parseNames(view, size, out);
    case Frontend.sync:
    case Frontend.flush:
    case Frontend.copyDone:
    case Frontend.terminate:
    case Frontend.copyFail:
    case Frontend.functionCall:
      return headerOnly(view, size, out);
    default:
      return passOver(view, size, out);
  }
}

function parseResponse(
  view: StreamView,
  size: number,
  context: { readonly state: PostgresqlState; readonly out: Sink },
): ParseStatus {
  const { state, out } = context;
  switch (view.bytes[view.start]) {
    case Backend.dataRow:
    case Backend.copyData:
      return passRun(view, state, out);
    case Backend.commandComplete:
    case Backend.readyForQuery:
      return parseTag(view, size, out);
    case Backend.error:
      return parseError(view, size, out);
    case Backend.parameterStatus:
      return parseParameterStatus(view, size, context);
    case Backend.authentication:
    case Backend.backendKeyData:
    case Backend.notice:
    case Backend.notification:
    case Backend.negotiateVersion:
    case Backend.parameterDescription:
    case Backend.copyOut:
    case Backend.copyDone:
      return passOver(view, size, out);
    default:
      return headerOnly(view, size, out);
  }
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Of a message of which the first `seen` bytes are in the view; what it says is to be added. */
function frameOf(view: StreamView, seen: number): Mutable<PostgresqlFrame> {
  const { bytes, start } = view;
  return {
    type: bytes[start] ?? 0,
    startNs: view.timeAt(start),
    endNs: view.timeAt(start + seen - 1),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    name: "",
    target: "",
    text: "",
    flag: false,
  };
}

/** A message of which only the type matters. */
function headerOnly(view: StreamView, size: number, out: Sink): ParseStatus {
  const seen = passOver(view, size, out);
  out.frame(frameOf(view, seen));
  return seen;
}

/** A message that does not matter: consumed as far as it is here, the rest skipped. */
function passOver(view: StreamView, size: number, out: Sink): ParseStatus {
  const seen = Math.min(size, view.end - view.start);
  if (size > seen) out.skip(size - seen);
  return seen;
}

/** Rows and copied data come in long runs: all that the view holds are passed in one go. */
function passRun(view: StreamView, state: PostgresqlState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const type = bytes[start];
  let index = start;
  let count = 0;
  while (end - index >= HEADER_BYTES && bytes[index] === type) {
    const size = messageBytes(bytes, index, "response");
    if (size < 0) break;
    count++;
    index += size;
  }
  if (type === Backend.dataRow) state.rows += count;
  if (index <= end) return index - start;
  out.skip(index - end);
  return end - start;
}

/** Query: text. Parse: name, text, parameter types. */
function parseText(view: StreamView, size: number, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const hasName = bytes[start] === Frontend.parse;
  const nameMax = hasName ? postgresqlLimits.nameBytesMax : 0;
  const wanted = Math.min(size, HEADER_BYTES + nameMax + sqlLimits.textMax + 2);
  if (end - start < wanted) return 0;
  let from = start + HEADER_BYTES;
  let name = "";
  if (hasName) {
    const nameEnd = indexOfByte(bytes, 0, from, start + wanted);
    if (nameEnd < 0) return ParseError.malformed;
    name = nameOf(bytes, from, nameEnd);
    from = nameEnd + 1;
  }
  const terminator = indexOfByte(bytes, 0, from, start + wanted);
  if (terminator < 0 && wanted === size) return ParseError.malformed;
  const limit = Math.min(start + wanted, from + sqlLimits.textMax);
  const truncated = terminator < 0 || terminator > limit;
  const textEnd = truncated ? wholeCharacters(bytes, from, limit) : terminator;
  if (size > wanted) out.skip(size - wanted);
  const frame = frameOf(view, wanted);
  frame.name = name;
  frame.text = textOf(bytes, from, textEnd);
  frame.flag = truncated;
  out.frame(frame);
  return wanted;
}

/** `end`, or the beginning of the UTF-8 sequence that does not end before it. */
function wholeCharacters(bytes: Uint8Array, from: number, end: number): number {
  let lead = end - 1;
  while (lead > from && end - lead < 4 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead--;
  const first = bytes[lead] ?? 0;
  const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return lead + length > end ? lead : end;
}

/** Bind: portal, statement, values. Execute: portal, rows. Describe, Close: S or P, name. */
function parseNames(view: StreamView, size: number, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const type = bytes[start];
  const wanted = Math.min(size, HEADER_BYTES + 2 * postgresqlLimits.nameBytesMax + 2);
  if (end - start < wanted) return 0;
  const isTyped = type === Frontend.describe || type === Frontend.close;
  const from = start + HEADER_BYTES + (isTyped ? 1 : 0);
  const nameEnd = indexOfByte(bytes, 0, from, start + wanted);
  if (nameEnd < 0) return ParseError.malformed;
  const frame = frameOf(view, wanted);
  frame.name = nameOf(bytes, from, nameEnd);
  if (isTyped) {
    const target = bytes[from - 1];
    if (target !== STATEMENT && target !== PORTAL) return ParseError.malformed;
    frame.target = target === STATEMENT ? "S" : "P";
  } else if (type === Frontend.bind) {
    const targetEnd = indexOfByte(bytes, 0, nameEnd + 1, start + wanted);
    if (targetEnd < 0) return ParseError.malformed;
    frame.target = nameOf(bytes, nameEnd + 1, targetEnd);
  }
  if (size > wanted) out.skip(size - wanted);
  out.frame(frame);
  return wanted;
}

const STATEMENT = 0x53;
const PORTAL = 0x50;

function nameOf(bytes: Uint8Array, from: number, end: number): string {
  if (end <= from) return "";
  return latin1Of(bytes, from, Math.min(end, from + postgresqlLimits.nameBytesMax));
}

/** CommandComplete: a tag that ends with 0. ReadyForQuery: one letter. */
function parseTag(view: StreamView, size: number, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const wanted = Math.min(size, HEADER_BYTES + postgresqlLimits.tagBytesMax);
  if (end - start < wanted) return 0;
  const from = start + HEADER_BYTES;
  const isReady = bytes[start] === Backend.readyForQuery;
  const tagEnd = isReady ? from : indexOfByte(bytes, 0, from, start + wanted);
  const text = isReady ? statusOf(bytes[from]) : textOfTag(bytes, from, tagEnd);
  if (text === undefined) return ParseError.malformed;
  if (size > wanted) out.skip(size - wanted);
  const frame = frameOf(view, wanted);
  frame.text = text;
  out.frame(frame);
  return wanted;
}

function textOfTag(bytes: Uint8Array, from: number, end: number): string | undefined {
  return end < 0 ? undefined : latin1Of(bytes, from, end);
}

/** Idle, in a transaction, in a failed one. */
function statusOf(code: number | undefined): "I" | "T" | "E" | undefined {
  if (code === 0x49) return "I";
  return code === 0x54 ? "T" : code === 0x45 ? "E" : undefined;
}

const FIELD_SEVERITY = 0x56;
const FIELD_SEVERITY_LOCALIZED = 0x53;
const FIELD_CODE = 0x43;

/** ErrorResponse: fields of one letter and a string. The message quotes values: it is not read. */
function parseError(view: StreamView, size: number, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const wanted = Math.min(size, HEADER_BYTES + postgresqlLimits.errorBytesMax);
  if (end - start < wanted) return 0;
  const last = start + wanted;
  let severity = "";
  let sqlState = "";
  for (let index = start + HEADER_BYTES; index < last && bytes[index] !== 0; ) {
    const valueEnd = indexOfByte(bytes, 0, index + 1, last);
    if (valueEnd < 0) break;
    const field = bytes[index];
    if (field === FIELD_CODE) sqlState = nameOf(bytes, index + 1, valueEnd);
    else if (field === FIELD_SEVERITY || (field === FIELD_SEVERITY_LOCALIZED && severity === "")) {
      severity = nameOf(bytes, index + 1, valueEnd);
    }
    index = valueEnd + 1;
  }
  if (size > wanted) out.skip(size - wanted);
  const frame = frameOf(view, wanted);
  frame.text = sqlState;
  frame.flag = severity === "FATAL" || severity === "PANIC";
  out.frame(frame);
  return wanted;
}

const PARAMETER_WANTED = HEADER_BYTES + ESCAPES_PARAMETER.length + 5;

/** Only the one parameter matters that says whether a backslash escapes a quote in a string. */
function parseParameterStatus(
  view: StreamView,
  size: number,
  context: { readonly state: PostgresqlState; readonly out: Sink },
): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < Math.min(size, PARAMETER_WANTED)) return 0;
  const from = start + HEADER_BYTES;
  const nameEnd = from + ESCAPES_PARAMETER.length;
  const holdsName = size >= PARAMETER_WANTED - 1 && bytes[nameEnd] === 0;
  if (holdsName && latin1Of(bytes, from, nameEnd) === ESCAPES_PARAMETER) {
    const isOff = latin1Of(bytes, nameEnd + 1, nameEnd + 4) === "off";
    context.state.backslash = isOff ? "escape" : "literal";
  }
  return passOver(view, size, context.out);
}
