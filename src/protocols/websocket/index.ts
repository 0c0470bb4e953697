/**
 * WebSocket (RFC 6455), reached only by the 101 of HTTP/1. Invariant: every function here obeys
 * ../contract.ts.
 */
import type { Carried, Protocol } from "../contract.ts";
import type { HttpDetail } from "../http/types.ts";
import { describe } from "./describe.ts";
import { detect } from "./detect.ts";
import { websocketLimits } from "./limits.ts";
import { lost, match } from "./match.ts";
import { ended, parse } from "./parse.ts";
import type { WebSocketDetail, WebSocketFrame, WebSocketState } from "./types.ts";

export const websocket: Protocol<WebSocketFrame, WebSocketState, WebSocketDetail> = {
  id: "websocket",
  lasts: true,
  limits: {
    frameBytesMax: websocketLimits.headBytesMax,
    inFlightMax: websocketLimits.inFlightMax,
  },
  detect,
  createState: () => ({
    detail: undefined,
    startNs: 0,
    tid: 0,
    eventLoop: false,
    exchange: undefined,
    isOver: false,
    requestClosed: false,
    responseClosed: false,
  }),
  inherit,
  parse,
  ended,
  lost: (_side, state, _at, emit) => lost(state, emit),
  resync: () => -1,
  match,
  describe,
};

/** The request keeps its own span, which ends with the 101. */
function inherit({ exchange, endNs, fields }: Carried, state: WebSocketState): void {
  const field = (name: string) => fields.find(([own]) => own === name)?.[1];
  const http: HttpDetail = {
    version: "1.1",
    method: field(":method"),
    target: field(":path"),
    scheme: undefined,
    host: field(":authority"),
    userAgent: undefined,
    forwarded: field("forwarded"),
    forwardedFor: field("x-forwarded-for"),
    forwardedHost: field("x-forwarded-host"),
    forwardedProto: field("x-forwarded-proto"),
    call: undefined,
    statusCode: 101,
    truncated: false,
    hasUnknownFields: false,
    lacksFields: false,
    reset: undefined,
  };
  state.detail = { http, clientMessages: 0, serverMessages: 0, closeCode: 0, hasMissed: false };
  state.startNs = endNs;
  state.tid = exchange.tid;
  state.eventLoop = exchange.eventLoop;
}
