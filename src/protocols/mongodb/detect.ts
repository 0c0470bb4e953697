/**
 * Recognises MongoDB by a header and by what must stand behind it; the same after a loss.
 * Invariant: rather no or more than a wrong side.
 */
import { indexOfByte } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { COMPRESSED_HEADER_BYTES } from "./body.ts";
import { DOCUMENT_BYTES_MIN, int32LE } from "./bson.ts";
import { mongodbLimits } from "./limits.ts";
import { HEADER_BYTES, headerOf, isOpcodeOf, MESSAGE_FLAGS_REFUSED, Opcode } from "./messages.ts";

type Verdict = "yes" | "no" | "more";

export function detect(view: StreamView): Detection {
  const request = judge(view, view.start, "request");
  if (request === "yes") return "request";
  const response = judge(view, view.start, "response");
  if (response === "yes") return "response";
  return request === "more" || response === "more" ? "more" : "no";
}

/** First index at which a message can begin. */
export function resync(view: StreamView, side: Side): number {
  for (let index = view.start; index < view.end; index++) {
    const verdict = judge(view, index, side);
    if (verdict === "yes") return index;
    // What is captured after a loss begins with a call, and most calls begin with a message.
    if (verdict === "more" && index === view.start) return index;
  }
  return -1;
}

/**
 * Whether a message of `side` begins at index. Requests answer nothing (responseTo is 0), and
 * answers name a request.
 */
function judge(view: StreamView, index: number, side: Side): Verdict {
  const { bytes, end } = view;
  if (!mayBeHeader(view, index)) return "no";
  if (end - index < HEADER_BYTES) return "more";
  const header = headerOf(bytes, index, side);
  if (header === undefined || (header.responseTo === 0) !== (side === "request")) return "no";
  const last = index + header.size;
  const body = { bytes, at: index + HEADER_BYTES, end: last, seen: Math.min(last, end) };
  switch (header.opcode) {
    case Opcode.message:
      return judgeMessage(body);
    case Opcode.compressed:
      return judgeCompressed(body, side);
    case Opcode.reply:
      return judgeReply(body);
    case Opcode.killCursors:
      return judgeCursors(body);
    default:
      return judgeNamed(body);
  }
}

/** A length that no message has is seen before the header is all there. */
function mayBeHeader({ bytes, end }: StreamView, index: number): boolean {
  if (end - index < 4) return true;
  const size = int32LE(bytes, index);
  if (size <= HEADER_BYTES || size > mongodbLimits.messageBytesMax) return false;
  if (end - index < 14) return true;
  const low = (bytes[index + 12] ?? 0) | ((bytes[index + 13] ?? 0) << 8);
  return isOpcodeOf(low, "request") || isOpcodeOf(low, "response");
}

interface Body {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly seen: number;
}

/** Flags, a section's kind, and a document or a sequence of them that fits. */
function judgeMessage({ bytes, at, end, seen }: Body): Verdict {
  if (at + 9 > seen) return seen < end ? "more" : "no";
  const kind = bytes[at + 4] ?? 0;
  const flagsKnown = (int32LE(bytes, at) & (MESSAGE_FLAGS_REFUSED | 0xfffe_0000)) === 0;
  if (kind > 1 || !flagsKnown) return "no";
  return judgeDocument({ bytes, at: at + 5, end, seen }, kind === 1);
}

/** A length that fits, and the type and the name of the first element. */
function judgeDocument({ bytes, at, end, seen }: Body, isSequence: boolean): Verdict {
  const size = int32LE(bytes, at);
  if (size < DOCUMENT_BYTES_MIN || size > end - at) return "no";
  const nameAt = isSequence ? at + 4 : at + 5;
  if (nameAt >= seen) return seen < end ? "more" : isSequence ? "no" : "yes";
  if (size === DOCUMENT_BYTES_MIN) return bytes[at + 4] === 0 ? "yes" : "no";
  const type = bytes[at + 4] ?? 0;
  if (!isSequence && type > 0x13) return "no";
  return isNameByte(bytes[nameAt] ?? 0) ? "yes" : "no";
}

/** Printable ASCII, or part of a character beyond it. */
function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte !== 0x7f;
}

/** The opcode inside, a size, and a compressor that exists. */
function judgeCompressed({ bytes, at, end, seen }: Body, side: Side): Verdict {
  if (at + COMPRESSED_HEADER_BYTES > seen) return seen < end ? "more" : "no";
  const opcode = int32LE(bytes, at);
  const size = int32LE(bytes, at + 4);
  const known = opcode !== Opcode.compressed && isOpcodeOf(opcode, side);
  const fits = size > 0 && size <= mongodbLimits.messageBytesMax;
  return known && fits && (bytes[at + 8] ?? 0) <= 3 ? "yes" : "no";
}

/** Known flags, a count, and a document if there is one. */
function judgeReply({ bytes, at, end, seen }: Body): Verdict {
  if (at + 20 > seen) return seen < end ? "more" : "no";
  const count = int32LE(bytes, at + 16);
  if ((int32LE(bytes, at) & ~0x0f) !== 0 || count < 0) return "no";
  if (count === 0) return at + 20 === end ? "yes" : "no";
  if (at + 24 > seen) return seen < end ? "more" : "no";
  return judgeDocument({ bytes, at: at + 20, end, seen }, false);
}

/** 0, a count, and as many cursors. */
function judgeCursors({ bytes, at, end, seen }: Body): Verdict {
  if (at + 8 > seen) return seen < end ? "more" : "no";
  const count = int32LE(bytes, at + 4);
  return int32LE(bytes, at) === 0 && count > 0 && at + 8 + 8 * count === end ? "yes" : "no";
}

/** Flags, then a name with a dot in it. */
function judgeNamed({ bytes, at, end, seen }: Body): Verdict {
  const from = at + 4;
  const limit = Math.min(seen, from + 2 * mongodbLimits.nameBytesMax);
  if (from < seen && !isNameByte(bytes[from] ?? 0)) return "no";
  const nameEnd = indexOfByte(bytes, 0, from, limit);
  if (nameEnd < 0) return limit === seen && seen < end ? "more" : "no";
  const dot = indexOfByte(bytes, 0x2e, from, nameEnd);
  return dot > from && (bytes[at + 3] ?? 0) === 0 ? "yes" : "no";
}
