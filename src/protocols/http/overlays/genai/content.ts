/**
 * The JSON texts of one body, kept only where tracing.protocols.genai.content is on: the one of a
 * plain body, or each of a stream as it ends. Invariant: at most one text is kept at a time, to a
 * maximum; one that is longer, or has lost a part, is not given, and isCut says so.
 */
import { indexOfByte, textOf } from "../../../../lib/bytes.ts";
import { BodyPrefix } from "../../body-prefix.ts";
import type { ContentSink } from "../../body-reader.ts";
import type { LineForm } from "../../json-lines.ts";

const LF = 10;
const QUOTE = 34;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const DEPTH_MAX = 200;
const FIELD = "data:";
/** The end of OpenAI's streams. */
const DONE = "[DONE]";
const TEXT_BYTES_MAX = 256 * 1024;

export class ContentReader implements ContentSink {
  readonly #form: "text" | LineForm;
  readonly #said: (value: unknown) => void;
  #text = new BodyPrefix(TEXT_BYTES_MAX);
  #isCut = false;

  constructor(form: "text" | LineForm, said: (value: unknown) => void) {
    this.#form = form;
    this.#said = said;
  }

  /** A text was left out. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    while (this.#form !== "text" && from < end) {
      const lineFeed = indexOfByte(bytes, LF, from, end);
      if (lineFeed < 0) break;
      this.#text.add(bytes, from, lineFeed);
      this.#endText();
      from = lineFeed + 1;
    }
    if (from < end) this.#text.add(bytes, from, end);
  }

  miss(): void {
    this.#isCut = true;
    this.#text.miss();
  }

  /** No more comes. */
  finish(): void {
    this.#endText();
  }

  #endText(): void {
    const text = this.#text;
    if (text.start.length === 0 && text.isWhole) return;
    this.#text = new BodyPrefix(TEXT_BYTES_MAX);
    const { whole } = text;
    if (whole === undefined) {
      this.#isCut = true;
      return;
    }
    const written = textOf(whole, 0, whole.length);
    const json = this.#form === "events" ? dataOf(written) : written.trim() || undefined;
    if (json === undefined) return;
    const value = isDeep(whole) ? undefined : parsed(json);
    if (value !== undefined) this.#said(value);
    else this.#isCut ||= json.trim() !== DONE;
  }
}

/** What is nested deeper is no conversation; JSON.stringify takes the square of the depth. */
function isDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let isIn = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (isIn && byte === BACKSLASH) index++;
    else if (byte === QUOTE) isIn = !isIn;
    else if (isIn) continue;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > DEPTH_MAX) return true;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
  }
  return false;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Events of one line: the APIs send no others. */
function dataOf(line: string): string | undefined {
  return line.startsWith(FIELD) ? line.slice(FIELD.length) : undefined;
}
