/**
 * The content of one call, for its span. Invariant: nothing is kept of a call that was begun while
 * tracing.protocols.genai.content was off, and what is told has a maximum.
 */
import type { Attribute } from "../../../../model/attributes.ts";
import {
  ATTR_GEN_AI_INPUT_MESSAGES,
  ATTR_GEN_AI_OUTPUT_MESSAGES,
  ATTR_GEN_AI_SYSTEM_INSTRUCTIONS,
  ATTR_OLLY_GEN_AI_CONTENT_TRUNCATED,
} from "../../../../semconv/gen-ai.ts";
import type { LineForm } from "../../json-lines.ts";
import { ContentReader } from "./content.ts";
import { Budget, inputOf, type Json, outputOf, recordOf, systemOf } from "./messages.ts";
import { StreamedAnswer } from "./streamed.ts";

/** Of the input (with the instructions), and of the output. */
const CHARACTERS_MAX = 64 * 1024;

export class CallContent {
  #asked: Json | undefined;
  #answered: Json | undefined;
  #stream: StreamedAnswer | undefined;
  #answer: ContentReader | undefined;

  readonly request = new ContentReader("text", (value) => {
    this.#asked = recordOf(value);
  });

  /** The reader of the answer, once its form is known. */
  response(form: "text" | LineForm): ContentReader {
    const stream = form === "text" ? undefined : new StreamedAnswer();
    this.#stream = stream;
    this.#answer = new ContentReader(form, (value) => {
      if (stream === undefined) this.#answered = recordOf(value);
      else stream.add(value);
    });
    return this.#answer;
  }

  /** The bodies are over. */
  attributes(): Attribute[] {
    this.request.finish();
    this.#answer?.finish();
    const attributes: Attribute[] = [];
    const add = (name: string, items: readonly unknown[]) => {
      if (items.length > 0) attributes.push([name, JSON.stringify(items)]);
    };
    const input = new Budget(CHARACTERS_MAX);
    const output = new Budget(CHARACTERS_MAX);
    if (this.#asked !== undefined) {
      add(ATTR_GEN_AI_SYSTEM_INSTRUCTIONS, systemOf(this.#asked, input));
      add(ATTR_GEN_AI_INPUT_MESSAGES, inputOf(this.#asked, input));
    }
    const answered = this.#answered ?? this.#stream?.body();
    if (answered !== undefined) add(ATTR_GEN_AI_OUTPUT_MESSAGES, outputOf(answered, output));
    const isReadShort = this.request.isCut || this.#answer?.isCut === true;
    if (isReadShort || this.#stream?.isCut === true || input.isCut || output.isCut) {
      attributes.push([ATTR_OLLY_GEN_AI_CONTENT_TRUNCATED, true]);
    }
    return attributes;
  }
}
