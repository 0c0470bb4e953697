/**
 * Snappy's block format (google/snappy, format_description.txt). Invariant: the output is never
 * longer than asked for, whatever the input says of itself, and no byte of input is read twice.
 */
import { BlockOutput } from "./block-copy.ts";

/** Bytes in the length that stands before a block. */
const LENGTH_BYTES_MAX = 5;

/** The length that the block in input[start..end) says it has, and where its elements begin. */
function preamble(input: Uint8Array, start: number, end: number): [length: number, at: number] {
  let length = 0;
  for (let index = 0; index < LENGTH_BYTES_MAX && start + index < end; index++) {
    const byte = input[start + index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return [length, start + index + 1];
  }
  return [-1, start];
}

/**
 * The first `max` bytes of the block in input[start..end), or fewer where the input is cut off;
 * undefined when it is no such block. `whole`: the input is all there is of it.
 */
export function snappyPrefix(
  input: Uint8Array,
  range: { readonly start: number; readonly end: number; readonly whole: boolean },
  max: number,
): Uint8Array | undefined {
  const { start, end, whole } = range;
  let [size, at] = preamble(input, start, end);
  if (size < 0) return undefined;
  const output = new BlockOutput(Math.min(size, max));
  while (at < end && !output.isFull) {
    const used = element(input, at, end, output);
    if (used < 0) return undefined;
    if (used === 0) return whole ? undefined : output.written;
    at += used;
  }
  return whole && !output.isFull ? undefined : output.written;
}

/** One literal or copy: the bytes used, 0 when the input ends in it, -1 when it is wrong. */
function element(input: Uint8Array, at: number, end: number, output: BlockOutput): number {
  const tag = input[at] ?? 0;
  if ((tag & 3) === 0) return literal(input, at, end, output);
  const header = (tag & 3) === 1 ? 2 : (tag & 3) === 2 ? 3 : 5;
  if (at + header > end) return 0;
  let distance = input[at + 1] ?? 0;
  if (header === 2) distance += (tag >> 5) << 8;
  for (let index = 2; index < header; index++) {
    distance += (input[at + index] ?? 0) * 2 ** (8 * (index - 1));
  }
  const count = header === 2 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
  return output.repeat(distance, count) ? header : -1;
}

function literal(input: Uint8Array, at: number, end: number, output: BlockOutput): number {
  const short = (input[at] ?? 0) >> 2;
  const extra = short < 60 ? 0 : short - 59;
  if (at + 1 + extra > end) return 0;
  let count = short;
  if (extra > 0) {
    count = 0;
    for (let index = 0; index < extra; index++) {
      count += (input[at + 1 + index] ?? 0) * 2 ** (8 * index);
    }
  }
  const from = at + 1 + extra;
  output.literal(input, from, Math.min(from + count + 1, end));
  return from + count + 1 > end ? 0 : 1 + extra + count + 1;
}
