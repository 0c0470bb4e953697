/**
 * The content of one body, decoded from its Content-Encoding (RFC 9110 section 8.4). A plain one is
 * given on as it comes; a coded one is kept, to a maximum, and given when it is asked for. What
 * cannot be read: more than one coding, codings other than gzip, deflate, br and zstd, and more
 * than the maximum.
 */
import { decoded } from "../../lib/inflate.ts";

const KEPT_BYTES_MAX = 256 * 1024;
const CONTENT_BYTES_MAX = 4 * 1024 * 1024;

export interface ContentSink {
  add(bytes: Uint8Array, start: number, end: number): void;
  /** A part is missing. */
  miss(): void;
}

export class BodyReader {
  readonly #sink: ContentSink;
  readonly #coding: string;
  #pieces: Uint8Array[] = [];
  #keptBytes = 0;
  #isCut = false;

  constructor(coding: string | undefined, sink: ContentSink) {
    const name = coding?.trim().toLowerCase() ?? "";
    this.#coding = name === "identity" ? "" : name;
    this.#sink = sink;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#coding === "") this.#sink.add(bytes, start, end);
    else if (this.#keptBytes + end - start > KEPT_BYTES_MAX) this.miss();
    else if (!this.#isCut) {
      this.#pieces.push(bytes.slice(start, end));
      this.#keptBytes += end - start;
    }
  }

  miss(): void {
    this.#isCut = true;
    if (this.#coding === "") this.#sink.miss();
  }

  /** No more comes: what was kept is decoded. */
  finish(): void {
    if (this.#pieces.length === 0) return;
    const content = decoded(this.#coding, Buffer.concat(this.#pieces), CONTENT_BYTES_MAX);
    this.#pieces = [];
    if (content !== undefined) this.#sink.add(content, 0, content.length);
    if (content === undefined || this.#isCut) this.#sink.miss();
  }
}
