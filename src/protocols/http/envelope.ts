/**
 * Messages that stand in a body behind five bytes each: flags and a length (gRPC, grpc-web,
 * Connect). Counts them, and keeps the payload of a marked one. Invariant: at most keptBytesMax are
 * kept, a length is only counted down, and after a loss nothing is counted any more.
 */
import { uint32BE } from "../../lib/bytes.ts";

const HEAD_BYTES = 5;
const COMPRESSED = 1;

export interface EnvelopeOptions {
  /** Messages with one of these flags are no messages, but the end; their payload is kept. */
  readonly endFlags: number;
  readonly keptBytesMax: number;
}

export class EnvelopeReader {
  readonly #options: EnvelopeOptions;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;
  #messages = 0;
  #isWhole = true;
  #isEnd = false;
  #hasStrange = false;
  #kept: Uint8Array | undefined;
  #keptBytes = 0;
  #endBytes = 0;

  constructor(options: EnvelopeOptions) {
    this.#options = options;
  }

  /** Whether all bytes so far are whole messages, with no other flag than that of compression. */
  get fits(): boolean {
    return this.#isWhole && !this.#hasStrange && this.#left === 0 && this.#headBytes === 0;
  }

  /** Messages that have begun; undefined when some may not have been seen. */
  get messages(): number | undefined {
    return this.#isWhole ? this.#messages : undefined;
  }

  /** The payload of the end; undefined when there is none, or not all of it was kept. */
  get end(): Uint8Array | undefined {
    return this.#kept !== undefined && this.#keptBytes === this.#endBytes ? this.#kept : undefined;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    let index = start;
    while (index < end && this.#isWhole) {
      if (this.#left > 0) {
        const length = Math.min(this.#left, end - index);
        if (this.#isEnd) this.#keep(bytes.subarray(index, index + length));
        this.#left -= length;
        index += length;
      } else {
        this.#head[this.#headBytes++] = bytes[index++] ?? 0;
        if (this.#headBytes === HEAD_BYTES) this.#begin();
      }
    }
  }

  /** So many bytes were not captured: harmless inside a payload. */
  miss(length: number): void {
    if (length <= this.#left && !this.#isEnd) this.#left -= length;
    else this.#isWhole = false;
  }

  #begin(): void {
    this.#headBytes = 0;
    this.#left = uint32BE(this.#head, 1);
    this.#isEnd = ((this.#head[0] ?? 0) & this.#options.endFlags) !== 0;
    if ((this.#head[0] ?? 0) & ~(COMPRESSED | this.#options.endFlags)) this.#hasStrange = true;
    if (!this.#isEnd) this.#messages++;
    else {
      this.#endBytes = this.#left;
      this.#keptBytes = 0;
      this.#kept = new Uint8Array(Math.min(this.#left, this.#options.keptBytesMax));
    }
  }

  #keep(payload: Uint8Array): void {
    const kept = this.#kept;
    if (kept === undefined) return;
    const part = payload.subarray(0, kept.length - this.#keptBytes);
    kept.set(part, this.#keptBytes);
    this.#keptBytes += part.length;
  }
}
