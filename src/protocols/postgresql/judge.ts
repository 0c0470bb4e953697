/**
 * Judges whether bytes are messages of one side, for detection and after a loss. Invariant: yes is
 * only said when at least one message, or two that are less telling, have the structure that their
 * type demands; a wrong length or structure anywhere in what is looked at is a no.
 */
import { indexOfByte, uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { StreamView } from "../contract.ts";
import { Backend, Frontend, HEADER_BYTES, isMessageType, messageBytes } from "./messages.ts";

/** Points that make a yes. */
const POINTS_NEEDED = 2;
const MESSAGES_MAX = 6;
/** Columns, fields and characters of one message that are looked at. */
const ITEMS_MAX = 64;

export interface Judgement {
  readonly verdict: "yes" | "no" | "more";
  readonly points: number;
}

/** Whether the messages of `side` begin at index. */
export function judge(view: StreamView, index: number, side: Side): Judgement {
  const { bytes, end } = view;
  let points = 0;
  let at = index;
  for (let count = 0; count < MESSAGES_MAX && at < end; count++) {
    if (!isMessageType(bytes[at] ?? 0, side)) return { verdict: "no", points };
    if (end - at < HEADER_BYTES) break;
    const size = messageBytes(bytes, at, side);
    if (size < 0) return { verdict: "no", points };
    const body = { bytes, from: at + HEADER_BYTES, end: at + size, seen: Math.min(at + size, end) };
    const strength = side === "request" ? requestPoints(body, at) : responsePoints(body, at);
    if (strength < 0) return { verdict: "no", points };
    points += strength;
    at += size;
  }
  return { verdict: points >= POINTS_NEEDED ? "yes" : "more", points };
}

/** A message's body: [from, end), of which [from, seen) is in the view. */
interface Body {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly end: number;
  readonly seen: number;
}

const WRONG = -1;
const SILENT = 0;
const WEAK = 1;
const STRONG = 2;

/** -1 = cannot be this message; otherwise how much it tells. */
function requestPoints(body: Body, at: number): number {
  switch (body.bytes[at]) {
    case Frontend.query:
      return sqlPoints(body, body.from);
    case Frontend.parse:
      return afterNames(body, 1, (from) => sqlPoints(body, from));
    case Frontend.bind:
      return afterNames(body, 2, (from) => formatsPoints(body, from));
    case Frontend.execute:
      return afterNames(body, 1, (from) => (from + 4 === body.end ? STRONG : WRONG));
    case Frontend.describe:
    case Frontend.close:
      return targetPoints(body);
    case Frontend.sync:
    case Frontend.flush:
    case Frontend.terminate:
    case Frontend.copyDone:
      return WEAK;
    default:
      return SILENT;
  }
}

function responsePoints(body: Body, at: number): number {
  switch (body.bytes[at]) {
    case Backend.readyForQuery:
      return body.seen < body.end ? SILENT : statusPoints(body.bytes[body.from]);
    case Backend.commandComplete:
      return tagPoints(body);
    case Backend.error:
    case Backend.notice:
      return fieldsPoints(body);
    case Backend.rowDescription:
      return columnsPoints(body);
    case Backend.dataRow:
      return rowPoints(body);
    case Backend.parameterStatus:
      return afterNames(body, 2, (from) => (from === body.end ? STRONG : WRONG));
    case Backend.parseComplete:
    case Backend.bindComplete:
    case Backend.closeComplete:
    case Backend.noData:
    case Backend.emptyQuery:
    case Backend.portalSuspended:
    case Backend.copyDone:
      return WEAK;
    case Backend.copyIn:
    case Backend.copyOut:
    case Backend.copyBoth:
      return copyPoints(body);
    default:
      return SILENT;
  }
}

/** Words with which a statement begins, as far as clients send them. */
const sqlWords: ReadonlySet<string> = new Set(
  (
    "ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE " +
    "DEALLOCATE DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT " +
    "LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE " +
    "ROLLBACK SAVEPOINT SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES " +
    "WITH IDENTIFY_SYSTEM START_REPLICATION"
  ).split(" "),
);
const WORD_MAX = 20;

/** A text that begins with a statement, a parenthesis or a comment; or nothing but its end. */
function sqlPoints(body: Body, from: number): number {
  const { bytes, seen } = body;
  let index = from;
  while (index < seen && index < from + ITEMS_MAX && isSpace(bytes[index] ?? 0)) index++;
  const first = bytes[index] ?? 0;
  if (index >= seen) return SILENT;
  if (first === 0) return WEAK;
  const second = index + 1 < seen ? bytes[index + 1] : 0;
  const isComment = (first === 0x2f && second === 0x2a) || (first === 0x2d && second === 0x2d);
  if (isComment || first === 0x28 || first === 0x3b) return WEAK;
  let word = "";
  while (index < seen && word.length < WORD_MAX && isWordByte(bytes[index] ?? 0)) {
    word += String.fromCharCode(bytes[index] ?? 0);
    index++;
  }
  if (index >= seen && seen < body.end) return SILENT;
  return sqlWords.has(word.toUpperCase()) ? STRONG : WRONG;
}

/** Names are short and printable, and end with 0; what follows them is judged by `rest`. */
function afterNames(body: Body, count: number, rest: (from: number) => number): number {
  let from = body.from;
  for (let name = 0; name < count; name++) {
    const end = indexOfByte(body.bytes, 0, from, body.seen);
    if (end < 0) return body.seen < body.end ? SILENT : WRONG;
    for (let index = from; index < Math.min(end, from + ITEMS_MAX); index++) {
      if ((body.bytes[index] ?? 0) < 0x20) return WRONG;
    }
    from = end + 1;
  }
  return rest(from);
}

/** Bind: a count of format codes, each 0 or 1, then a count of values. */
function formatsPoints(body: Body, from: number): number {
  if (from + 2 > body.seen) return SILENT;
  const count = uint16BE(body.bytes, from);
  if (from + 2 + 2 * count + 2 > body.end) return WRONG;
  for (let item = 0; item < Math.min(count, ITEMS_MAX); item++) {
    const at = from + 2 + 2 * item;
    if (at + 2 > body.seen) return SILENT;
    if (uint16BE(body.bytes, at) > 1) return WRONG;
  }
  return WEAK;
}

/** S or P, and a name that fills the rest. */
function targetPoints(body: Body): number {
  const target = body.bytes[body.from];
  if (body.from >= body.seen) return SILENT;
  if (target !== 0x53 && target !== 0x50) return WRONG;
  const named = { ...body, from: body.from + 1 };
  return afterNames(named, 1, (from) => (from === body.end ? WEAK : WRONG));
}

function statusPoints(status: number | undefined): number {
  return status === 0x49 || status === 0x54 || status === 0x45 ? STRONG : WRONG;
}

/** Upper-case words and numbers, then 0. */
function tagPoints(body: Body): number {
  const { bytes, from, seen, end } = body;
  if (end - from > ITEMS_MAX) return WRONG;
  for (let index = from; index < seen; index++) {
    const byte = bytes[index] ?? 0;
    const isUpper = byte >= 0x41 && byte <= 0x5a;
    const isRest = isDigit(byte) || byte === 0x20;
    if (byte === 0) return index === end - 1 && index > from ? STRONG : WRONG;
    if (!isUpper && !(isRest && index > from)) return WRONG;
  }
  return seen < end ? SILENT : WRONG;
}

/** ErrorResponse and NoticeResponse begin with the severity: S and an upper-case word in most. */
function fieldsPoints(body: Body): number {
  const { bytes, from, seen, end } = body;
  if (from >= seen) return SILENT;
  if (bytes[from] !== 0x53) return WRONG;
  const severityEnd = indexOfByte(bytes, 0, from, seen);
  if (severityEnd < 0) return seen < end ? SILENT : WRONG;
  if (severityEnd - from > ITEMS_MAX) return WRONG;
  if (severityEnd + 1 >= seen) return seen < end ? SILENT : WRONG;
  const next = bytes[severityEnd + 1];
  return next === 0x56 || next === 0x43 ? STRONG : WRONG;
}

/** Each column: a name, then 18 bytes. */
function columnsPoints(body: Body): number {
  const { bytes, from, seen, end } = body;
  if (from + 2 > seen) return SILENT;
  const count = uint16BE(bytes, from);
  let index = from + 2;
  for (let column = 0; column < Math.min(count, ITEMS_MAX); column++) {
    const nameEnd = indexOfByte(bytes, 0, index, seen);
    if (nameEnd < 0) return seen < end ? SILENT : WRONG;
    index = nameEnd + 1 + 18;
    if (index > end) return WRONG;
    if (index > seen) return SILENT;
    const format = uint16BE(bytes, index - 2);
    if (format > 1) return WRONG;
  }
  return count > ITEMS_MAX || index === end ? STRONG : WRONG;
}

/** Each column: a length, or -1 for null, then the value. */
function rowPoints(body: Body): number {
  const { bytes, from, seen, end } = body;
  if (from + 2 > seen) return SILENT;
  const count = uint16BE(bytes, from);
  let index = from + 2;
  for (let column = 0; column < Math.min(count, ITEMS_MAX); column++) {
    if (index + 4 > end) return WRONG;
    if (index + 4 > seen) return SILENT;
    const length = uint32BE(bytes, index);
    index += 4 + (length === 0xffffffff ? 0 : length);
    if (index > end) return WRONG;
  }
  if (count > ITEMS_MAX) return WEAK;
  if (index !== end) return WRONG;
  return count > 0 ? STRONG : WEAK;
}

/** A format of 0 or 1, then as many for the columns as are counted. */
function copyPoints(body: Body): number {
  if (body.from + 3 > body.seen) return SILENT;
  if ((body.bytes[body.from] ?? 0) > 1) return WRONG;
  return body.from + 3 + 2 * uint16BE(body.bytes, body.from + 1) === body.end ? WEAK : WRONG;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isWordByte(byte: number): boolean {
  const lower = byte | 0x20;
  return (lower >= 0x61 && lower <= 0x7a) || byte === 0x5f;
}
