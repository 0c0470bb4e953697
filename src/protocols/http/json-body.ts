/**
 * A body of JSON, or of a stream of JSON texts, from which values are picked. Invariant: a body is
 * never kept as such; one that is coded is decoded when it is over.
 */
import { BodyReader, type ContentSink } from "./body-reader.ts";
import { JsonLines, type LineForm } from "./json-lines.ts";
import { JsonPicker, type Picked, type PickNode } from "./json-picker.ts";

export interface JsonBodyOptions {
  readonly nodes: PickNode;
  readonly picked: (path: string, value: Picked) => void;
  /** Behind each text of a stream. */
  readonly textEnded?: () => void;
  readonly form: "text" | LineForm;
  readonly coding: string | undefined;
  /** Is given all of the decoded body, too. */
  readonly content?: ContentSink | undefined;
}

export class JsonBody {
  readonly #picker: JsonPicker;
  readonly #reader: BodyReader;
  #isLacking = false;

  constructor({ nodes, picked, textEnded, form, coding, content }: JsonBodyOptions) {
    const picker = new JsonPicker(nodes, picked);
    this.#picker = picker;
    const lines = form === "text" ? picker : new JsonLines(picker, form, textEnded ?? (() => {}));
    this.#reader = new BodyReader(coding, {
      add: (bytes, start, end) => {
        content?.add(bytes, start, end);
        lines.add(bytes, start, end);
      },
      miss: () => {
        content?.miss();
        this.#isLacking = true;
        if (lines === picker) picker.break();
        else (lines as JsonLines).miss();
      },
    });
  }

  /** A part of the body was not seen, or could not be decoded. */
  get isLacking(): boolean {
    return this.#isLacking;
  }

  /** Nothing more can come of it (a stream is never over). */
  get isOver(): boolean {
    return this.#picker.isOver;
  }

  /** The one text of the body has been read to its end. */
  get isWhole(): boolean {
    return this.#picker.isWhole;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    this.#reader.add(bytes, start, end);
  }

  miss(): void {
    this.#reader.miss();
  }

  finish(): void {
    this.#reader.finish();
  }
}

/** The form in which a body of this type holds JSON; undefined = it holds none. */
export function jsonFormOf(contentType: string | undefined): "text" | LineForm | undefined {
  if (contentType === undefined) return undefined;
  if (contentType === "application/json") return "text";
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "text/event-stream") return "events";
  if (type.endsWith("ndjson") || type.endsWith("jsonl")) return "lines";
  return type.endsWith("/json") || type.endsWith("+json") ? "text" : undefined;
}
