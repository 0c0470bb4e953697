/** What a request of a GenAI API says beside its content. Invariant: content is never kept. */
import type { Attribute } from "../../../../model/attributes.ts";
import {
  ATTR_GEN_AI_CONVERSATION_ID,
  ATTR_GEN_AI_OUTPUT_TYPE,
  ATTR_GEN_AI_REQUEST_CHOICE_COUNT,
  ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  ATTR_GEN_AI_REQUEST_SEED,
  ATTR_GEN_AI_REQUEST_STOP_SEQUENCES,
  ATTR_GEN_AI_REQUEST_TEMPERATURE,
  ATTR_GEN_AI_REQUEST_TOP_K,
  ATTR_GEN_AI_REQUEST_TOP_P,
  ATTR_OPENAI_REQUEST_SERVICE_TIER,
} from "../../../../semconv/gen-ai.ts";
import { type Picked, pickNodes } from "../../json-picker.ts";

const STOPS_MAX = 16;

/** Keys whose presence shows that the request asks a model for something. */
const INPUTS: ReadonlySet<string> = new Set(["messages", "input", "prompt"]);

/** Where a number or a text of the request goes; of several, the last one that was sent. */
const NAMES: Readonly<Record<string, string>> = {
  model: ATTR_GEN_AI_REQUEST_MODEL,
  n: ATTR_GEN_AI_REQUEST_CHOICE_COUNT,
  seed: ATTR_GEN_AI_REQUEST_SEED,
  temperature: ATTR_GEN_AI_REQUEST_TEMPERATURE,
  top_p: ATTR_GEN_AI_REQUEST_TOP_P,
  top_k: ATTR_GEN_AI_REQUEST_TOP_K,
  frequency_penalty: ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  presence_penalty: ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  max_tokens: ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  max_completion_tokens: ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  max_output_tokens: ATTR_GEN_AI_REQUEST_MAX_TOKENS,
  service_tier: ATTR_OPENAI_REQUEST_SERVICE_TIER,
  conversation: ATTR_GEN_AI_CONVERSATION_ID,
  "conversation.id": ATTR_GEN_AI_CONVERSATION_ID,
  "options.seed": ATTR_GEN_AI_REQUEST_SEED,
  "options.temperature": ATTR_GEN_AI_REQUEST_TEMPERATURE,
  "options.top_p": ATTR_GEN_AI_REQUEST_TOP_P,
  "options.top_k": ATTR_GEN_AI_REQUEST_TOP_K,
  "options.frequency_penalty": ATTR_GEN_AI_REQUEST_FREQUENCY_PENALTY,
  "options.presence_penalty": ATTR_GEN_AI_REQUEST_PRESENCE_PENALTY,
  "options.num_predict": ATTR_GEN_AI_REQUEST_MAX_TOKENS,
};
const TEXTS: ReadonlySet<string> = new Set([
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_OPENAI_REQUEST_SERVICE_TIER,
  ATTR_GEN_AI_CONVERSATION_ID,
]);
const INTEGERS: ReadonlySet<string> = new Set([
  ATTR_GEN_AI_REQUEST_CHOICE_COUNT,
  ATTR_GEN_AI_REQUEST_SEED,
  ATTR_GEN_AI_REQUEST_TOP_K,
  ATTR_GEN_AI_REQUEST_MAX_TOKENS,
]);
const STOPS: ReadonlySet<string> = new Set([
  ...["stop", "stop[]", "stop_sequences[]", "options.stop", "options.stop[]"],
]);
const FORMATS: ReadonlySet<string> = new Set(["response_format.type", "text.format.type"]);

export const requestNodes = pickNodes([
  ...Object.keys(NAMES),
  ...STOPS,
  ...FORMATS,
  ...[...INPUTS].map((key) => `${key}*`),
  "stream",
]);

export class RequestFacts {
  readonly #values = new Map<string, string | number>();
  readonly #stops: string[] = [];
  #outputType: string | undefined;
  #hasInput = false;
  /** undefined = not said. */
  stream: boolean | undefined;

  get model(): string | undefined {
    const model = this.#values.get(ATTR_GEN_AI_REQUEST_MODEL);
    return typeof model === "string" ? model : undefined;
  }

  /** The body is that of a request to a model. */
  get isCertain(): boolean {
    return this.#hasInput && this.model !== undefined;
  }

  readonly picked = (path: string, value: Picked): void => {
    if (INPUTS.has(path)) this.#hasInput = value !== null;
    else if (path === "stream") {
      if (typeof value === "boolean") this.stream = value;
    } else if (STOPS.has(path)) {
      if (typeof value === "string" && this.#stops.length < STOPS_MAX) this.#stops.push(value);
    } else if (FORMATS.has(path)) this.#outputType = outputTypeOf(value);
    else this.#note(NAMES[path], value);
  };

  #note(name: string | undefined, value: Picked): void {
    if (name === undefined) return;
    const isText = TEXTS.has(name);
    if (isText ? typeof value === "string" && value !== "" : typeof value === "number") {
      this.#values.set(name, value as string | number);
    }
  }

  attributes(): Attribute[] {
    const attributes: Attribute[] = [];
    for (const [name, value] of this.#values) {
      if (name === ATTR_GEN_AI_REQUEST_CHOICE_COUNT && value === 1) continue;
      if (name === ATTR_OPENAI_REQUEST_SERVICE_TIER && value === "auto") continue;
      if (INTEGERS.has(name) && !Number.isSafeInteger(value)) continue;
      attributes.push([name, value]);
    }
    if (this.#stops.length > 0) {
      attributes.push([ATTR_GEN_AI_REQUEST_STOP_SEQUENCES, [...this.#stops]]);
    }
    if (this.#outputType !== undefined) {
      attributes.push([ATTR_GEN_AI_OUTPUT_TYPE, this.#outputType]);
    }
    return attributes;
  }
}

function outputTypeOf(value: Picked): string | undefined {
  if (value === "text") return "text";
  return value === "json_object" || value === "json_schema" ? "json" : undefined;
}
