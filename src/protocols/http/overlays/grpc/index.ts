/**
 * gRPC on HTTP/2 and grpc-web on any HTTP (docs/rpc/grpc.md of the semantic conventions). The span
 * covers the call with all its messages. Invariant: a status is told only when the answer, or the
 * end of its stream, has said it.
 */
import type { Side } from "../../../../model/connection.ts";
import { type SpanDraft, SpanKind } from "../../../../model/span.ts";
import { ATTR_ERROR_TYPE } from "../../../../semconv/network.ts";
import { RPC_SYSTEM_GRPC } from "../../../../semconv/rpc.ts";
import { EnvelopeReader } from "../../envelope.ts";
import type {
  CallEnd,
  FieldReader,
  Overlay,
  OverlayCall,
  RequestHead,
  ResponseHead,
} from "../../overlay.ts";
import { attributeOf, rpcDraft, rpcMethodOf } from "../../rpc-span.ts";
import { Base64Reader } from "./base64.ts";
import { isServerError, statusName, statusOfHttp, statusOfReset, timeoutNs } from "./status.ts";

const CONTENT_TYPE = "application/grpc";
/** grpc-web: the flag of the message that holds the trailers. */
const WEB_TRAILERS = 0x80;
const TRAILERS_BYTES_MAX = 8 * 1024;
/** A client rounds its timeout, and begins to count before it writes. */
const TIMEOUT_SHARE = 0.98;

/** perhaps: the type of the body is not known; bodies that are messages to the byte prove it. */
const Form = { plain: 0, web: 1, webText: 2, perhaps: 3 } as const;
type Form = (typeof Form)[keyof typeof Form];

export const grpc: Overlay = {
  id: "grpc",
  fields: ["content-type", "grpc-status", "grpc-timeout"],
  begin(head) {
    const contentType = head.field("content-type");
    if (contentType === undefined && head.hasUnknown && head.method === "POST") {
      return new GrpcCall(head, Form.perhaps);
    }
    if (contentType?.startsWith(CONTENT_TYPE) !== true || head.method !== "POST") return undefined;
    const kind = contentType.slice(CONTENT_TYPE.length).split(/[;+]/, 1)[0]?.trim();
    if (kind === "") return head.version === "2" ? new GrpcCall(head, Form.plain) : undefined;
    if (kind === "-web") return new GrpcCall(head, Form.web);
    return kind === "-web-text" ? new GrpcCall(head, Form.webText) : undefined;
  },
};

class GrpcCall implements OverlayCall {
  readonly overlay = grpc;
  readonly #form: Form;
  readonly #method: string | undefined;
  readonly #timeoutNs: number | undefined;
  readonly #readers: Readonly<Record<Side, EnvelopeReader>>;
  readonly #texts: Readonly<Record<Side, Base64Reader>> | undefined;
  #status: string | undefined;
  #hasUnknown = false;

  constructor(head: RequestHead, form: Form) {
    this.#form = form;
    this.#method = rpcMethodOf(head.target);
    this.#timeoutNs = timeoutNs(head.field("grpc-timeout"));
    const options = { endFlags: this.#isWeb ? WEB_TRAILERS : 0, keptBytesMax: TRAILERS_BYTES_MAX };
    this.#readers = {
      request: new EnvelopeReader(options),
      response: new EnvelopeReader(options),
    };
    this.#texts =
      form === Form.webText
        ? { request: new Base64Reader(), response: new Base64Reader() }
        : undefined;
  }

  get #isWeb(): boolean {
    return this.#form === Form.web || this.#form === Form.webText;
  }

  get #isCertain(): boolean {
    if (this.#form !== Form.perhaps) return true;
    const { request, response } = this.#readers;
    return request.fits && response.fits && (request.messages ?? 0) > 0;
  }

  get lacksFields(): boolean {
    return !this.#isCertain || (this.#hasUnknown && this.#status === undefined);
  }

  wantsBody(): boolean {
    return true;
  }

  body(side: Side, bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#readers[side];
    if (this.#texts === undefined) reader.add(bytes, start, end);
    else {
      const decoded = this.#texts[side].decode(bytes, start, end);
      if (decoded === undefined) reader.miss(Number.POSITIVE_INFINITY);
      else reader.add(decoded, 0, decoded.length);
    }
  }

  missed(side: Side, length: number): void {
    this.#readers[side].miss(this.#texts === undefined ? length : Number.POSITIVE_INFINITY);
  }

  answered(head: ResponseHead): void {
    this.#read(head);
  }

  trailers(side: Side, fields: FieldReader): void {
    if (side === "response") this.#read(fields);
  }

  #read(fields: FieldReader): void {
    const status = fields.field("grpc-status");
    if (status !== undefined) this.#status = statusName(status.trim());
    if (fields.hasUnknown) this.#hasUnknown = true;
  }

  describe(draft: SpanDraft, end: CallEnd): SpanDraft {
    if (!this.#isCertain) return draft;
    const status = this.#finalStatus(end);
    const isServer = draft.kind === SpanKind.server;
    const isError = status !== undefined && (isServer ? isServerError(status) : status !== "OK");
    const transport = status === undefined ? attributeOf(draft, ATTR_ERROR_TYPE) : undefined;
    return rpcDraft(draft, {
      system: RPC_SYSTEM_GRPC,
      method: this.#method,
      isMethodKnown: status !== "UNIMPLEMENTED" && this.#method?.includes("/") === true,
      status,
      errorType: isError ? status : typeof transport === "string" ? transport : undefined,
      requestMessages: this.#readers.request.messages,
      responseMessages: this.#readers.response.messages,
    });
  }

  #finalStatus(end: CallEnd): string | undefined {
    const told = this.#status ?? (this.#isWeb ? this.#webStatus() : undefined);
    if (told !== undefined) return told;
    const { reset, statusCode, outcome } = end;
    if (reset !== undefined) {
      const isCancel = reset.code === "CANCEL" && reset.by === "request";
      const isLate = end.endNs - end.startNs >= (this.#timeoutNs ?? Infinity) * TIMEOUT_SHARE;
      return isCancel && isLate ? "DEADLINE_EXCEEDED" : statusOfReset(reset.code);
    }
    if (statusCode > 0 && statusCode !== 200) return statusOfHttp(statusCode);
    const isSilent = outcome === "complete" && statusCode === 200 && !this.#hasUnknown;
    return isSilent && this.#readers.response.messages !== undefined ? "UNKNOWN" : undefined;
  }

  /** grpc-web: the trailers are the last message, as lines of HTTP/1. */
  #webStatus(): string | undefined {
    const { end } = this.#readers.response;
    if (end === undefined) return undefined;
    const lines = new TextDecoder("latin1").decode(end).split(/\r?\n/);
    for (const line of lines) {
      const status = /^grpc-status[ \t]*:[ \t]*(\d+)[ \t]*$/i.exec(line)?.[1];
      if (status !== undefined) return statusName(status);
    }
    return undefined;
  }
}
