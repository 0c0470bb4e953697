/**
 * What an answer of a GenAI API says beside its content: one JSON text, or a stream of them whose
 * later ones correct the earlier. Invariant: content is never kept, and what a stream has not said
 * is left out.
 */
import type { Attribute } from "../../../../model/attributes.ts";
import {
  ATTR_GEN_AI_RESPONSE_FINISH_REASONS,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_USAGE_CACHE_CREATION_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_READ_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_TOKENS,
  ATTR_OPENAI_RESPONSE_SERVICE_TIER,
  ATTR_OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
} from "../../../../semconv/gen-ai.ts";
import { type Picked, pickNodes } from "../../json-picker.ts";
import type { Family } from "./apis.ts";

const REASONS_MAX = 32;
/** What may stand in error.type: a code, never a sentence. */
const CODE = /^[A-Za-z0-9_.-]{1,64}$/;

const TEXTS: Readonly<Record<string, string>> = {
  id: ATTR_GEN_AI_RESPONSE_ID,
  model: ATTR_GEN_AI_RESPONSE_MODEL,
  service_tier: ATTR_OPENAI_RESPONSE_SERVICE_TIER,
  system_fingerprint: ATTR_OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
};
const COUNTS: Readonly<Record<string, string>> = {
  "usage.prompt_tokens": ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  "usage.input_tokens": ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  "usage.completion_tokens": ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  "usage.output_tokens": ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  "usage.prompt_tokens_details.cached_tokens": ATTR_GEN_AI_USAGE_CACHE_READ_TOKENS,
  "usage.input_tokens_details.cached_tokens": ATTR_GEN_AI_USAGE_CACHE_READ_TOKENS,
  "usage.cache_read_input_tokens": ATTR_GEN_AI_USAGE_CACHE_READ_TOKENS,
  "usage.cache_creation_input_tokens": ATTR_GEN_AI_USAGE_CACHE_CREATION_TOKENS,
  "usage.completion_tokens_details.reasoning_tokens": ATTR_GEN_AI_USAGE_REASONING_TOKENS,
  "usage.output_tokens_details.reasoning_tokens": ATTR_GEN_AI_USAGE_REASONING_TOKENS,
  prompt_eval_count: ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  eval_count: ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
};
const REASONS: ReadonlySet<string> = new Set([
  ...["choices[].finish_reason", "stop_reason", "delta.stop_reason", "done_reason"],
]);
const ERRORS: ReadonlySet<string> = new Set(["error", "error.code", "error.type"]);

/** Streams wrap the whole answer: "response" (OpenAI's responses), "message" (Anthropic). */
const WRAPPERS = ["response.", "message."];
const STATUS = ["status", "incomplete_details.reason"];
const plain = [...Object.keys(TEXTS), ...Object.keys(COUNTS), ...REASONS, ...ERRORS, ...STATUS];

export const responseNodes = pickNodes([
  ...plain,
  ...WRAPPERS.flatMap((wrapper) => plain.map((path) => wrapper + path)),
]);

export class ResponseFacts {
  readonly #family: Family;
  readonly #texts = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #reasons: string[] = [];
  #status: string | undefined;
  #incomplete: string | undefined;
  #hasError = false;
  #errorCode: string | undefined;
  #errorKind: string | undefined;

  constructor(family: Family) {
    this.#family = family;
  }

  /** Of an error in the answer, its code; undefined = there is none. */
  get errorType(): string | undefined {
    return this.#hasError ? (this.#errorCode ?? this.#errorKind ?? "_OTHER") : undefined;
  }

  readonly picked = (written: string, value: Picked): void => {
    const wrapper = WRAPPERS.find((one) => written.startsWith(one)) ?? "";
    const path = written.slice(wrapper.length);
    if (ERRORS.has(path)) this.#noteError(path, value);
    else if (typeof value === "number") this.#noteCount(path, value);
    else if (typeof value === "string" && value !== "") this.#noteText(path, value);
  };

  #noteCount(path: string, value: number): void {
    const name = COUNTS[path];
    if (name !== undefined && Number.isSafeInteger(value) && value >= 0) {
      this.#counts.set(name, value);
    }
  }

  #noteText(path: string, value: string): void {
    const name = TEXTS[path];
    if (name !== undefined) this.#texts.set(name, value);
    else if (path === "status") this.#status = value;
    else if (path === "incomplete_details.reason") this.#incomplete = value;
    else if (REASONS.has(path) && this.#reasons.length < REASONS_MAX) this.#reasons.push(value);
  }

  #noteError(path: string, value: Picked): void {
    if (value === null) return;
    this.#hasError = true;
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text !== "string" || !CODE.test(text)) return;
    if (path === "error.code") this.#errorCode = text;
    else if (path === "error.type") this.#errorKind = text;
  }

  attributes(): Attribute[] {
    const attributes: Attribute[] = [...this.#texts];
    const reasons = this.#finishReasons();
    if (reasons.length > 0) attributes.push([ATTR_GEN_AI_RESPONSE_FINISH_REASONS, reasons]);
    const cached =
      (this.#counts.get(ATTR_GEN_AI_USAGE_CACHE_READ_TOKENS) ?? 0) +
      (this.#counts.get(ATTR_GEN_AI_USAGE_CACHE_CREATION_TOKENS) ?? 0);
    for (const [name, count] of this.#counts) {
      // Anthropic counts what went through a cache apart (docs/gen-ai/anthropic.md).
      const isApart = this.#family === "anthropic" && name === ATTR_GEN_AI_USAGE_INPUT_TOKENS;
      attributes.push([name, isApart ? count + cached : count]);
    }
    return attributes;
  }

  /** The responses API has a status instead, and a reason when the answer is incomplete. */
  #finishReasons(): string[] {
    if (this.#reasons.length > 0) return [...this.#reasons];
    const told = this.#incomplete ?? (this.#status === "completed" ? this.#status : undefined);
    return told === undefined ? [] : [told];
  }
}
