/**
 * Recognises CQL by an envelope and what must stand in it, or by a segment's check sum; the same
 * after a loss. Invariant: rather no or more than a wrong side.
 */
import { latin1Of, uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { bodyOf } from "./body.ts";
import {
  Flag,
  HEADER_BYTES,
  type Header,
  headerAt,
  mayBeginHeader,
  Opcode,
  standsAlone,
} from "./messages.ts";
import { type Framing, type Plain, payloadOf, segmentAt, segmentHeaderBytes } from "./segments.ts";
import type { CassandraState } from "./types.ts";

type Verdict = "yes" | "no" | "more";

const framings: readonly Framing[] = ["segments", "lz4Segments"];

/** Segments are looked for first: nothing else has their check sums by chance. */
export function detect(view: StreamView): Detection {
  const { bytes, start, end } = view;
  let undecided = false;
  for (const framing of framings) {
    const found = judgeSegment(view, start, framing);
    if (found === "request" || found === "response") return found;
    undecided ||= found === "more";
  }
  for (const side of ["request", "response"] as const) {
    const verdict = judgeEnvelope({ bytes, start, seen: end, end: Infinity }, side, undefined);
    if (verdict === "yes") return side;
    undecided ||= verdict === "more";
  }
  return undecided ? "more" : "no";
}

/** First index at which a message can begin, by any framing that is possible. */
export function resync(view: StreamView, side: Side, state: CassandraState): number {
  const { bytes, start, end } = view;
  for (let index = start; index < end; index++) {
    if (framingAt(view, index, side, state) !== undefined) return index;
    if (state.framing !== "envelopes") continue;
    const plain = { bytes, start: index, seen: end, end: Infinity };
    const verdict = judgeEnvelope(plain, side, state.compression);
    if (verdict === "yes" || (verdict === "more" && index === start)) return index;
  }
  return -1;
}

/** Fewest bytes of a segment with an envelope in it. */
const SEGMENT_BYTES_MIN = 19;

/**
 * How messages come on a connection whose beginning was not seen, by the one at the head of the
 * view; false while too little of it is there.
 */
export function learnFraming(view: StreamView, side: Side, state: CassandraState): boolean {
  const { bytes, start, end } = view;
  const framing = framingAt(view, start, side, state);
  if (framing === "more") return false;
  if (framing === undefined && end - start < SEGMENT_BYTES_MIN) {
    const plain = { bytes, start, seen: end, end: Infinity };
    if (judgeEnvelope(plain, side, state.compression) !== "yes") return false;
  }
  if (framing !== undefined) state.framing = framing;
  state.framingUnknown = false;
  return true;
}

/** The framing of the segment that begins at index, of those that are possible. */
function framingAt(
  view: StreamView,
  index: number,
  side: Side,
  state: CassandraState,
): Framing | "more" | undefined {
  let undecided = false;
  for (const framing of framings) {
    if (!state.framingUnknown && framing !== state.framing) continue;
    const found = judgeSegment(view, index, framing);
    if (found === side) return framing;
    undecided ||= found === "more";
  }
  return undecided ? "more" : undefined;
}

/**
 * The side of a segment whose header has its sum right, and which begins with an envelope; more:
 * programs read the header by itself.
 */
function judgeSegment(view: StreamView, index: number, framing: Framing): Side | "more" | "no" {
  const { bytes, end } = view;
  if (end - index < segmentHeaderBytes(framing)) return "no";
  const segment = segmentAt(bytes, index, framing);
  if (segment === undefined || segment.plainBytes < HEADER_BYTES) return "no";
  const plain = payloadOf(bytes, index, segment, end);
  if (plain === undefined) return "no";
  if (plain.seen - plain.start < HEADER_BYTES) return "more";
  for (const side of ["request", "response"] as const) {
    if (plain.bytes[plain.start] !== (side === "request" ? 5 : 0x85)) continue;
    if (headerAt(plain.bytes, plain.start, side) !== undefined) return side;
  }
  return "no";
}

/** Whether an envelope of `side` begins at plain.start. */
function judgeEnvelope(
  { bytes, start, seen }: Plain,
  side: Side,
  compression: CassandraState["compression"],
): Verdict {
  if (seen - start >= 2 && !mayBeginHeader(bytes, start, side)) return "no";
  if (seen - start < HEADER_BYTES) return mayBe(bytes, start, side) ? "more" : "no";
  const header = headerAt(bytes, start, side);
  if (header === undefined || !standsAlone(header)) return "no";
  const from = start + HEADER_BYTES;
  const end = from + header.bodyBytes;
  const body = bodyOf(header, { bytes, start: from, seen: Math.min(seen, end), end }, compression);
  if (body === undefined) return seen < end ? "more" : "no";
  const plainHead = (header.flags & (Flag.tracing | Flag.customPayload | Flag.warning)) === 0;
  return side === "request" ? judgeRequest(header, body) : judgeResponse(header, body, plainHead);
}

/** The first byte alone. */
function mayBe(bytes: Uint8Array, start: number, side: Side): boolean {
  const first = bytes[start] ?? 0;
  const version = side === "request" ? first : first - 0x80;
  return version >= 3 && version <= 5;
}

function judgeRequest({ opcode, flags, bodyBytes }: Header, body: Plain): Verdict {
  const { bytes, start, seen, end } = body;
  if (opcode === Opcode.options) return bodyBytes === 0 ? "yes" : "no";
  if ((flags & Flag.customPayload) !== 0) return "yes";
  if (seen - start < Math.min(4, end - start)) return "more";
  const size = end - start;
  switch (opcode) {
    case Opcode.startup:
      return judgeStartup(body);
    case Opcode.query:
    case Opcode.prepare:
      return judgeText(body);
    case Opcode.execute: {
      const id = uint16BE(bytes, start);
      return id > 0 && id <= 64 && id + 5 <= size ? "yes" : "no";
    }
    case Opcode.batch: {
      const isStatement = (bytes[start + 3] ?? 0) <= 1;
      const count = uint16BE(bytes, start + 1);
      return (bytes[start] ?? 0) <= 2 && size >= 6 && (isStatement || count === 0) ? "yes" : "no";
    }
    case Opcode.register: {
      const count = uint16BE(bytes, start);
      return count > 0 && count <= 8 && uint16BE(bytes, start + 2) < 32 ? "yes" : "no";
    }
    default:
      return uint32BE(bytes, start) === (size - 4) % 2 ** 32 ? "yes" : "no";
  }
}

/** A map that begins with an option's name in capitals. */
function judgeStartup({ bytes, start, seen, end }: Plain): Verdict {
  const name = uint16BE(bytes, start + 2);
  if (uint16BE(bytes, start) > 32 || name === 0 || name > 64) return "no";
  if (start + 4 + name > seen) return seen < end ? "more" : "no";
  return /^[A-Z_]+$/.test(latin1Of(bytes, start + 4, start + 4 + name)) ? "yes" : "no";
}

/** A length that fits, and a text that begins with a letter, a space or a comment. */
function judgeText({ bytes, start, seen, end }: Plain): Verdict {
  const length = uint32BE(bytes, start);
  if (length === 0 || length > end - start - 4) return "no";
  if (start + 4 >= seen) return "more";
  const first = bytes[start + 4] ?? 0;
  const isLetter = (first | 0x20) >= 0x61 && (first | 0x20) <= 0x7a;
  return isLetter || first <= 0x20 || first === 0x2f || first === 0x2d ? "yes" : "no";
}

function judgeResponse(header: Header, body: Plain, plainHead: boolean): Verdict {
  const { bytes, start, seen, end } = body;
  const { opcode, bodyBytes, stream } = header;
  if (opcode === Opcode.ready) return bodyBytes === 0 || !plainHead ? "yes" : "no";
  if (!plainHead) return "yes";
  if (seen - start < Math.min(4, end - start)) return "more";
  const first = uint32BE(bytes, start);
  switch (opcode) {
    case Opcode.result:
      return first >= 1 && first <= 5 ? "yes" : "no";
    case Opcode.error:
      return first <= 0xffff && end - start >= 6 ? "yes" : "no";
    case Opcode.event:
      return stream < 0 ? judgeName(body) : "no";
    case Opcode.authenticate:
      return judgeName(body);
    case Opcode.supported:
      return first >>> 16 <= 32 ? "yes" : "no";
    default:
      return (first | 0) === -1 || first === end - start - 4 ? "yes" : "no";
  }
}

/** [string] of printable characters. */
function judgeName({ bytes, start, end }: Plain): Verdict {
  const length = uint16BE(bytes, start);
  const first = bytes[start + 2] ?? 0;
  return length > 0 && length + 2 <= end - start && first > 0x20 && first < 0x7f ? "yes" : "no";
}
