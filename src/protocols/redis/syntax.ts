/** Bytes and numbers of RESP (https://redis.io/docs/latest/develop/reference/protocol-spec). */

export const LF = 0x0a;
export const CR = 0x0d;

export const Type = {
  simple: 0x2b, // +
  error: 0x2d, // -
  integer: 0x3a, // :
  bulk: 0x24, // $
  array: 0x2a, // *
  nothing: 0x5f, // _
  boolean: 0x23, // #
  double: 0x2c, // ,
  big: 0x28, // (
  bulkError: 0x21, // !
  verbatim: 0x3d, // =
  map: 0x25, // %
  set: 0x7e, // ~
  attribute: 0x7c, // |
  push: 0x3e, // >
  chunk: 0x3b, // ;
  end: 0x2e, // .
} as const;

export const Length = {
  /** A streamed string or aggregate: "?" in the place of a number. */
  streamed: -2,
  /** The null of RESP2. */
  none: -1,
  malformed: -3,
  needMore: -4,
} as const;

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const QUESTION = 0x3f;
const DIGITS_MAX = 11;

/** Where the last readLength() stopped: behind the end of its line. */
export const lengthEnd = { index: 0 };

/** The length behind a type's byte, up to CR LF. One of Length when it is none. */
export function readLength(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  let value = 0;
  const first = bytes[start];
  if (start < end && (first === QUESTION || first === MINUS)) {
    value = first === QUESTION ? Length.streamed : Length.none;
    index = first === QUESTION ? start + 1 : start + 2;
    if (first === MINUS && start + 1 < end && bytes[start + 1] !== ZERO + 1) {
      return Length.malformed;
    }
  } else {
    for (; index < end; index++) {
      const byte = bytes[index] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      value = value * 10 + byte - ZERO;
      if (index - start >= DIGITS_MAX) return Length.malformed;
    }
    if (index === start && index < end) return Length.malformed;
  }
  if (index < end && bytes[index] !== CR) return Length.malformed;
  if (index + 1 < end && bytes[index + 1] !== LF) return Length.malformed;
  if (index + 1 >= end) return Length.needMore;
  lengthEnd.index = index + 2;
  return value;
}

export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

export function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** What names of commands are made of; a module's have dots. */
export function isNameByte(byte: number): boolean {
  return isLetter(byte) || isDigit(byte) || byte === 0x5f || byte === 0x2d || byte === 0x2e;
}
