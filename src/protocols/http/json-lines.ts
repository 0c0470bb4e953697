/**
 * Streams of JSON texts: server-sent events (WHATWG HTML, section 9.2) with a text in the data of
 * each, and lines of JSON. Invariant: a line is never kept, and what is lost ends its line only.
 */
import type { JsonPicker } from "./json-picker.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const FIELD = "data:";

/** events: only the data of events is JSON. */
export type LineForm = "events" | "lines";

export class JsonLines {
  readonly #picker: JsonPicker;
  readonly #form: LineForm;
  readonly #ended: () => void;
  /** Bytes of the line that have fitted "data:"; -1 = the line is another field or a comment. */
  #fits = 0;
  #isBegun = false;
  #isLost = false;

  /** `ended` is called behind each text. */
  constructor(picker: JsonPicker, form: LineForm, ended: () => void) {
    this.#picker = picker;
    this.#form = form;
    this.#ended = ended;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    let index = start;
    while (index < end) {
      if (this.#inData) {
        const found = bytes.indexOf(LF, index);
        const to = found < 0 || found >= end ? end : found;
        if (to > index) this.#data(bytes, index, to);
        if (to === end) return;
        this.#endLine();
        index = to + 1;
      } else this.#head(bytes[index++] ?? 0);
    }
  }

  /** So many bytes, or Infinity = an unknown number, are missing: the next line end is awaited. */
  miss(): void {
    this.#picker.break();
    this.#isLost = true;
    this.#isBegun = false;
    this.#fits = -1;
  }

  get #inData(): boolean {
    return !this.#isLost && (this.#form === "lines" || this.#fits === FIELD.length);
  }

  #head(byte: number): void {
    if (byte === LF) this.#endLine();
    else if (this.#fits >= 0 && byte === FIELD.charCodeAt(this.#fits)) this.#fits++;
    else this.#fits = -1;
  }

  #data(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    if (!this.#isBegun) {
      while (from < end && (bytes[from] === SPACE || bytes[from] === CR)) from++;
      if (from === end) return;
      this.#isBegun = true;
      this.#picker.restart();
    }
    this.#picker.add(bytes, from, end);
  }

  #endLine(): void {
    this.#isLost = false;
    this.#fits = 0;
    if (this.#isBegun) this.#ended();
    this.#isBegun = false;
  }
}
