/**
 * Where a frame begins, when it is not known: after a loss, and on a connection joined in the
 * middle. Invariant: a place is believed only when frames that fit the specification in all fixed
 * parts stand there one behind the other, so bytes of a body are not taken for frames; the cost for
 * each byte is bounded.
 */
import { uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import {
  createFrameHead,
  Flag,
  type FrameHead,
  FrameType,
  isKnownErrorCode,
  isValidHead,
  readFrameHead,
} from "./frame-head.ts";
import { http2Limits } from "./limits.ts";
import { type BlockSide, sideOfBlock } from "./peek.ts";

const HEAD_BYTES = http2Limits.frameHeadBytes;
const RESERVED_BIT = 0x80;

/** Flags that each type may carry (RFC 9113 section 6), by type. */
const FLAGS_ALLOWED: readonly number[] = [
  Flag.endStream | Flag.padded,
  Flag.endStream | Flag.endHeaders | Flag.padded | Flag.priority,
  0,
  0,
  Flag.ack,
  Flag.endHeaders | Flag.padded,
  Flag.ack,
  0,
  0,
  Flag.endHeaders,
];

const head = createFrameHead();
const next = createFrameHead();

/** Bytes that are looked at: bytes[start..end). */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Whether a frame begins at range.start: it is followed by others or ends with the range, or, at
 * the beginning of a message, it is one that says what it is by itself.
 */
export function isBoundary(range: ByteRange, side: Side, beginsMessage: boolean): boolean {
  const { bytes, end } = range;
  let position = range.start;
  for (let frames = 0; frames < http2Limits.seekFramesMax; frames++) {
    if (end - position < HEAD_BYTES || !isCredible(bytes, position, end, head)) return false;
    if (head.type === FrameType.continuation && frames === 0) return false;
    const behind = position + HEAD_BYTES + head.length;
    if (behind > end) return (frames > 0 || beginsMessage) && isTelling(range, position, side);
    if (behind === end) return head.type !== FrameType.data || frames > 0 || beginsMessage;
    position = behind;
  }
  return true;
}

/** The side of the first head among the frames from `start` on; undefined = it cannot be told. */
export function sideOfFrames(range: ByteRange): Side | undefined {
  const { bytes, end } = range;
  let position = range.start;
  for (let frames = 0; frames < http2Limits.detectFramesMax; frames++) {
    if (end - position < HEAD_BYTES || !isCredible(bytes, position, end, next)) return undefined;
    if (next.type === FrameType.headers) {
      const side = sideOf(bytes, position, end, next);
      if (side !== undefined) return side === "invalid" ? undefined : side;
    }
    position += HEAD_BYTES + next.length;
  }
  return undefined;
}

/** A frame that is not whole here is believed by what can be seen of it. */
function isTelling(range: ByteRange, position: number, side: Side): boolean {
  const { bytes, end } = range;
  return head.type === FrameType.headers && sideOf(bytes, position, end, head) === side;
}

/** A head that fits the specification, of a type that it knows; what follows fits it too. */
function isCredible(bytes: Uint8Array, start: number, end: number, into: FrameHead): boolean {
  readFrameHead(bytes, start, into);
  if (into.type > FrameType.continuation) return false;
  if (into.length > http2Limits.seekFrameBytesMax || !isValidHead(into)) return false;
  if ((bytes[start + 5] ?? 0) & RESERVED_BIT) return false;
  if (into.flags & ~(FLAGS_ALLOWED[into.type] ?? 0)) return false;
  // RFC 9113 section 5.1.1: a client's streams are odd.
  if (into.stream !== 0 && into.stream % 2 === 0) return false;
  const payload = start + HEAD_BYTES;
  if (payload + into.length > end) return true;
  switch (into.type) {
    case FrameType.rstStream:
      return isKnownErrorCode(uint32BE(bytes, payload));
    case FrameType.goAway:
      return isKnownErrorCode(uint32BE(bytes, payload + 4));
    case FrameType.windowUpdate:
      return uint32BE(bytes, payload) !== 0 && ((bytes[payload] ?? 0) & RESERVED_BIT) === 0;
    case FrameType.settings:
      return areSettings(bytes, payload, payload + into.length);
    case FrameType.headers:
      return sideOf(bytes, start, end, into) !== "invalid";
    default:
      return true;
  }
}

function blockOffset({ flags }: FrameHead): number {
  return (flags & Flag.padded ? 1 : 0) + (flags & Flag.priority ? 5 : 0);
}

function sideOf(bytes: Uint8Array, frame: number, end: number, into: FrameHead): BlockSide {
  const block = frame + HEAD_BYTES;
  const padding = into.flags & Flag.padded ? (bytes[block] ?? 0) : 0;
  const until = Math.min(end, block + into.length - padding);
  return sideOfBlock(bytes, block + blockOffset(into), until);
}

const SETTING_BYTES = 6;
/** RFC 9113 section 6.5.2, RFC 8441, RFC 9218. */
const SETTINGS_KNOWN: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 8, 9]);
/** gRPC's own settings, and those that are sent to be ignored (RFC 8701's way). */
const SETTING_OWN_MIN = 0xfe00;

/** Whether bytes[start..end) are parameters of a SETTINGS frame with values that they may have. */
export function areSettings(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index + SETTING_BYTES <= end; index += SETTING_BYTES) {
    const id = ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
    const value = uint32BE(bytes, index + 2);
    if (!SETTINGS_KNOWN.has(id) && id < SETTING_OWN_MIN && (id & 0x0f0f) !== 0x0a0a) return false;
    if ((id === 2 || id === 8 || id === 9) && value > 1) return false;
    if (id === 4 && value > 0x7fff_ffff) return false;
    if (id === 5 && (value < 16_384 || value > 0xff_ffff)) return false;
  }
  return true;
}
