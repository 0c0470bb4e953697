/**
 * Answers and messages of the server → frames, in RESP2 and RESP3. Invariant: one frame for each
 * value of the outermost level; of strings nothing is looked at but an error's first word and a
 * first word of at most wordBytesMax.
 */
import { indexOfByte, latin1Of } from "../../lib/bytes.ts";
import type { Moment } from "../../model/stream.ts";
import type { FrameSink, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { redisLimits } from "./limits.ts";
import { CR, isDigit, Length, LF, lengthEnd, readLength, Type } from "./syntax.ts";
import type { RedisFrame, RedisState, ReplyLane } from "./types.ts";

type Sink = FrameSink<RedisFrame>;

export function createReplyLane(): ReplyLane {
  return {
    depth: 0,
    remaining: [],
    isAttribute: [],
    attributes: 0,
    streaming: false,
    inLine: false,
    elements: 0,
    begun: false,
    errors: [],
    frame: {
      side: "response",
      type: 0,
      isNull: false,
      error: undefined,
      errors: [],
      size: 0,
      word: "",
      third: Number.NaN,
      endNs: 0,
      tid: 0,
    },
  };
}

export function resetReplyLane(lane: ReplyLane): void {
  lane.depth = 0;
  lane.attributes = 0;
  lane.streaming = false;
  lane.inLine = false;
  lane.elements = 0;
  lane.begun = false;
}

/** What readValue() did: the value is whole or has only begun, bytes are missing or skipped. */
const Step = { value: 0, more: 1, skip: 2, error: 3, open: 4 } as const;
type Step = (typeof Step)[keyof typeof Step];

/** Where readValue() has got to, and how much of the value lies beyond the view. */
const cursor = { index: 0, beyond: 0 };

export function parseReply(view: StreamView, state: RedisState, out: Sink): ParseStatus {
  return parseOne(view, view.start, { lane: state.reply, out });
}

/** The answer to SYNC: what follows its first line, "$" and a length or a mark, is the data. */
export function parseDataLine(view: StreamView, state: RedisState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const seen = Math.min(end, start + redisLimits.lineBytesMax);
  const lineEnd = indexOfByte(bytes, LF, start, seen);
  if (lineEnd < 0) return seen < end ? ParseError.malformed : 0;
  beginValue(state.reply, Type.bulk);
  emit(state.reply, { timeNs: view.timeAt(lineEnd), tid: view.tidAt(lineEnd) }, out);
  return lineEnd + 1 - start;
}

/** As many answers as there are, for a look at bytes of which it is not known what they are. */
export function parseReplies(view: StreamView, lane: ReplyLane, out: Sink): ParseStatus {
  let index = view.start;
  while (index < view.end) {
    const consumed = parseOne(view, index, { lane, out });
    if (consumed < 0) return consumed;
    if (consumed === 0) break;
    index += consumed;
  }
  return index - view.start;
}

interface Reading {
  readonly lane: ReplyLane;
  readonly out: Sink;
}

function parseOne(view: StreamView, start: number, { lane, out }: Reading): ParseStatus {
  const { end } = view;
  cursor.index = start;
  while (cursor.index < end) {
    const step = lane.inLine ? passLine(view, lane) : readValue(view, lane);
    if (step === Step.error) return ParseError.malformed;
    if (step === Step.more) return cursor.index - start;
    if (step === Step.skip) {
      out.skip(cursor.beyond);
      return end - start;
    }
    if (step === Step.value && valueEnded(lane)) {
      emit(lane, { timeNs: view.timeAt(cursor.index - 1), tid: view.tidAt(cursor.index - 1) }, out);
      return cursor.index - start;
    }
  }
  return cursor.index - start;
}

/** The bytes behind a string's visible beginning have passed. */
export function skippedReply(state: RedisState, last: Moment, out: Sink): void {
  const lane = state.reply;
  if (valueEnded(lane)) emit(lane, last, out);
}

function emit(lane: ReplyLane, last: Moment, out: Sink): void {
  const { frame } = lane;
  frame.endNs = last.timeNs;
  frame.tid = last.tid;
  frame.errors = lane.errors;
  if (lane.errors.length > 0) lane.errors = [];
  resetReplyLane(lane);
  out.frame(frame);
}

/** Closes the aggregates that the value was the last element of; true when nothing is left open. */
function valueEnded(lane: ReplyLane): boolean {
  if (lane.streaming || lane.inLine) return false;
  while (lane.depth > 0) {
    const top = lane.depth - 1;
    const left = (lane.remaining[top] ?? 0) - 1;
    lane.remaining[top] = left;
    if (left > 0) return false;
    lane.depth = top;
    // The value that an attribute belongs to is still to come.
    if (lane.isAttribute[top]) {
      lane.attributes--;
      return false;
    }
  }
  return lane.begun;
}

/** The rest of a line that is longer than what is kept of one. */
function passLine(view: StreamView, lane: ReplyLane): Step {
  const lineEnd = indexOfByte(view.bytes, LF, cursor.index, view.end);
  cursor.index = lineEnd < 0 ? view.end : lineEnd + 1;
  lane.inLine = lineEnd < 0;
  return lineEnd < 0 ? Step.more : Step.value;
}

function readValue(view: StreamView, lane: ReplyLane): Step {
  const type = view.bytes[cursor.index];
  switch (type) {
    case Type.bulk:
    case Type.bulkError:
    case Type.verbatim:
    case Type.chunk:
      return readBulk(view, lane, type);
    case Type.array:
    case Type.set:
    case Type.map:
    case Type.push:
    case Type.attribute:
      return readAggregate(view, lane, type);
    case Type.simple:
    case Type.error:
    case Type.integer:
    case Type.nothing:
    case Type.boolean:
    case Type.double:
    case Type.big:
      return readLine(view, lane, type);
    case Type.end:
      return readEnd(view, lane);
    default:
      return Step.error;
  }
}

/** A value begins: at the outermost level it is the answer, below it an element of it. */
function beginValue(lane: ReplyLane, type: number): void {
  if (lane.attributes > 0) return;
  if (lane.depth === 1) lane.elements++;
  if (lane.depth > 0) return;
  const { frame } = lane;
  lane.begun = true;
  frame.type = type;
  frame.isNull = false;
  frame.error = undefined;
  frame.size = 0;
  frame.word = "";
  frame.third = Number.NaN;
}

function readBulk(view: StreamView, lane: ReplyLane, type: number): Step {
  const { bytes, end } = view;
  if ((type === Type.chunk) !== lane.streaming) return Step.error;
  const length = readHeader(view, cursor.index);
  if (length === Length.needMore) return Step.more;
  if (length < Length.streamed || length > redisLimits.bulkBytesMax) return Step.error;
  if (length < 0) return readSpecialBulk(lane, type, length);
  const content = lengthEnd.index;
  if (type === Type.chunk && length === 0) {
    lane.streaming = false;
    cursor.index = content;
    return Step.value;
  }
  const next = content + length + 2;
  const isShort = length <= redisLimits.wordBytesMax;
  // Words and codes are looked at: what holds one has to be here.
  const wanted = type === Type.bulkError ? Math.min(length, redisLimits.codeBytesMax) : length;
  const isWaited = type === Type.bulkError || (isShort && lane.depth === 1 && lane.elements === 0);
  if (next > end && isWaited && content + wanted > end) return Step.more;
  if (type !== Type.chunk) beginValue(lane, type);
  if (type === Type.bulkError) noteError(lane, codeOf(bytes, content, content + wanted));
  else if (isWaited && lane.elements === 1) {
    lane.frame.word = latin1Of(bytes, content, content + length);
  }
  if (next > end) {
    cursor.beyond = next - end;
    cursor.index = end;
    return Step.skip;
  }
  if (bytes[next - 2] !== CR || bytes[next - 1] !== LF) return Step.error;
  cursor.index = next;
  return Step.value;
}

function readSpecialBulk(lane: ReplyLane, type: number, length: number): Step {
  if (type !== Type.bulk) return Step.error;
  beginValue(lane, type);
  if (length === Length.streamed) lane.streaming = true;
  else if (lane.depth === 0) lane.frame.isNull = true;
  cursor.index = lengthEnd.index;
  return Step.value;
}

function readAggregate(view: StreamView, lane: ReplyLane, type: number): Step {
  const length = readHeader(view, cursor.index);
  if (length === Length.needMore) return Step.more;
  if (length < Length.streamed || length > redisLimits.elementsMax) return Step.error;
  if (length === Length.none && type !== Type.array) return Step.error;
  if (lane.streaming || lane.depth >= redisLimits.depthMax) return Step.error;
  const isAttribute = type === Type.attribute;
  if (isAttribute && length === Length.streamed) return Step.error;
  if (!isAttribute) {
    beginValue(lane, type);
    if (lane.depth === 0) {
      lane.frame.size = Math.max(length, 0);
      lane.frame.isNull = length === Length.none;
    }
  }
  cursor.index = lengthEnd.index;
  if (length === 0 || length === Length.none) {
    // An attribute without content is followed by its value like any other.
    return isAttribute ? Step.open : Step.value;
  }
  const isPairs = type === Type.map || isAttribute;
  lane.remaining[lane.depth] =
    length === Length.streamed ? Number.POSITIVE_INFINITY : isPairs ? length * 2 : length;
  lane.isAttribute[lane.depth] = isAttribute;
  if (isAttribute) lane.attributes++;
  lane.depth++;
  return Step.open;
}

/** The end of a streamed aggregate. */
function readEnd(view: StreamView, lane: ReplyLane): Step {
  const { bytes, end } = view;
  const at = cursor.index;
  if (lane.depth === 0 || lane.streaming) return Step.error;
  if (lane.remaining[lane.depth - 1] !== Number.POSITIVE_INFINITY) return Step.error;
  if (end - at < 3) return Step.more;
  if (bytes[at + 1] !== CR || bytes[at + 2] !== LF) return Step.error;
  lane.depth--;
  cursor.index = at + 3;
  return Step.value;
}

function readHeader({ bytes, end }: StreamView, index: number): number {
  return readLength(bytes, index + 1, Math.min(end, index + redisLimits.headerBytesMax));
}

function readLine(view: StreamView, lane: ReplyLane, type: number): Step {
  const { bytes, end } = view;
  if (lane.streaming) return Step.error;
  const at = cursor.index + 1;
  const seen = Math.min(end, at + redisLimits.lineBytesMax);
  const lineEnd = indexOfByte(bytes, LF, at, seen);
  const isText = type === Type.simple || type === Type.error || type === Type.big;
  if (lineEnd < 0) {
    if (end - at < redisLimits.lineBytesMax) return Step.more;
    if (!isText) return Step.error;
  } else if (lineEnd === at || bytes[lineEnd - 1] !== CR) return Step.error;
  const textEnd = lineEnd < 0 ? seen : lineEnd - 1;
  if (!isText && !isScalar(type, bytes, at, textEnd)) return Step.error;
  beginValue(lane, type);
  noteLine(lane, type, { bytes, at, textEnd });
  lane.inLine = lineEnd < 0;
  cursor.index = lineEnd < 0 ? seen : lineEnd + 1;
  return Step.value;
}

interface Line {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly textEnd: number;
}

function noteLine(lane: ReplyLane, type: number, { bytes, at, textEnd }: Line): void {
  const { frame } = lane;
  if (type === Type.error) noteError(lane, codeOf(bytes, at, textEnd));
  else if (lane.depth === 0) {
    if (type === Type.nothing) frame.isNull = true;
    const wordEnd = Math.min(textEnd, at + redisLimits.wordBytesMax);
    if (type === Type.simple) frame.word = latin1Of(bytes, at, wordEnd);
  } else if (type === Type.integer && lane.depth === 1 && lane.elements === 3) {
    frame.third = Number(latin1Of(bytes, at, textEnd));
  }
}

/** Whether the line is what its type says: a wrong one means that no value begins here. */
function isScalar(type: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (type === Type.nothing) return end === start;
  const first = bytes[start] ?? 0;
  if (type === Type.boolean) return end === start + 1 && (first === 0x74 || first === 0x66);
  if (type === Type.double) return /^[-+]?(\d|inf|nan)/.test(latin1Of(bytes, start, end));
  const from = first === 0x2d || first === 0x2b ? start + 1 : start;
  if (from === end) return false;
  for (let index = from; index < end; index++) if (!isDigit(bytes[index] ?? 0)) return false;
  return true;
}

/** The answer is an error, or one of its elements is. */
function noteError(lane: ReplyLane, code: string): void {
  if (lane.attributes > 0) return;
  if (lane.depth === 0) lane.frame.error = code;
  else if (lane.depth === 1 && lane.errors.length < redisLimits.codesMax) {
    if (!lane.errors.includes(code)) lane.errors.push(code);
  }
}

/** An error's first word, when it is one by convention: upper-case letters. */
function codeOf(bytes: Uint8Array, start: number, end: number): string {
  const most = Math.min(end, start + redisLimits.codeBytesMax);
  let index = start;
  while (index < most && isCodeByte(bytes[index] ?? 0)) index++;
  const ends = index === end || (index < end && bytes[index] === 0x20);
  return ends && index > start ? latin1Of(bytes, start, index) : "";
}

function isCodeByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f || isDigit(byte);
}
