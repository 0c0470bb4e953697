/**
 * Bytes of either side → frames. Invariant: of a message at most mongodbLimits.windowBytes are
 * waited for; what follows is passed over, and its end told.
 */
import type { Side } from "../../model/connection.ts";
import type { StreamView } from "../contract.ts";
import { type FrameSink, type Moment, ParseError, type ParseStatus } from "../contract.ts";
import { type Body, uncompressed } from "./body.ts";
import { int32LE } from "./bson.ts";
import { commandOf } from "./commands.ts";
import { mongodbLimits } from "./limits.ts";
import {
  HEADER_BYTES,
  type Header,
  headerOf,
  isOpcodeOf,
  MESSAGE_FLAGS_REFUSED,
  MessageFlag,
  Opcode,
  QUERY_EXHAUST,
} from "./messages.ts";
import { replyOf } from "./replies.ts";
import type { MongodbFrame, MongodbState } from "./types.ts";

type Sink = FrameSink<MongodbFrame>;

export function parse(view: StreamView, side: Side, _state: MongodbState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < HEADER_BYTES) return 0;
  const header = headerOf(bytes, start, side);
  if (header === undefined) return ParseError.malformed;
  const wanted = Math.min(header.size, mongodbLimits.windowBytes);
  if (end - start < wanted) return 0;
  const outer = {
    opcode: header.opcode,
    bytes,
    start: start + HEADER_BYTES,
    end: start + header.size,
    seen: start + wanted,
  };
  const body = header.opcode === Opcode.compressed ? uncompressed(outer) : outer;
  if (body !== undefined && !isSound(body, side)) return ParseError.malformed;
  if (header.size > wanted) out.skip(header.size - wanted);
  out.frame(side === "request" ? asked(view, header, body) : told(view, header, body));
  return wanted;
}

/** The end of a message that was passed over. */
export function skipped(_side: Side, _state: MongodbState, last: Moment, out: Sink): void {
  out.frame({ kind: "rest", endNs: last.timeNs });
}

/** Not one that the side cannot send, and no flag that nobody knows. */
function isSound(body: Body, side: Side): boolean {
  if (!isOpcodeOf(body.opcode, side) || body.start + 4 > body.seen) return false;
  if (body.opcode !== Opcode.message) return true;
  return (int32LE(body.bytes, body.start) & MESSAGE_FLAGS_REFUSED) === 0;
}

/** Requests of the old opcodes that the server does not answer. */
const silentOpcodes: ReadonlySet<number> = new Set([
  Opcode.insert,
  Opcode.update,
  Opcode.delete,
  Opcode.killCursors,
]);

function asked(view: StreamView, header: Header, body: Body | undefined): MongodbFrame {
  const { start } = view;
  const flags = body === undefined ? 0 : int32LE(body.bytes, body.start);
  const opcode = body?.opcode ?? 0;
  const isMessage = opcode === Opcode.message;
  const seen = Math.min(header.size, mongodbLimits.windowBytes);
  return {
    kind: "request",
    id: header.id,
    startNs: view.timeAt(start),
    endNs: view.timeAt(start + seen - 1),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    whole: header.size === seen,
    readable: body !== undefined,
    oneWay: isMessage ? (flags & MessageFlag.moreToCome) !== 0 : silentOpcodes.has(opcode),
    exhaust: opcode === Opcode.query && (flags & QUERY_EXHAUST) !== 0,
    command: commandOf(body),
  };
}

function told(view: StreamView, header: Header, body: Body | undefined): MongodbFrame {
  const { start } = view;
  const seen = Math.min(header.size, mongodbLimits.windowBytes);
  const isMessage = body?.opcode === Opcode.message;
  return {
    kind: "response",
    id: header.id,
    responseTo: header.responseTo,
    endNs: view.timeAt(start + seen - 1),
    whole: header.size === seen,
    more: isMessage && (int32LE(body.bytes, body.start) & MessageFlag.moreToCome) !== 0,
    reply: replyOf(body),
  };
}
