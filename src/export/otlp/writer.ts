/**
 * Protobuf wire format into one growing buffer, as the hot path of the export needs it: lengths of
 * nested messages are written where they belong when the message ends, no arrays of pieces, no
 * BigInt. Invariant: what bytes() gives is the canonical encoding (every varint as short as it can
 * be), so that it equals what a protobuf library writes.
 * Source: protobuf.dev/programming-guides/encoding.
 */

const utf8 = new TextEncoder();

const TWO_32 = 2 ** 32;

/** Strings up to this length are copied by character while they are ASCII; longer ones natively. */
const ASCII_LOOP_MAX = 64;

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Tag of a field as its encoded number; field numbers below 16 take one byte. */
export function tagOf(fieldNumber: number, wireType: number): number {
  return (fieldNumber << 3) | wireType;
}

export class ProtobufWriter {
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacityBytes: number) {
    this.#buffer = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets the content, keeps the buffer. */
  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written since reset(). */
  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  /** Makes room for so many more bytes. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** A tag or any other integer from 0 to 2^32 - 1. */
  uint32(value: number): void {
    this.#reserve(5);
    if (value < 0x80) {
      this.#buffer[this.#length++] = value;
      return;
    }
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  /** int64 as a varint; a safe integer. Negative ones take ten bytes (two's complement). */
  int64(value: number): void {
    let high = Math.floor(value / TWO_32);
    let low = (value - high * TWO_32) >>> 0;
    high >>>= 0;
    this.#reserve(10);
    while (high > 0) {
      this.#buffer[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.uint32(low);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  fixed64(high: number, low: number): void {
    this.#reserve(8);
    this.#view.setUint32(this.#length, low, true);
    this.#view.setUint32(this.#length + 4, high, true);
    this.#length += 8;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length and bytes. */
  lengthDelimited(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.raw(bytes);
  }

  /** Length and UTF-8 of the text; a lone surrogate becomes U+FFFD. */
  string(text: string): void {
    if (text.length > ASCII_LOOP_MAX || !this.#ascii(text)) this.#utf8(text);
  }

  /** False, with nothing written, when the text is not ASCII. */
  #ascii(text: string): boolean {
    const size = text.length;
    this.#reserve(size + 1);
    const buffer = this.#buffer;
    let index = this.#length;
    buffer[index++] = size;
    for (let at = 0; at < size; at++) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) return false;
      buffer[index++] = code;
    }
    this.#length = index;
    return true;
  }

  #utf8(text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.#reserve(text.length * 3 + 5);
    const mark = this.begin(text.length > 0x7f ? 2 : 1);
    const target = this.#buffer.subarray(this.#length);
    this.#length += utf8.encodeInto(text, target).written;
    this.end(mark);
  }

  /**
   * Opens a nested message (or anything with a length before it): lengthBytes is the size that the
   * length is expected to take, which costs nothing when it comes true. Hand the result to end().
   */
  begin(lengthBytes: 1 | 2 | 3): number {
    this.#reserve(lengthBytes);
    this.#length += lengthBytes;
    // The low two bits carry the size of the hole, so that one number is enough.
    return this.#length * 4 + lengthBytes;
  }

  /** Closes what begin() opened: writes its length, and moves its content if that was misjudged. */
  end(mark: number): void {
    const lengthBytes = mark & 3;
    const start = (mark - lengthBytes) / 4;
    const size = this.#length - start;
    if (lengthBytes === 1 && size < 0x80) {
      this.#buffer[start - 1] = size;
      return;
    }
    const needed = varintBytes(size);
    if (needed !== lengthBytes) {
      this.#reserve(5);
      this.#buffer.copyWithin(start - lengthBytes + needed, start, this.#length);
      this.#length += needed - lengthBytes;
    }
    let index = start - lengthBytes;
    let rest = size;
    while (rest > 0x7f) {
      this.#buffer[index++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[index] = rest;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
