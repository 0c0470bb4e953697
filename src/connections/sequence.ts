/**
 * The order of one connection's messages by their sequence numbers (16 bits, wrapping). Invariant:
 * a number is accepted once; a missing one is either found among the next messages or declared
 * lost.
 */

/** Distance from `expected` to `actual` on the 16-bit circle, -32768..32767. */
export function sequenceDistance(expected: number, actual: number): number {
  return ((actual - expected + 0x8000) & 0xffff) - 0x8000;
}
