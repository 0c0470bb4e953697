/**
 * Connect, the RPC protocol (connectrpc.com, "Connect Protocol Reference"), on any HTTP; spans by
 * docs/rpc/connect-rpc.md. Unary calls are plain requests whose errors are JSON; streams are
 * messages in envelopes, the last of which tells the error. Invariant: a code is told only when the
 * answer has said it, and content-coded errors, which are not decoded, say none.
 */
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, SpanKind } from "../../../../model/span.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import { RPC_SYSTEM_CONNECT } from "../../../../semconv/rpc.ts";
import { BodyPrefix } from "../../body-prefix.ts";
import { EnvelopeReader } from "../../envelope.ts";
import type { CallEnd, Overlay, OverlayCall, RequestHead, ResponseHead } from "../../overlay.ts";
import { attributeOf, rpcDraft, rpcMethodOf } from "../../rpc-span.ts";
import { codeOfHttp, codeOfReset, isCode, isServerError } from "./code.ts";

const STREAM_TYPE = "application/connect+";
const UNARY_TYPES = ["application/proto", "application/json"];
/** The flag of the envelope that ends a stream. */
const END_STREAM = 0x02;
const ERROR_BYTES_MAX = 8 * 1024;

export const connect: Overlay = {
  id: "connect",
  fields: ["content-type", "content-encoding", "connect-protocol-version"],
  begin(head) {
    const contentType = head.field("content-type") ?? "";
    if (head.method === "POST" && contentType.startsWith(STREAM_TYPE)) {
      return new ConnectCall(head, true);
    }
    if (head.method === "GET" && /[?&]connect=v1(&|$)/.test(head.target ?? "")) {
      return new ConnectCall(head, false);
    }
    if (head.method !== "POST" || head.field("connect-protocol-version") !== "1") return undefined;
    const type = contentType.split(";", 1)[0]?.trim() ?? "";
    return UNARY_TYPES.includes(type) ? new ConnectCall(head, false) : undefined;
  },
};

class ConnectCall implements OverlayCall {
  readonly overlay = connect;
  readonly lacksFields = false;
  readonly #method: string | undefined;
  readonly #streams: Readonly<Record<Side, EnvelopeReader>> | undefined;
  readonly #error = new BodyPrefix(ERROR_BYTES_MAX);
  #status = 0;
  #isCoded = false;

  constructor(head: RequestHead, isStream: boolean) {
    this.#method = rpcMethodOf(head.target);
    const options = { endFlags: END_STREAM, keptBytesMax: ERROR_BYTES_MAX };
    this.#streams = isStream
      ? { request: new EnvelopeReader(options), response: new EnvelopeReader(options) }
      : undefined;
  }

  /** Of a unary call only the body of an error says something. */
  wantsBody(side: Side): boolean {
    return this.#streams !== undefined || (side === "response" && this.#status >= 400);
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    if (this.#streams !== undefined) this.#streams[side].add(bytes, start, end);
    else this.#error.add(bytes, start, end);
  }

  missed(side: Side, length: number): void {
    if (this.#streams !== undefined) this.#streams[side].miss(length);
    else this.#error.miss();
  }

  answered(head: ResponseHead): void {
    this.#status = head.statusCode;
    this.#isCoded = (head.field("content-encoding") ?? "identity") !== "identity";
  }

  describe(draft: SpanDraft, end: CallEnd): SpanDraft {
    const code = this.#code(end);
    const isServer = draft.kind === SpanKind.server;
    const isError = code !== undefined && (!isServer || isServerError(code));
    const transport = code === undefined && end.statusCode === 0;
    const broken = transport ? attributeOf(draft, ATTR_ERROR_TYPE) : undefined;
    return rpcDraft(draft, {
      system: RPC_SYSTEM_CONNECT,
      method: this.#method,
      isMethodKnown: code !== "unimplemented" && this.#method?.includes("/") === true,
      status: code,
      errorType: isError ? code : typeof broken === "string" ? broken : undefined,
      requestMessages: this.#streams?.request.messages,
      responseMessages: this.#streams?.response.messages,
    });
  }

  /** The error's code; undefined = no error, or none that is known. */
  #code({ reset, statusCode }: CallEnd): string | undefined {
    if (reset !== undefined && statusCode < 400) return codeOfReset(reset.code);
    const bytes = this.#streams === undefined ? this.#error.whole : this.#streams.response.end;
    const told = this.#isCoded || bytes === undefined ? undefined : toldCode(bytes);
    if (told !== undefined) return told;
    return statusCode >= 400 ? codeOfHttp(statusCode) : undefined;
  }
}

/** {"code": …} of a unary error, {"error": {"code": …}} of a stream's end. */
function toldCode(bytes: Uint8Array): string | undefined {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return codeIn(json) ?? codeIn(propertyOf(json, "error"));
  } catch {
    return undefined;
  }
}

function codeIn(value: unknown): string | undefined {
  const code = propertyOf(value, "code");
  return typeof code === "string" && isCode(code) ? code : undefined;
}

function propertyOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
