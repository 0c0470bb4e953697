/**
 * What the stages of this protocol hand to each other. Invariant: nothing here refers to the bytes
 * of a view; every text is a string of its own.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { CapturePolicy, ExchangeStart } from "../contract.ts";
import type { OverlayCall } from "../http/overlay.ts";
import type { HttpDetail } from "../http/types.ts";

/** What is kept of one request and its answer. */
export interface Http1Detail extends HttpDetail {
  readonly method: string;
  readonly target: string;
  /** CONNECT or Upgrade: what follows may not be HTTP/1, the answer decides. */
  readonly switches: boolean;
}

export interface RequestFrame extends ExchangeStart<Http1Detail> {
  readonly kind: "request";
}

/** A final answer's head (interim ones make no frame). One object per connection, used again. */
export interface ResponseFrame {
  readonly kind: "response";
  statusCode: number;
  /** When the first byte of its head moved. */
  startNs: number;
  /** When its last byte so far moved: the end of the answer when complete. */
  endNs: number;
  /** False when a body follows; a ResponseEndFrame then ends it. */
  complete: boolean;
  /** False when the connection cannot serve another request behind this answer. */
  persistent: boolean;
}

export interface ResponseEndFrame {
  readonly kind: "response_end";
  readonly endNs: number;
  /** True when the end is the connection's and the framing headers were contradictory. */
  readonly truncated: boolean;
}

export type Http1Frame = RequestFrame | ResponseFrame | ResponseEndFrame;

/** A final answer that came before the request's head was complete (400, 408, 414, 431). */
export interface EarlyAnswer {
  readonly statusCode: number;
  readonly endNs: number;
  /** The request is told already, by its request line; its head will make no frame. */
  readonly told: boolean;
}

/** What the next bytes of one direction are. */
export const Phase = {
  /** A start line, perhaps behind empty lines. */
  head: 0,
  /** Bytes were lost: nothing is believed until a head begins where a message begins. */
  seek: 1,
  /** A body of known length is being skipped. */
  lengthSkip: 2,
  /** A body that ends with the connection. */
  untilEnd: 3,
  /** As untilEnd because the framing headers contradict each other. */
  untilEndInvalid: 4,
  chunkSize: 5,
  /** Chunk data and its CRLF are being skipped. */
  chunkSkip: 6,
  trailers: 7,
  /** A body of known length behind an answer to an unseen request, which may have been a HEAD. */
  orphanLength: 8,
  /** As orphanLength for a chunked body. */
  orphanChunked: 9,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Where parsing of one direction stands. */
export interface Lane {
  readonly side: Side;
  phase: Phase;
  /** Bytes at the head of the view in which the end of the head was searched in vain. */
  scannedBytes: number;
  /** Body bytes of an orphan answer that are not yet skipped. */
  orphanBytes: number;
  trailerLines: number;
  /** Those that the overlay's call wants, while they pass. */
  trailers: Map<string, string> | undefined;
  /** The overlay's call whose body passes, and bytes of its body (or chunk) still to pass. */
  call: OverlayCall | undefined;
  bodyLeft: number;
}

export interface Http1State {
  readonly policy: CapturePolicy | undefined;
  readonly request: Lane;
  readonly response: Lane;
  /** Requests without a complete answer, in the order in which they were sent. */
  readonly pending: Exchange<Http1Detail>[];
  /** The request whose head is not complete yet, once its request line is. */
  begun: RequestFrame | undefined;
  /** The answer to the request whose head is not complete yet. */
  early: EarlyAnswer | undefined;
  /** pending[0] has its final head; its body is under way. */
  answering: boolean;
  /** The answer that is under way is the connection's last. */
  closing: boolean;
  /** Bytes behind a CONNECT or Upgrade wait for its answer. */
  heldBack: boolean;
  /** The client sends requests before earlier ones are answered: seen with certainty. */
  pipelined: boolean;
  /** Requests were lost: those that follow are said to be truncated, until all is quiet. */
  doubt: boolean;
  /** Requests and answers can no longer be paired with certainty on this connection. */
  unsure: boolean;
  readonly midstream: boolean;
  /** When bytes of the response direction were lost last. */
  lostNs: number;
  /** The answer's frame, used again for each. */
  readonly responseFrame: ResponseFrame;
  /** Texts of the last request: a keep-alive client sends the same ones again. */
  lastHost: string;
  lastUserAgent: string;
}
