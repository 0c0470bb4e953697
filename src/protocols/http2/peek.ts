/**
 * What a field block says of itself without its dynamic table: whose head it is. Invariant: linear,
 * nothing is decoded, and a block that does not fit RFC 7541 section 6 is invalid.
 */
import type { Side } from "../../model/connection.ts";

/** undefined = trailers, or a head that does not say it. */
export type BlockSide = Side | "invalid" | undefined;

/** Pseudo-fields stand before all others (RFC 9113 section 8.3). */
const FIELDS_MAX = 8;
const INTEGER_BYTES_MAX = 4;
const COLON = 58;
/** Indexes of RFC 7541 appendix A. */
const REQUEST_LAST = 7;
const RESPONSE_LAST = 14;

interface Cursor {
  position: number;
  readonly end: number;
}

/** Looks at bytes[start..end), which may be only the beginning of a block. */
export function sideOfBlock(bytes: Uint8Array, start: number, end: number): BlockSide {
  const cursor: Cursor = { position: start, end };
  for (let fields = 0; fields < FIELDS_MAX && cursor.position < end; fields++) {
    const first = bytes[cursor.position] ?? 0;
    if (first >= 0x20 && first < 0x40) {
      if (integer(bytes, cursor, 5) < 0) return "invalid";
      continue;
    }
    const isIndexed = first >= 0x80;
    const index = integer(bytes, cursor, isIndexed ? 7 : first >= 0x40 ? 6 : 4);
    if (index < 0 || (isIndexed && index === 0)) return "invalid";
    if (index > 0 && index <= RESPONSE_LAST && !(isIndexed && index === 1)) {
      return index <= REQUEST_LAST ? "request" : "response";
    }
    if (isIndexed) continue;
    const name = cursor.position;
    if (index === 0 && !passText(bytes, cursor)) return "invalid";
    if (index === 0 && bytes[name + 1] === COLON && name + 2 < end) {
      return bytes[name + 2] === 115 && bytes[name + 3] === 116 ? "response" : "request";
    }
    if (!passText(bytes, cursor)) return "invalid";
  }
  return cursor.position > end ? "invalid" : undefined;
}

/** RFC 7541 section 5.1; -1 = longer than any that is sent. */
function integer(bytes: Uint8Array, cursor: Cursor, prefixBits: number): number {
  const most = (1 << prefixBits) - 1;
  let value = (bytes[cursor.position++] ?? 0) & most;
  if (value < most) return value;
  for (let shift = 0; shift < 7 * INTEGER_BYTES_MAX; shift += 7) {
    const byte = bytes[cursor.position++] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  return -1;
}

function passText(bytes: Uint8Array, cursor: Cursor): boolean {
  if (cursor.position >= cursor.end) return false;
  const length = integer(bytes, cursor, 7);
  cursor.position += Math.max(0, length);
  return length >= 0;
}
