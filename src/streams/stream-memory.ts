/**
 * What all connections together keep of their bytes. Invariant: `bytes` is the sum of what every
 * stream and every held message has reported and not taken back.
 */

export class StreamMemory {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Somebody has to give up what he keeps. */
  get isExceeded(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** `bytes` is negative when memory is given back. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }
}
