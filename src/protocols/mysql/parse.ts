/**
 * Bytes to packets, and packets to what the pairing makes of them. Invariant: of rows, files and
 * definitions only headers are looked at; whatever is long is skipped, not collected.
 */
import type { Side } from "../../model/connection.ts";
import { type FrameSink, ParseError, type ParseStatus, type StreamView } from "../contract.ts";
import { EOF, ERROR, isOldEof } from "./answers.ts";
import { isCompressed, parseCompressed } from "./compression.ts";
import { mysqlLimits } from "./limits.ts";
import { isGreeting, readOpeningAnswer, readOpeningRequest } from "./opening.ts";
import { HEADER_BYTES, PAYLOAD_BYTES_MAX, type Packet, uint24LE } from "./packets.ts";
import { commandBytes, readCommand } from "./requests.ts";
import { mismatch, readAnswer } from "./responses.ts";
import type { Entry, MysqlFrame, MysqlState } from "./types.ts";

type Sink = FrameSink<MysqlFrame>;

export function parse(view: StreamView, side: Side, state: MysqlState, out: Sink): ParseStatus {
  if (side === "response" && state.doubt && state.stage === "commands") {
    if (!isGreeting(view)) return view.end - view.start;
    state.stage = "opening";
    state.greeting = undefined;
    state.capabilities = undefined;
  }
  if (state.stage === "commands") {
    if (state.compressed === undefined && side === "request") {
      const said = isCompressed(view);
      if (said === "more") return 0;
      state.compressed = said;
    }
    if (state.compressed === true) return parseCompressed(view, { side, state, out, parsePlain });
  }
  return parsePlain(view, side, state, out);
}

/** One packet, or a run of packets of which only the headers matter. */
function parsePlain(view: StreamView, side: Side, state: MysqlState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < HEADER_BYTES) return 0;
  if (side === "response" && state.stage === "commands") {
    const passed = passRun(view, state, out);
    if (passed > 0) return passed;
  }
  const own = state.sides[side];
  const size = uint24LE(bytes, start);
  if (own.continues) return passContinuation(view, side, state, out);
  if (side === "request") return parseRequest(view, size, state, out);
  return parseResponse(view, size, state, out);
}

function packetAt(view: StreamView, size: number): Packet {
  const { bytes, start, end } = view;
  const seen = Math.min(start + HEADER_BYTES + size, end);
  return {
    bytes,
    from: start + HEADER_BYTES,
    seen,
    size,
    sequence: bytes[start + 3] ?? 0,
    startNs: view.timeAt(start),
    endNs: view.timeAt(seen - 1),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
  };
}

/** Consumes the packet at the head as far as it is here; the rest is skipped. */
function consume(view: StreamView, size: number, out: Sink): number {
  const whole = HEADER_BYTES + size;
  const here = view.end - view.start;
  if (whole <= here) return whole;
  out.skip(whole - here);
  return here;
}

/** The next packet of a payload of 16 MiB or more. */
function passContinuation(view: StreamView, side: Side, state: MysqlState, out: Sink): ParseStatus {
  const { bytes, start } = view;
  const size = uint24LE(bytes, start);
  const sequence = ((bytes[start + 3] ?? 0) + 1) & 0xff;
  state.sides[side].continues = size === PAYLOAD_BYTES_MAX;
  const entry = side === "request" ? state.pending.at(-1) : state.pending[0];
  if (entry !== undefined) entry.sequence = sequence;
  return consume(view, size, out);
}

function parseRequest(view: StreamView, size: number, state: MysqlState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (state.stage === "opening") {
    const status = readOpeningRequest(view, state, out);
    return status > 0 ? consume(view, size, out) : status;
  }
  const sequence = bytes[start + 3] ?? 0;
  const oldest = state.pending[0];
  if (oldest !== undefined && takesData(oldest, sequence)) {
    oldest.sequence = (sequence + 1) & 0xff;
    if (oldest.phase === "infile" && size === 0) oldest.phase = "first";
    return consume(view, size, out);
  }
  if (sequence !== 0) return state.doubt ? consume(view, size, out) : ParseError.malformed;
  if (size === 0) return ParseError.malformed;
  if (end - start <= HEADER_BYTES) return 0;
  const wanted = commandBytes(bytes[start + HEADER_BYTES] ?? 0, size);
  if (end - start < HEADER_BYTES + wanted) return 0;
  const status = readCommand(packetAt(view, size), state, out);
  if (status < 0) return status;
  state.sides.request.continues = size === PAYLOAD_BYTES_MAX;
  return consume(view, size, out);
}

