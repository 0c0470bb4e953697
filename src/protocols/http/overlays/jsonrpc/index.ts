/**
 * JSON-RPC 2.0 over HTTP (docs/rpc/json-rpc.md), alone or as a batch, answered by JSON or by a
 * stream of events. Invariant: params and results are never kept. error.type: the error's code,
 * also behind a status of 200; of a batch with several codes _OTHER.
 */
import type { Side } from "../../../../model/connection.ts";
import type { SpanDraft } from "../../../../model/span.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import {
  ATTR_JSONRPC_PROTOCOL_VERSION,
  ATTR_JSONRPC_REQUEST_ID,
  RPC_SYSTEM_JSONRPC,
} from "../../../../semconv/rpc.ts";
import { JsonBody, jsonFormOf } from "../../json-body.ts";
import { type Picked, pickNodes } from "../../json-picker.ts";
import type { Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { rpcDraft } from "../../rpc-span.ts";
import { textAttribute } from "../../shared.ts";

const VERSION = "2.0";
/** JSON-RPC 2.0 section 5.1: Method not found. */
const METHOD_NOT_FOUND = "-32601";
const ERROR_OTHER = "_OTHER";
const CODES_MAX = 100;

const requestNodes = pickNodes([...["jsonrpc", "method", "id", "[]", "[].jsonrpc", "[].method"]]);
const responseNodes = pickNodes(["id", "error.code", "result", "[]", "[].error.code"]);

export const jsonrpc: Overlay = {
  id: "jsonrpc",
  fields: ["content-type", "content-encoding"],
  /** It is recognised by its body: ../json-post.ts. */
  begin: () => undefined,
};

export class JsonRpcCall implements OverlayCall {
  readonly overlay = jsonrpc;
  readonly lacksFields = false;
  readonly #request: JsonBody;
  #response: JsonBody | undefined;
  #isStream = false;
  #versions = 0;
  #isOther = false;
  #calls = 0;
  readonly #methods = new Set<string>();
  #id: string | undefined;
  #answers = 0;
  readonly #codes: string[] = [];
  /** Of the text that is under way. */
  #answerId: string | undefined;
  #answerCode: string | undefined;

  constructor(head: RequestHead) {
    this.#request = new JsonBody({
      nodes: requestNodes,
      picked: (path, value) => this.#asks(path, value),
      form: "text",
      coding: head.field("content-encoding"),
    });
  }

  #asks(path: string, value: Picked): void {
    if (path === "[]") this.#calls++;
    else if (path.endsWith("jsonrpc")) {
      if (value === VERSION) this.#versions++;
      else this.#isOther = true;
    } else if (path.endsWith("method")) {
      if (typeof value === "string" && this.#methods.size < 2) this.#methods.add(value);
    } else this.#id = idOf(value);
  }

  #told(path: string, value: Picked): void {
    if (path === "id") this.#answerId = idOf(value);
    else if (path === "[]") this.#answers++;
    else if (path.endsWith("error.code") && typeof value === "number") {
      this.#answerCode = String(value);
      if (path.startsWith("[]")) this.#endText();
    }
  }

  /** A stream may hold requests and answers of others, too (their ids differ). */
  #endText(): void {
    const code = this.#answerCode;
    const isOwn = !this.#isStream || this.#answerId === this.#id;
    if (code !== undefined && isOwn && this.#codes.length < CODES_MAX) this.#codes.push(code);
    this.#answerCode = undefined;
    this.#answerId = undefined;
  }

  wantsBody(side: Side): boolean {
    const body = side === "request" ? this.#request : this.#response;
    return body !== undefined && ((side === "response" && this.#isStream) || !body.isOver);
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
    this.#isStream = form !== "text";
    this.#response = new JsonBody({
      nodes: responseNodes,
      picked: (path, value) => this.#told(path, value),
      textEnded: () => this.#endText(),
      form,
      coding: head.field("content-encoding"),
    });
  }

  describe(draft: SpanDraft): SpanDraft {
    this.#request.finish();
    this.#response?.finish();
    this.#endText();
    const isBatch = this.#calls > 0;
    const isCertain = !this.#isOther && this.#methods.size > 0 && this.#versions > 0;
    if (!isCertain || (isBatch && this.#versions < this.#calls)) return draft;
    const codes = new Set(this.#codes);
    const code = codes.size === 1 ? this.#codes[0] : undefined;
    const errorType =
      codes.size > 1 ? ERROR_OTHER : (code ?? textAttribute(draft, ATTR_ERROR_TYPE));
    const method = this.#methods.size === 1 ? [...this.#methods][0] : undefined;
    const made = rpcDraft(draft, {
      system: RPC_SYSTEM_JSONRPC,
      method,
      isMethodKnown: !codes.has(METHOD_NOT_FOUND),
      status: code,
      errorType,
      requestMessages: isBatch && !this.#request.isLacking ? this.#calls : undefined,
      responseMessages: isBatch && this.#response?.isWhole ? this.#answers : undefined,
    });
    made.attributes.push([ATTR_JSONRPC_PROTOCOL_VERSION, VERSION]);
    if (this.#id !== undefined) made.attributes.push([ATTR_JSONRPC_REQUEST_ID, this.#id]);
    return made;
  }
}

function idOf(value: Picked): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
