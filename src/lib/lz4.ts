/**
 * LZ4's block format (lz4/lz4, doc/lz4_Block_format.md). Invariant: the output is never longer than
 * asked for, whatever the input says, and no byte of input is read twice.
 */
import { BlockOutput } from "./block-copy.ts";

const MATCH_MIN = 4;

/**
 * The first bytes of the block in input[start..end), at most `size`, or fewer where the input is
 * cut off; undefined when it is no such block. `whole`: the input is all there is of it, and the
 * block holds at least `size` bytes.
 */
export function lz4Prefix(
  input: Uint8Array,
  range: { readonly start: number; readonly end: number; readonly whole: boolean },
  size: number,
): Uint8Array | undefined {
  const { start, end, whole } = range;
  const output = new BlockOutput(size);
  let at = start;
  while (at < end && !output.isFull) {
    const token = input[at++] ?? 0;
    let literals = token >> 4;
    if (literals === 15) {
      const used = extension(input, at, end);
      if (used.next < 0) return whole ? undefined : output.written;
      literals += used.sum;
      at = used.next;
    }
    output.literal(input, at, Math.min(at + literals, end));
    at += literals;
    if (at >= end || output.isFull) break;
    const distance = (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8);
    if (at + 2 > end) return whole ? undefined : output.written;
    at += 2;
    let count = (token & 15) + MATCH_MIN;
    if ((token & 15) === 15) {
      const used = extension(input, at, end);
      if (used.next < 0) return whole ? undefined : output.written;
      count += used.sum;
      at = used.next;
    }
    if (!output.repeat(distance, count)) return undefined;
  }
  return whole && !output.isFull ? undefined : output.written;
}

/** A length that goes on in bytes of 255 until a smaller one; next = -1: the input ends in it. */
function extension(input: Uint8Array, start: number, end: number): { sum: number; next: number } {
  let sum = 0;
  for (let at = start; at < end; at++) {
    const byte = input[at] ?? 0;
    sum += byte;
    if (byte !== 255) return { sum, next: at + 1 };
  }
  return { sum, next: -1 };
}