/** A file's content, or what authenticates: packets of the client that are no commands. */
function takesData(entry: Entry, sequence: number): boolean {
  return entry.phase === "infile" || (entry.answer === "authentication" && sequence !== 0);
}

function parseResponse(view: StreamView, size: number, state: MysqlState, out: Sink): ParseStatus {
  const { start, end } = view;
  const wanted = Math.min(size, mysqlLimits.okBytesMax);
  if (end - start < HEADER_BYTES + wanted) return 0;
  const packet = packetAt(view, size);
  if (state.stage === "opening") {
    const status = readOpeningAnswer(packet, state);
    return status > 0 ? consume(view, size, out) : status;
  }
  const entry = state.pending[0];
  if (entry === undefined) return unasked(view, packet, state, out);
  const isSequel = entry.answer === "authentication" || entry.sequence === packet.sequence;
  if (!isSequel || size === 0) {
    mismatch({ packet, state, out });
    return end - start;
  }
  entry.sequence = (packet.sequence + 1) & 0xff;
  state.sides.response.continues = size === PAYLOAD_BYTES_MAX;
  readAnswer({ packet, entry, state, out });
  // Behind a mismatch nothing is certain to be a packet.
  return state.doubt ? end - start : consume(view, size, out);
}

/** Nobody waits. A server that ends a connection says why; an EOF may have been left over. */
function unasked(view: StreamView, packet: Packet, state: MysqlState, out: Sink): ParseStatus {
  if (state.mayEndTwice && isOldEof(packet)) {
    state.mayEndTwice = false;
    state.deprecateEof = false;
    return consume(view, packet.size, out);
  }
  if (packet.bytes[packet.from] === ERROR) return consume(view, packet.size, out);
  mismatch({ packet, state, out });
  return view.end - view.start;
}

/** Rows and definitions come in long runs: all that the view holds are passed in one go. */
function passRun(view: StreamView, state: MysqlState, out: Sink): number {
  const entry = state.pending[0];
  if (entry === undefined) return 0;
  const { phase } = entry;
  if (phase === "rows") return passRows(view, entry, state, out);
  if (phase !== "columns" && phase !== "parameters" && phase !== "prepared") return 0;
  const { bytes, start, end } = view;
  let index = start;
  // The last definition is left to readAnswer(), which knows what comes behind it.
  while (entry.left > 1 && end - index > HEADER_BYTES) {
    const size = uint24LE(bytes, index);
    const next = index + HEADER_BYTES + size;
    const isOther = bytes[index + 3] !== entry.sequence || bytes[index + HEADER_BYTES] === ERROR;
    if (isOther || next > end || size === PAYLOAD_BYTES_MAX || size === 0) break;
    entry.left--;
    entry.sequence = (entry.sequence + 1) & 0xff;
    index = next;
  }
  return index - start;
}

function passRows(view: StreamView, entry: Entry, state: MysqlState, out: Sink): number {
  const { bytes, start, end } = view;
  const own = state.sides.response;
  let index = start;
  let count = 0;
  while (end - index > HEADER_BYTES) {
    const size = uint24LE(bytes, index);
    const lead = bytes[index + HEADER_BYTES];
    const isOther = bytes[index + 3] !== entry.sequence || size === 0 || own.continues;
    if (isOther || lead === ERROR || (lead === EOF && size !== PAYLOAD_BYTES_MAX)) break;
    count++;
    entry.sequence = (entry.sequence + 1) & 0xff;
    own.continues = size === PAYLOAD_BYTES_MAX;
    index += HEADER_BYTES + size;
  }
  if (count > 0 && entry.answer !== "fields") {
    entry.detail.returnedRows = (entry.detail.returnedRows ?? 0) + count;
  }
  if (index <= end) return index - start;
  out.skip(index - end);
  return end - start;
}
