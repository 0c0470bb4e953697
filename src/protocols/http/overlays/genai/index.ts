/**
 * Calls of models by the GenAI conventions (1.41.1): OpenAI's chat completions, responses,
 * completions and embeddings and what others have made like them, Anthropic's messages, Ollama.
 * Invariant: no content of a conversation is kept or told unless the policy says so; a call is told
 * as such only when its body, too, is one. error.type: the code of the API's error, else that of
 * the HTTP span.
 */
import type { Attribute } from "../../../../model/attributes.ts";
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, StatusCode } from "../../../../model/span.ts";
import {
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_STREAM,
  ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK,
  ATTR_OPENAI_API_TYPE,
} from "../../../../semconv/gen-ai.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import { JsonBody, jsonFormOf } from "../../json-body.ts";
import type { CallEnd, Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { sharedAttributes, textAttribute } from "../../shared.ts";
import { type Api, apiOf, providerOf } from "./apis.ts";
import { RequestFacts, requestNodes } from "./request.ts";
import { ResponseFacts, responseNodes } from "./response.ts";
import { CallContent } from "./told-content.ts";

const NS_PER_SECOND = 1e9;

export const genai: Overlay = {
  id: "genai",
  fields: ["content-type", "content-encoding", "anthropic-version"],
  begin(head, policy) {
    if (head.method !== "POST") return undefined;
    const api = apiOf(head);
    if (api === undefined || jsonFormOf(head.field("content-type")) !== "text") return undefined;
    // The conventions have no content of embeddings.
    const isTold = policy?.genAiContent === true && api.operation !== "embeddings";
    return new GenAiCall(head, api, isTold ? new CallContent() : undefined);
  },
};

class GenAiCall implements OverlayCall {
  readonly overlay = genai;
  readonly lacksFields = false;
  readonly #api: Api;
  readonly #provider: string;
  readonly #asked = new RequestFacts();
  readonly #told: ResponseFacts;
  readonly #request: JsonBody;
  readonly #content: CallContent | undefined;
  #response: JsonBody | undefined;
  #streams = false;
  #firstNs = 0;

  constructor(head: RequestHead, api: Api, content: CallContent | undefined) {
    this.#content = content;
    this.#api = api;
    this.#provider = providerOf(api.family, head.host);
    this.#told = new ResponseFacts(api.family);
    const coding = head.field("content-encoding");
    const { picked } = this.#asked;
    const options = { nodes: requestNodes, picked, form: "text" as const, coding };
    this.#request = new JsonBody({ ...options, content: content?.request });
  }

  wantsBody(side: Side): boolean {
    const body = side === "request" ? this.#request : this.#response;
    return body !== undefined && (this.#streams || !body.isOver);
  }

  moves(side: Side, timeNs: number): void {
    if (side === "response" && this.#firstNs === 0) this.#firstNs = timeNs;
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    (side === "request" ? this.#request : this.#response)?.add(bytes, start, end);
  }

  missed(side: Side): void {
    (side === "request" ? this.#request : this.#response)?.miss();
  }

  answered(head: ResponseHead): void {
    const form = jsonFormOf(head.field("content-type"));
    if (form === undefined) return;
    this.#streams = form !== "text";
    const { picked } = this.#told;
    const coding = head.field("content-encoding");
    const content = this.#content?.response(form);
    this.#response = new JsonBody({ nodes: responseNodes, picked, form, coding, content });
  }

  describe(draft: SpanDraft, end: CallEnd): SpanDraft {
    this.#request.finish();
    this.#response?.finish();
    if (!this.#asked.isCertain) return draft;
    const { operation } = this.#api;
    const { model } = this.#asked;
    const errorType = this.#told.errorType ?? textAttribute(draft, ATTR_ERROR_TYPE);
    const attributes: Attribute[] = [
      [ATTR_GEN_AI_OPERATION_NAME, operation],
      [ATTR_GEN_AI_PROVIDER_NAME, this.#provider],
      ...this.#asked.attributes(),
      ...this.#streaming(end),
      ...this.#told.attributes(),
      ...(this.#content?.attributes() ?? []),
    ];
    if (this.#api.type !== undefined) attributes.push([ATTR_OPENAI_API_TYPE, this.#api.type]);
    if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
    return {
      name: `${operation} ${model}`,
      kind: draft.kind,
      attributes: [...attributes, ...sharedAttributes(draft)],
      status: errorType === undefined ? StatusCode.unset : StatusCode.error,
      statusMessage: undefined,
    };
  }

  /** Ollama streams unless it is told not to. */
  #streaming({ startNs }: CallEnd): Attribute[] {
    const byDefault = this.#api.family === "ollama" && this.#streams;
    if (!(this.#asked.stream ?? byDefault)) return [];
    const attributes: Attribute[] = [[ATTR_GEN_AI_REQUEST_STREAM, true]];
    if (this.#streams && this.#firstNs >= startNs) {
      const seconds = (this.#firstNs - startNs) / NS_PER_SECOND;
      attributes.push([ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds]);
    }
    return attributes;
  }
}
