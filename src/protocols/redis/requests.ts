/**
 * Commands → frames: arrays of bulk strings, and inline commands. Invariant: of an argument no byte
 * is looked at unless text.ts may tell it or the command's meaning depends on it; large ones are
 * skipped.
 */
import { indexOfByte, latin1Of } from "../../lib/bytes.ts";
import type { Moment } from "../../model/stream.ts";
import type { FrameSink, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { commandOf, unknownCommand } from "./commands.ts";
import { inlineArguments } from "./inline.ts";
import { redisLimits } from "./limits.ts";
import { CR, isNameByte, Length, LF, lengthEnd, readLength, Type } from "./syntax.ts";
import { addArgument, addHidden, beginText, isTold } from "./text.ts";
import type { Command, RedisFrame, RedisState, RequestLane } from "./types.ts";

type Sink = FrameSink<RedisFrame>;

/** An argument that decides a command's meaning is short: a database, a mode, a name. */
const DECISIVE_BYTES_MAX = 64;
/** What is told for a name that cannot be one. */
const NO_NAME = "?";

export function createRequestLane(): RequestLane {
  return {
    left: 0,
    index: 0,
    scanned: 0,
    place: 0,
    keysLeft: 0,
    frame: {
      side: "request",
      command: unknownCommand,
      name: "",
      count: 0,
      first: "",
      second: "",
      text: "",
      truncated: false,
      startNs: 0,
      endNs: 0,
      tid: 0,
      eventLoop: false,
    },
  };
}

export function resetRequestLane(lane: RequestLane): void {
  lane.left = 0;
  lane.index = 0;
  lane.scanned = 0;
}

export function parseRequest(view: StreamView, state: RedisState, out: Sink): ParseStatus {
  const lane = state.request;
  if (lane.left > 0) return parseArguments(view, view.start, { lane, out });
  const { bytes, start, end } = view;
  if (bytes[start] !== Type.array) return parseInline(view, lane, out);
  const count = readLength(bytes, start + 1, Math.min(end, start + redisLimits.headerBytesMax));
  if (count === Length.needMore) return 0;
  if (count < Length.none || count > redisLimits.argumentsMax) return ParseError.malformed;
  const from = lengthEnd.index;
  // The server ignores an empty array, without an answer.
  if (count <= 0) return from - start;
  begin(view, lane, count);
  const consumed = parseArguments(view, from, { lane, out });
  return consumed < 0 ? consumed : Math.max(consumed, from - start);
}

function begin(view: StreamView, lane: RequestLane, count: number): void {
  const { frame } = lane;
  lane.left = count;
  lane.index = 0;
  frame.count = count - 1;
  frame.first = "";
  frame.second = "";
  frame.startNs = view.timeAt(view.start);
  frame.tid = view.tidAt(view.start);
  frame.eventLoop = view.eventLoopAt(view.start);
}

interface Reading {
  readonly lane: RequestLane;
  readonly out: Sink;
}

/** Reads arguments from `from` on; the consumed bytes count from the view's start. */
function parseArguments(view: StreamView, from: number, { lane, out }: Reading): ParseStatus {
  const { bytes, start, end } = view;
  let index = from;
  while (lane.left > 0) {
    if (index >= end) return index - start;
    if (bytes[index] !== Type.bulk) return ParseError.malformed;
    const headerEnd = Math.min(end, index + redisLimits.headerBytesMax);
    const length = readLength(bytes, index + 1, headerEnd);
    if (length === Length.needMore) return index - start;
    if (length < 0 || length > redisLimits.bulkBytesMax) return ParseError.malformed;
    const content = lengthEnd.index;
    const next = content + length + 2;
    if (next > end) {
      if (isNeeded(lane, length)) return index - start;
      passArgument(lane);
      out.skip(next - end);
      return end - start;
    }
    if (bytes[next - 2] !== CR || bytes[next - 1] !== LF) return ParseError.malformed;
    if (!takeArgument(lane, bytes, content, next - 2)) return ParseError.malformed;
    index = next;
  }
  return emit(view, index, { lane, out });
}

/** Whether the argument has to be in the view as a whole. */
function isNeeded(lane: RequestLane, length: number): boolean {
  if (lane.index === 0) return length <= redisLimits.nameBytesMax;
  return isDecisive(lane, length) || isTold(lane, length);
}

function isDecisive({ index, frame }: RequestLane, length: number): boolean {
  return index <= 2 && frame.command.kind !== "plain" && length <= DECISIVE_BYTES_MAX;
}

/** An argument whose bytes are not looked at. */
function passArgument(lane: RequestLane): void {
  if (lane.index === 0) nameCommand(lane, NO_NAME, unknownCommand);
  else addHidden(lane);
  lane.index++;
  lane.left--;
}

/** False when it cannot be an argument of a command. */
function takeArgument(lane: RequestLane, bytes: Uint8Array, start: number, end: number): boolean {
  if (lane.index === 0) return takeName(lane, bytes, start, end);
  if (isDecisive(lane, end - start)) {
    const text = latin1Of(bytes, start, end);
    if (lane.index === 1) lane.frame.first = text;
    else lane.frame.second = text;
  }
  addArgument(lane, bytes, start, end);
  lane.index++;
  lane.left--;
  return true;
}

function takeName(lane: RequestLane, bytes: Uint8Array, start: number, end: number): boolean {
  let isName = end > start && end - start <= redisLimits.nameBytesMax;
  for (let index = start; isName && index < end; index++) isName = isNameByte(bytes[index] ?? 0);
  const name = isName ? latin1Of(bytes, start, end) : NO_NAME;
  nameCommand(lane, name, isName ? commandOf(name) : unknownCommand);
  lane.index++;
  lane.left--;
  return true;
}

function nameCommand(lane: RequestLane, name: string, command: Command): void {
  lane.frame.name = name;
  lane.frame.command = command;
  beginText(lane, name);
}

function emit(view: StreamView, index: number, { lane, out }: Reading): ParseStatus {
  const { frame } = lane;
  frame.endNs = view.timeAt(index - 1);
  resetRequestLane(lane);
  out.frame(frame);
  handOverReplication(lane, out);
  return index - view.start;
}

/** The last argument was skipped. */
export function skippedRequest(state: RedisState, last: Moment, out: Sink): void {
  const lane = state.request;
  if (lane.index === 0 || lane.left > 0) return;
  lane.frame.endNs = last.timeNs;
  resetRequestLane(lane);
  out.frame(lane.frame);
}

/** A replica's acknowledgement is never answered: what flows here is the master's log. */
function handOverReplication({ frame }: RequestLane, out: Sink): void {
  if (frame.command.kind !== "replconf") return;
  const first = frame.first.toUpperCase();
  if (first === "ACK" || first === "GETACK") out.handOver("opaque");
}

/** An inline command: words, separated by spaces, up to the end of the line. */
function parseInline(view: StreamView, lane: RequestLane, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const lineEnd = indexOfByte(bytes, LF, start + lane.scanned, end);
  if (lineEnd < 0) {
    lane.scanned = end - start;
    return lane.scanned > redisLimits.inlineBytesMax ? ParseError.tooLarge : 0;
  }
  lane.scanned = 0;
  const textEnd = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  const parts = inlineArguments(bytes, start, textEnd);
  if (parts === undefined) return ParseError.malformed;
  const consumed = lineEnd + 1 - start;
  // An empty line is ignored, without an answer.
  if (parts.length === 0) return consumed;
  begin(view, lane, parts.length);
  for (const { from, to } of parts) takeArgument(lane, bytes, from, to);
  return emit(view, lineEnd + 1, { lane, out });
}
