/**
 * What the stages of this protocol hand to each other. Invariant: nothing here refers to the bytes
 * of a view but a field block under way, which is a copy.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { CapturePolicy } from "../contract.ts";
import type { HttpDetail } from "../http/types.ts";
import type { FieldBlock, HpackDecoder } from "./hpack.ts";

export type Http2Detail = HttpDetail;

/** A head or trailers. */
export interface HeadersFrame {
  readonly kind: "headers";
  readonly stream: number;
  readonly endsStream: boolean;
  /** When and by whom the first byte of its HEADERS frame moved. */
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  /** When its last byte moved. */
  readonly endNs: number;
  /** Valid until the next block is read. */
  readonly fields: FieldBlock;
}

/** The last byte of a DATA frame that ends its side of the stream has moved. */
export interface EndFrame {
  readonly kind: "end";
  readonly stream: number;
  readonly endNs: number;
}

export interface ResetFrame {
  readonly kind: "reset";
  readonly stream: number;
  readonly code: number;
  readonly endNs: number;
}

export interface GoAwayFrame {
  readonly kind: "goaway";
  /** The sender has not acted, and will not act, on streams above it. */
  readonly lastStream: number;
  readonly endNs: number;
}

/** The direction has ended. */
export interface SilenceFrame {
  readonly kind: "silence";
  readonly endNs: number;
}

export type Http2Frame = HeadersFrame | EndFrame | ResetFrame | GoAwayFrame | SilenceFrame;

/** A field block whose END_HEADERS has not come. */
export interface OpenBlock {
  readonly stream: number;
  readonly endsStream: boolean;
  readonly isPushed: boolean;
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  bytes: Uint8Array;
  length: number;
  /** Too long, or a part of it was not captured. */
  isLost: boolean;
}

/** Frames that change nothing are counted all the same. */
export interface FrameCounts {
  data: number;
  headers: number;
  priority: number;
  settings: number;
  ping: number;
  windowUpdate: number;
  other: number;
}

/** Where parsing of one direction stands. */
export interface Lane {
  readonly hpack: HpackDecoder;
  readonly counts: FrameCounts;
  block: OpenBlock | undefined;
  /** The DATA frame whose payload is being skipped: its stream, 0 = none. */
  dataStream: number;
  dataEndsStream: boolean;
  /** Padding at the end of its payload, which is no body. */
  dataPadding: number;
  /** Bytes of its payload that have not passed. */
  dataLeft: number;
}

/** One open request. */
export interface Stream {
  readonly exchange: Exchange<Http2Detail>;
  /** The final answer's head has come. */
  answered: boolean;
  /** The client has sent all of it. */
  isSent: boolean;
  /** Bytes of the answer's direction were lost since; false again once it shows itself. */
  isInDoubt: boolean;
  /** The exchange was truncated before the doubt came. */
  wasTruncated: boolean;
}

export interface Http2State {
  readonly policy: CapturePolicy | undefined;
  readonly request: Lane;
  readonly response: Lane;
  readonly streams: Map<number, Stream>;
  /** The highest stream that the client has opened. */
  highestStream: number;
  /** Requests may have been missed: capture began in the middle, or bytes of them were lost. */
  hasMissed: boolean;
  /** When bytes of the answers' direction were lost last: streams in doubt are silent since. */
  lostNs: number;
  streamsInDoubt: number;
}
