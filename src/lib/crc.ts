/** Check sums of byte ranges. */
import { crc32 as crc32Of } from "node:zlib";

/** CRC-32 (IEEE 802.3) of `bytes`, going on from `seed`. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return crc32Of(bytes, seed);
}

/** A table for a CRC of 24 bits whose polynomial begins with bit 24. */
export function crc24Table(polynomial: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= polynomial;
    }
    return crc & 0xffffff;
  });
}

/** CRC of bytes[start..end) by such a table, going on from `seed`. */
export function crc24(
  table: Int32Array,
  bytes: Uint8Array,
  range: { readonly start: number; readonly end: number },
  seed: number,
): number {
  let crc = seed;
  for (let at = range.start; at < range.end; at++) {
    crc = ((crc << 8) & 0xffffff) ^ (table[((crc >> 16) ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return crc;
}
