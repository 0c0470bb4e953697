/**
 * The one move that block compressors make: bytes that were written before, written again. Its
 * invariant: nothing is read before the output's beginning, nothing written behind its end.
 */

/** Output of a decompressor that stops at the output's size, or at the first thing wrong. */
export class BlockOutput {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  get isFull(): boolean {
    return this.length >= this.bytes.length;
  }

  /** Takes input[from..to), as far as there is room. */
  literal(input: Uint8Array, from: number, to: number): void {
    const count = Math.min(to - from, this.bytes.length - this.length);
    this.bytes.set(input.subarray(from, from + count), this.length);
    this.length += count;
  }

  /** Repeats `count` bytes from `distance` before the end; they may overlap what is written. */
  repeat(distance: number, count: number): boolean {
    if (distance <= 0 || distance > this.length) return false;
    const end = Math.min(this.length + count, this.bytes.length);
    const from = this.length - distance;
    if (from + end - this.length <= this.length) {
      this.bytes.copyWithin(this.length, from, from + end - this.length);
    } else {
      for (let at = this.length; at < end; at++) this.bytes[at] = this.bytes[at - distance] ?? 0;
    }
    this.length = end;
    return true;
  }

  get written(): Uint8Array {
    return this.length === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.length);
  }
}
