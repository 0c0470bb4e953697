/**
 * The bytes of a message behind its header, decompressed if need be. Invariant: at most
 * mongodbLimits.inflatedBytesMax come out of a compressed message, whatever it says of itself.
 */
import { inflated, unzstd } from "../../lib/inflate.ts";
import { snappyPrefix } from "../../lib/snappy.ts";
import { int32LE } from "./bson.ts";
import { mongodbLimits } from "./limits.ts";
import { Opcode } from "./messages.ts";

/** What a message says: [start, end), of which [start, seen) is there. */
export interface Body {
  readonly opcode: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly seen: number;
}

/** Original opcode, uncompressed size, compressor. */
export const COMPRESSED_HEADER_BYTES = 9;

const Compressor = { none: 0, snappy: 1, zlib: 2, zstd: 3 } as const;

/** The message that an OP_COMPRESSED holds; undefined when it cannot be read. */
export function uncompressed(body: Body): Body | undefined {
  const { bytes, start, end, seen } = body;
  if (start + COMPRESSED_HEADER_BYTES > seen) return undefined;
  const opcode = int32LE(bytes, start);
  const size = int32LE(bytes, start + 4);
  if (opcode === Opcode.compressed || size < 0 || size > mongodbLimits.messageBytesMax) {
    return undefined;
  }
  const from = start + COMPRESSED_HEADER_BYTES;
  const compressor = bytes[start + 8] ?? 0;
  if (compressor === Compressor.none) return { opcode, bytes, start: from, end, seen };
  const out = expand(compressor, { ...body, start: from }, size);
  if (out === undefined) return undefined;
  if (out.length > size || (seen >= end && size <= mongodbLimits.windowBytes && out.length < size))
    return undefined;
  return { opcode, bytes: out, start: 0, end: size, seen: out.length };
}

function expand(compressor: number, body: Body, size: number): Uint8Array | undefined {
  const { bytes, start, end, seen } = body;
  const whole = seen >= end;
  if (compressor === Compressor.snappy) {
    return snappyPrefix(
      bytes,
      { start, end: seen, whole },
      Math.min(size, mongodbLimits.windowBytes),
    );
  }
  const fits = size <= mongodbLimits.inflatedBytesMax && whole;
  const max = fits ? size : mongodbLimits.inflatedBytesMax;
  const until = fits ? seen : Math.min(seen, start + mongodbLimits.compressedPrefixBytes);
  const input = bytes.subarray(start, until);
  if (compressor === Compressor.zlib) return inflated(input, max);
  return compressor === Compressor.zstd && fits ? unzstd(input, max) : undefined;
}
