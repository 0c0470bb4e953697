/** The first bytes of a body. Invariant: at most `bytesMax` are kept, none before the first one. */
const BYTES_MIN = 256;

export class BodyPrefix {
  readonly #bytesMax: number;
  #bytes = new Uint8Array(0);
  #length = 0;
  #isWhole = true;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What has come so far, up to the first byte that was missed or did not fit. */
  get start(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The same, when it is all that has come; undefined otherwise, or when nothing has. */
  get whole(): Uint8Array | undefined {
    return this.#isWhole && this.#length > 0 ? this.start : undefined;
  }

  /** Nothing was missed, and all of it fitted. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isWhole) return;
    const taken = Math.min(end - start, this.#bytesMax - this.#length);
    this.#reserve(this.#length + taken);
    this.#bytes.set(bytes.subarray(start, start + taken), this.#length);
    this.#length += taken;
    if (taken < end - start) this.#isWhole = false;
  }

  /** Bytes were not captured: what follows them is not kept. */
  miss(): void {
    this.#isWhole = false;
  }

  #reserve(length: number): void {
    if (this.#bytes.length >= length) return;
    const larger = Math.min(this.#bytesMax, 2 ** Math.ceil(Math.log2(length)));
    const bytes = new Uint8Array(Math.max(Math.min(BYTES_MIN, this.#bytesMax), larger));
    bytes.set(this.start);
    this.#bytes = bytes;
  }
}
