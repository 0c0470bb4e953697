/**
 * The parameter sets of COM_STMT_BULK_EXECUTE (MariaDB documentation, "COM_STMT_BULK_EXECUTE").
 * Invariant: a number is given only when every value was walked over and the last one ends where
 * the packet does; no value is looked at.
 */
import { uint16LE } from "./packets.ts";

const TYPES_FOLLOW = 128;
const FLAGS_AT = 5;
const TYPES_AT = 7;
const TYPE_BYTES = 2;

/** Before each value; of the others no value follows. */
const INDICATOR_NONE = 0;
/** NULL, the column's default, and to leave the column as it is. */
const INDICATOR_MAX = 3;

/** Bytes of a value by its type; 0: a byte with the length comes first. */
const fixedBytes: ReadonlyMap<number, number> = new Map([
  ...[0x01].map((type) => [type, 1] as const),
  ...[0x02, 0x0d].map((type) => [type, 2] as const),
  ...[0x03, 0x04, 0x09].map((type) => [type, 4] as const),
  ...[0x05, 0x08].map((type) => [type, 8] as const),
  ...[0x07, 0x0a, 0x0b, 0x0c].map((type) => [type, 0] as const),
]);
/** DECIMAL, VARCHAR, BIT, and from JSON on: strings with a length of one to nine bytes. */
const strings: ReadonlySet<number> = new Set([0x00, 0x0f, 0x10]);
const FIRST_STRING = 0xf5;

/** The command at bytes[from..end), whole; undefined: not known. */
export function bulkSets(
  bytes: Uint8Array,
  range: { readonly from: number; readonly end: number },
  parameters: number,
): number | undefined {
  const { from, end } = range;
  let at = from + TYPES_AT + TYPE_BYTES * parameters;
  if (parameters === 0 || at > end) return undefined;
  if ((uint16LE(bytes, from + FLAGS_AT) & TYPES_FOLLOW) === 0) return undefined;
  let sets = 0;
  while (at < end) {
    for (let index = 0; index < parameters; index++) {
      if (at >= end) return undefined;
      const indicator = bytes[at++] ?? 0;
      if (indicator > INDICATOR_MAX) return undefined;
      if (indicator !== INDICATOR_NONE) continue;
      const type = bytes[from + TYPES_AT + TYPE_BYTES * index] ?? 0;
      const length = valueBytes(bytes, at, type);
      if (length === undefined || length > end - at) return undefined;
      at += length;
    }
    sets++;
  }
  return sets;
}

/** Bytes of the value at `at` with its length; more than there are when it is cut. */
function valueBytes(bytes: Uint8Array, at: number, type: number): number | undefined {
  const fixed = fixedBytes.get(type);
  if (fixed === undefined) {
    return strings.has(type) || type >= FIRST_STRING ? stringBytes(bytes, at) : undefined;
  }
  return fixed === 0 ? 1 + (bytes[at] ?? 0) : fixed;
}

function stringBytes(bytes: Uint8Array, at: number): number | undefined {
  const first = bytes[at] ?? 0;
  if (first < 0xfb) return 1 + first;
  if (first === 0xfc) return 3 + uint16LE(bytes, at + 1);
  // What is longer is not looked at whole.
  return undefined;
}
