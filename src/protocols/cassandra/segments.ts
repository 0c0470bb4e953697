/**
 * The segments around the envelopes of version 5 ("CQL binary protocol v5", section 2.2).
 * Invariant: no length of a segment is believed before its check sum is.
 */
import { crc24, crc24Table, crc32 } from "../../lib/crc.ts";
import { lz4Prefix } from "../../lib/lz4.ts";

/** envelopes: no segments, or none yet. */
export type Framing = "envelopes" | "segments" | "lz4Segments";

export const SEGMENT_PAYLOAD_MAX = 0x1ffff;
export const TRAILER_BYTES = 4;

const CRC24_INIT = 0x875060;
const crc24OfHeader = crc24Table(0x1974f0b);
/** The payload's sum begins with these four bytes. */
const CRC32_SEED = crc32(Uint8Array.of(0xfa, 0x2d, 0x55, 0xca));

export interface Segment {
  readonly headerBytes: number;
  readonly payloadBytes: number;
  /** What the payload is without compression. */
  readonly plainBytes: number;
  readonly isCompressed: boolean;
  /** It holds whole envelopes; otherwise it is a piece of one. */
  readonly isSelfContained: boolean;
}

export function segmentHeaderBytes(framing: Framing): number {
  return framing === "lz4Segments" ? 8 : 6;
}

/** The segment whose header, all of which must be there, is at `at`; undefined when it is none. */
export function segmentAt(bytes: Uint8Array, at: number, framing: Framing): Segment | undefined {
  const headerBytes = segmentHeaderBytes(framing);
  const sumAt = at + headerBytes - 3;
  const sum = uint24LE(bytes, sumAt);
  if (crc24(crc24OfHeader, bytes, { start: at, end: sumAt }, CRC24_INIT) !== sum) return undefined;
  const low = uint24LE(bytes, at);
  const payloadBytes = low & SEGMENT_PAYLOAD_MAX;
  if (framing !== "lz4Segments") {
    const isSelfContained = (low & 0x20000) !== 0;
    const plain = { plainBytes: payloadBytes, isCompressed: false };
    return { headerBytes, payloadBytes, ...plain, isSelfContained };
  }
  const high = (low >> 17) | ((bytes[at + 3] ?? 0) << 7) | ((bytes[at + 4] ?? 0) << 15);
  const inflated = high & SEGMENT_PAYLOAD_MAX;
  return {
    headerBytes,
    payloadBytes,
    plainBytes: inflated === 0 ? payloadBytes : inflated,
    isCompressed: inflated !== 0,
    isSelfContained: (high & 0x20000) !== 0,
  };
}

function uint24LE(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

/** Whether the sum behind the payload, all of which must be there, is right. */
export function isPayloadSound(bytes: Uint8Array, start: number, end: number): boolean {
  const sum = uint24LE(bytes, end) + (bytes[end + 3] ?? 0) * 2 ** 24;
  return crc32(bytes.subarray(start, end), CRC32_SEED) === sum;
}

/** Bytes of envelopes: [start, seen), which go on to end. */
export interface Plain {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly seen: number;
  readonly end: number;
}

/** The payload of the segment at `at`, as far as the bytes until `seen` hold it. */
export function payloadOf(
  bytes: Uint8Array,
  at: number,
  segment: Segment,
  seen: number,
): Plain | undefined {
  const start = at + segment.headerBytes;
  const end = start + segment.payloadBytes;
  const until = Math.min(end, seen);
  if (!segment.isCompressed) return { bytes, start, seen: until, end };
  const range = { start, end: until, whole: until === end };
  const out = lz4Prefix(bytes, range, segment.plainBytes);
  if (out === undefined) return undefined;
  return { bytes: out, start: 0, seen: out.length, end: segment.plainBytes };
}
