/**
 * A connection is one exchange: from the 101 to the second close frame, or the connection's end.
 * Invariant: it is opened once, and only when the 101 was seen.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import type { WebSocketDetail, WebSocketFrame, WebSocketState } from "./types.ts";

type Emit = ExchangeSink<WebSocketDetail>;

export function match(frame: WebSocketFrame, side: Side, state: WebSocketState, emit: Emit): void {
  const exchange = opened(state, emit);
  if (exchange === undefined || state.isOver) return;
  const { detail } = exchange;
  if (frame.kind === "message") {
    if (side === "request") detail.clientMessages++;
    else detail.serverMessages++;
  } else if (frame.kind === "close") {
    if (!state.requestClosed && !state.responseClosed) detail.closeCode = frame.closeCode;
    if (side === "request") state.requestClosed = true;
    else state.responseClosed = true;
  }
  const isAnswered = state.requestClosed && state.responseClosed;
  const isLeft = frame.kind === "end" && (state.requestClosed || state.responseClosed);
  if (!isAnswered && !isLeft) return;
  state.isOver = true;
  emit.close(exchange, frame.timeNs, detail.hasMissed ? "truncated" : "complete");
}

function opened(state: WebSocketState, emit: Emit): Exchange<WebSocketDetail> | undefined {
  const { detail, startNs, tid, eventLoop } = state;
  if (state.exchange === undefined && detail !== undefined) {
    state.exchange = emit.open({ startNs, tid, eventLoop, detail });
  }
  return state.exchange;
}

/** Where frames begin behind a loss cannot be told: the side is not read any more. */
export function lost(state: WebSocketState, emit: Emit): void {
  const exchange = opened(state, emit);
  if (exchange !== undefined) exchange.detail.hasMissed = true;
}
