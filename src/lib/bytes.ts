/** Reading bytes that came from outside: every access is bounded, nothing throws on content. */

type Decode = (this: Uint8Array, start: number, end: number) => string;

/** The native decoders behind Buffer.toString(); they take any bytes and make no view of them. */
const { latin1Slice, utf8Slice } = Buffer.prototype as Buffer & {
  readonly latin1Slice: Decode;
  readonly utf8Slice: Decode;
};

/** Text of bytes[start..end) with U+FFFD for what is not UTF-8; a byte order mark is left out. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  const last = Math.min(end, bytes.length);
  if (start >= last) return "";
  const isMarked =
    last - start >= 3 &&
    bytes[start] === 0xef &&
    bytes[start + 1] === 0xbb &&
    bytes[start + 2] === 0xbf;
  return utf8Slice.call(bytes, isMarked ? start + 3 : start, last);
}

/** Like textOf for bytes that are ASCII or Latin-1: each byte is one character, at lower cost. */
export function latin1Of(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/** Big-endian reads; the caller has checked that index + size <= bytes.length. */
export function uint16BE(bytes: Uint8Array, index: number): number {
  return ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
}

export function uint32BE(bytes: Uint8Array, index: number): number {
  return (
    (((bytes[index] ?? 0) << 24) |
      ((bytes[index + 1] ?? 0) << 16) |
      ((bytes[index + 2] ?? 0) << 8) |
      (bytes[index + 3] ?? 0)) >>>
    0
  );
}

/** What is found so near costs less than a call of the native search. */
const NEAR_BYTES = 24;

/** First index in [start, end) that holds the byte, or -1. */
export function indexOfByte(bytes: Uint8Array, byte: number, start: number, end: number): number {
  const near = Math.min(end, start + NEAR_BYTES);
  for (let index = start; index < near; index++) if (bytes[index] === byte) return index;
  if (near === end) return -1;
  const index = bytes.indexOf(byte, near);
  return index >= 0 && index < end ? index : -1;
}

export type FrameLength = number;

/**
 * A length field of the peer, accepted only between min and max; otherwise -1. The only way in
 * which a length from outside becomes a number that is used to wait, skip or allocate.
 */
export function checkedLength(length: number, min: number, max: number): FrameLength {
  return length >= min && length <= max ? length : -1;
}

const hexDigits = "0123456789abcdef";

/** Lowercase hex of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (hexDigits[byte >> 4] ?? "") + (hexDigits[byte & 15] ?? "");
  return text;
}
