/** What the stages of this protocol hand to each other. */
import type { Exchange } from "../../model/exchange.ts";
import type { HttpDetail } from "../http/types.ts";

/** What is kept of one connection, from the 101 to its close. */
export interface WebSocketDetail {
  /** The request that asked for it. */
  readonly http: HttpDetail;
  clientMessages: number;
  serverMessages: number;
  /** Of the first close frame; 0 = none seen, 1005 = one without a code. */
  closeCode: number;
  /** Bytes were lost: nothing is counted any more. */
  hasMissed: boolean;
}

/** end: the direction has ended, without a frame. */
export interface WebSocketFrame {
  readonly kind: "message" | "part" | "control" | "close" | "end";
  readonly timeNs: number;
  readonly closeCode: number;
}

export interface WebSocketState {
  /** undefined = the 101 was not seen. */
  detail: WebSocketDetail | undefined;
  startNs: number;
  tid: number;
  eventLoop: boolean;
  exchange: Exchange<WebSocketDetail> | undefined;
  isOver: boolean;
  /** Sides that have sent their close frame. */
  requestClosed: boolean;
  responseClosed: boolean;
}
