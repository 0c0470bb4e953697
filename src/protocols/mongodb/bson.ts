/**
 * BSON (bsonspec.org, version 1.1), as much as is needed to find fields and to count items.
 * Invariant: no length is used before it fits the bytes that are there; nothing is decoded but what
 * is asked for, and what does not fit ends the walk.
 */
import { latin1Of, textOf } from "../../lib/bytes.ts";

export const BsonType = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  boolean: 0x08,
  null: 0x0a,
  int32: 0x10,
  int64: 0x12,
} as const;

/** An int32 and the 0 that ends a document. */
export const DOCUMENT_BYTES_MIN = 5;

/** The caller has checked that at + 4 bytes are there. */
export function int32LE(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Bytes of the document at `at`, of which four must be there; -1 when it does not fit. */
export function documentBytes(bytes: Uint8Array, at: number, end: number): number {
  const size = int32LE(bytes, at);
  return size >= DOCUMENT_BYTES_MIN && size <= end - at ? size : -1;
}

/** Sizes of values that have one, by type; -1 = the value says its own, -2 = no such type. */
const sizes = new Int8Array(256).fill(-2);
for (const [type, size] of [
  ...[[0x01, 8] as const, [0x06, 0] as const, [0x07, 12] as const, [0x08, 1] as const],
  ...[[0x09, 8] as const, [0x0a, 0] as const, [0x10, 4] as const, [0x11, 8] as const],
  ...[[0x12, 8] as const, [0x13, 16] as const, [0xff, 0] as const, [0x7f, 0] as const],
]) {
  sizes[type] = size;
}
for (const type of [0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f]) sizes[type] = -1;

/**
 * Walks over the elements of one document: next() until it says false. `end` is where the document
 * ends, `seen` how far bytes are there; an element that is not all there is still told.
 */
export class BsonReader {
  bytes: Uint8Array = new Uint8Array();
  type = 0;
  keyStart = 0;
  keyEnd = 0;
  value = 0;
  /** Behind the value; it may be beyond `seen`. */
  valueEnd = 0;
  /** Elements met so far, this one included. */
  count = 0;
  /** The walk has come to the 0 that ends the document. */
  complete = false;
  #at = 0;
  #end = 0;
  #seen = 0;

  /** Begins with the document at `at`; false when it is none, or its length is not there. */
  open(bytes: Uint8Array, at: number, limits: { end: number; seen: number }): boolean {
    this.bytes = bytes;
    this.count = 0;
    this.complete = false;
    this.#seen = limits.seen;
    this.#at = at + 4;
    this.#end = at;
    if (at + 4 > limits.seen) return false;
    const size = documentBytes(bytes, at, limits.end);
    if (size < 0) return false;
    this.#end = at + size;
    return true;
  }

  next(): boolean {
    const { bytes } = this;
    const seen = Math.min(this.#seen, this.#end);
    const at = this.#at;
    if (at >= seen) return false;
    const type = bytes[at] ?? 0;
    if (type === 0) {
      this.complete = at === this.#end - 1;
      return false;
    }
    let index = at + 1;
    while (index < seen && bytes[index] !== 0) index++;
    if (index >= seen) return false;
    this.type = type;
    this.keyStart = at + 1;
    this.keyEnd = index;
    this.value = index + 1;
    const size = this.#valueBytes(type, index + 1, seen);
    if (size < 0 || size > this.#end - 1 - this.value) return false;
    this.valueEnd = this.value + size;
    this.#at = this.valueEnd;
    this.count++;
    return true;
  }

  /** The whole value is there. */
  get isSeen(): boolean {
    return this.valueEnd <= this.#seen;
  }

  get seen(): number {
    return this.#seen;
  }

  keyIs(name: string): boolean {
    const { bytes, keyStart } = this;
    if (this.keyEnd - keyStart !== name.length) return false;
    for (let index = 0; index < name.length; index++) {
      if (bytes[keyStart + index] !== name.charCodeAt(index)) return false;
    }
    return true;
  }

  key(): string {
    return latin1Of(this.bytes, this.keyStart, this.keyEnd);
  }

  /** The value of a string of at most `max` bytes; undefined for anything else. */
  string(max: number): string | undefined {
    if (this.type !== BsonType.string || !this.isSeen) return undefined;
    const length = this.valueEnd - this.value - 5;
    if (length > max) return undefined;
    return textOf(this.bytes, this.value + 4, this.value + 4 + length);
  }

  /** The value of a whole number that a double holds exactly; undefined for anything else. */
  number(): number | undefined {
    if (!this.isSeen) return undefined;
    const { bytes, value } = this;
    if (this.type === BsonType.int32) return int32LE(bytes, value);
    if (this.type === BsonType.int64) {
      return int32LE(bytes, value + 4) * 2 ** 32 + (int32LE(bytes, value) >>> 0);
    }
    return this.type === BsonType.double ? doubleLE(bytes, value) : undefined;
  }

  /** A number other than 0, or true. */
  isTrue(): boolean {
    if (this.type === BsonType.boolean) return this.isSeen && this.bytes[this.value] === 1;
    const number = this.number();
    return number !== undefined && number !== 0;
  }

  #valueBytes(type: number, at: number, seen: number): number {
    const size = sizes[type] ?? -2;
    if (size !== -1) return size;
    if (type === 0x0b) return this.#regexBytes(at, seen);
    if (at + 4 > seen) return -1;
    const length = int32LE(this.bytes, at);
    switch (type) {
      case 0x03:
      case 0x04:
        return length >= DOCUMENT_BYTES_MIN ? length : -1;
      case 0x05:
        return length >= 0 ? length + 5 : -1;
      case 0x0f:
        return length >= 14 ? length : -1;
      case 0x0c:
        return length >= 1 ? length + 16 : -1;
      default:
        return length >= 1 ? length + 4 : -1;
    }
  }

  #regexBytes(at: number, seen: number): number {
    let index = at;
    for (let strings = 0; strings < 2; strings++) {
      while (index < seen && this.bytes[index] !== 0) index++;
      index++;
    }
    return index <= seen ? index - at : -1;
  }
}

const eight = new Uint8Array(8);
const double = new DataView(eight.buffer);

function doubleLE(bytes: Uint8Array, at: number): number {
  for (let index = 0; index < 8; index++) eight[index] = bytes[at + index] ?? 0;
  return double.getFloat64(0, true);
}

/** How many documents stand one behind the other in [at, end); -1 when they are not all there. */
export function countDocuments(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  let at = start;
  while (at < end) {
    if (at + 4 > end) return -1;
    const size = documentBytes(bytes, at, end);
    if (size < 0) return -1;
    at += size;
    count++;
  }
  return count;
}
