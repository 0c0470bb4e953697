/**
 * Query attributes of CLIENT_QUERY_ATTRIBUTES (MySQL internals manual, "COM_QUERY"): names and
 * values that travel with a statement. Invariant: of the values only trace context is kept; the
 * others are passed over by their lengths.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { mysqlLimits } from "./limits.ts";
import { encodedInteger, encodedWidth } from "./packets.ts";

export interface Attributes {
  /** What stands behind them. */
  readonly end: number;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

const CONTEXT_BYTES_MAX = 512;
const NAME_BYTES_MAX = 64;

/** Bytes of a value by its type; -1 = a length of one byte stands before it, 0 = encoded length. */
const widths: ReadonlyMap<number, number> = new Map([
  [0x01, 1],
  [0x02, 2],
  [0x0d, 2],
  [0x03, 4],
  [0x09, 4],
  [0x04, 4],
  [0x08, 8],
  [0x05, 8],
  [0x07, -1],
  [0x0a, -1],
  [0x0b, -1],
  [0x0c, -1],
]);
const TYPE_NULL = 0x06;

/**
 * The attributes of a statement: their number, (before the text of COM_QUERY) the number 1 of sets,
 * which values are null, types and names, values. undefined = this is no such list.
 */
export function readAttributes(
  bytes: Uint8Array,
  place: { readonly from: number; readonly end: number; readonly hasSets: boolean },
): Attributes | undefined {
  const { from, end, hasSets } = place;
  const count = encodedInteger(bytes, from, end);
  const sets = from + encodedWidth(bytes[from] ?? 0);
  if (count < 0 || count > mysqlLimits.attributesMax) return undefined;
  if (hasSets && bytes[sets] !== 1) return undefined;
  const nulls = sets + (hasSets ? 1 : 0);
  if (count === 0) return { end: nulls, traceparent: undefined, tracestate: undefined };
  const bound = nulls + ((count + 7) >> 3);
  if (bound >= end || bytes[bound] !== 1) return undefined;
  const types: number[] = [];
  const names: string[] = [];
  let at = bound + 1;
  for (let index = 0; index < count; index++) {
    const size = encodedInteger(bytes, at + 2, end);
    const start = at + 2 + encodedWidth(bytes[at + 2] ?? 0);
    if (size < 0 || start + size > end) return undefined;
    types.push(bytes[at] ?? 0);
    names.push(size > NAME_BYTES_MAX ? "" : latin1Of(bytes, start, start + size));
    at = start + size;
  }
  return readValues({ bytes, from: at, end, nulls }, types, names);
}

interface Values {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly end: number;
  readonly nulls: number;
}

function readValues(
  { bytes, from, end, nulls }: Values,
  types: readonly number[],
  names: readonly string[],
): Attributes | undefined {
  const context: Record<string, string> = {};
  let at = from;
  for (const [index, type] of types.entries()) {
    const isNull = (((bytes[nulls + (index >> 3)] ?? 0) >> (index & 7)) & 1) === 1;
    if (isNull || type === TYPE_NULL) continue;
    const width = widths.get(type) ?? 0;
    if (width > 0) at += width;
    else if (width < 0) at += 1 + (bytes[at] ?? 0);
    else {
      const size = encodedInteger(bytes, at, end);
      const start = at + encodedWidth(bytes[at] ?? 0);
      if (size < 0 || start + size > end) return undefined;
      const name = names[index];
      if ((name === "traceparent" || name === "tracestate") && size <= CONTEXT_BYTES_MAX) {
        context[name] = latin1Of(bytes, start, start + size);
      }
      at = start + size;
    }
    if (at > end) return undefined;
  }
  return { end: at, traceparent: context["traceparent"], tracestate: context["tracestate"] };
}
