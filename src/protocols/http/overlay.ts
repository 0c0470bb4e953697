/**
 * Protocols that are spoken on top of HTTP, of whatever version. An overlay looks at a request's
 * head; when the call is its own, it is shown the rest (the answer's head, trailers, and pieces of
 * the bodies if it wants them) and turns the HTTP span into one of its own.
 *
 * Invariant: an overlay sees bytes only during a call of its functions, keeps a bounded part of
 * them, never throws on them, and never decides when an exchange ends.
 *
 * Adding one: a folder beside overlays/grpc that exports an Overlay, and a line in
 * overlays/index.ts.
 */
import type { Side } from "../../model/connection.ts";
import type { Outcome } from "../../model/exchange.ts";
import type { SpanDraft } from "../../model/span.ts";
import type { CapturePolicy } from "../contract.ts";

/** Fields of a head or of trailers; valid only during the call that hands it over. */
export interface FieldReader {
  /**
   * The first value of a field that an overlay has asked for in `fields`; the name in lowercase.
   * undefined = absent, or not known.
   */
  field(name: string): string | undefined;
  /** Fields may be missing: they referred to what was not seen (HTTP/2). */
  readonly hasUnknown: boolean;
}

export interface RequestHead extends FieldReader {
  readonly method: string | undefined;
  /** Path and query as sent, or an absolute URL. */
  readonly target: string | undefined;
  readonly host: string | undefined;
  readonly version: string;
}

export interface ResponseHead extends FieldReader {
  /** Final, never 1xx; 0 = unknown. */
  readonly statusCode: number;
}

/** HTTP/2: the stream ended by RST_STREAM or GOAWAY. */
export interface Reset {
  /** Name of the error code (RFC 9113 section 7), or GOAWAY. */
  readonly code: string;
  /** Which side has sent it. */
  readonly by: Side;
}

/** How a call ended, as HTTP knows it. */
export interface CallEnd {
  readonly outcome: Outcome;
  readonly startNs: number;
  readonly endNs: number;
  /** 0 = none seen, or unknown. */
  readonly statusCode: number;
  readonly reset: Reset | undefined;
}

/** One request that an overlay has recognised. */
export interface OverlayCall {
  readonly overlay: Overlay;
  /** True while a field that decides what the call was may be among the unknown ones. */
  readonly lacksFields: boolean;
  /** Looked at before each piece of a body: body() and missed() are called only while true. */
  wantsBody(side: Side): boolean;
  /** Before each piece of a body that is shown: when its first byte moved. */
  moves?(side: Side, timeNs: number): void;
  /** Bytes [start..end) of a side's body, in order, as sent (coded by Content-Encoding). */
  body?(side: Side, bytes: Uint8Array, start: number, end: number): void;
  /** So many bytes of a side's body were not captured; Infinity = an unknown number. */
  missed?(side: Side, length: number): void;
  answered?(head: ResponseHead): void;
  /** Fields behind a side's body. */
  trailers?(side: Side, fields: FieldReader): void;
  /** The span of a call that is over. `draft` is what plain HTTP would say of it. Pure. */
  describe(draft: SpanDraft, end: CallEnd): SpanDraft;
}

export interface Overlay {
  /** Also the name in tracing.protocols.<id>.enabled. */
  readonly id: string;
  /** Names in lowercase of the fields that it reads, of either side and of trailers. */
  readonly fields: readonly string[];
  /** Whether the request is one of the overlay's; the first overlay that says so has it. */
  begin(head: RequestHead, policy?: CapturePolicy): OverlayCall | undefined;
}
