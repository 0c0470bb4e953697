/**
 * The open streams of a connection. Invariant: streamsInDoubt counts those whose answers may have
 * been lost since they were asked for, and each of them ends, at the latest by its silence.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { missBody } from "./body.ts";
import { http2Limits } from "./limits.ts";
import type { Http2Detail, Http2State, Stream } from "./types.ts";

type Emit = ExchangeSink<Http2Detail>;

/** Exchanges that the driver has given up (too many, too old) leave their streams behind. */
export function forgetClosed(state: Http2State): void {
  for (const [id, stream] of state.streams) {
    if (!isClosed(stream.exchange)) return;
    remove(state, id, stream);
  }
}

function isClosed(exchange: Exchange<Http2Detail>): boolean {
  return exchange.outcome !== "no_response" || exchange.endNs > exchange.startNs;
}

export function clearDoubt(state: Http2State, stream: Stream): void {
  if (!stream.isInDoubt) return;
  stream.isInDoubt = false;
  state.streamsInDoubt--;
}

export function finish(
  state: Http2State,
  id: number,
  how: { readonly endNs: number; readonly outcome: Outcome },
  emit: Emit,
): void {
  const stream = state.streams.get(id);
  if (stream === undefined) return;
  remove(state, id, stream);
  const { exchange } = stream;
  emit.close(exchange, Math.max(how.endNs, exchange.startNs), how.outcome);
}

function remove(state: Http2State, id: number, stream: Stream): void {
  clearDoubt(state, stream);
  state.streams.delete(id);
}

/** Bytes of a direction were lost: which frames they held is not known. */
export function lost(side: Side, state: Http2State, at: Moment): void {
  const lane = side === "request" ? state.request : state.response;
  lane.hpack.lose();
  lane.block = undefined;
  lane.dataStream = 0;
  state.hasMissed = true;
  if (side === "response") state.lostNs = at.timeNs;
  for (const stream of state.streams.values()) {
    if (side === "request" && stream.isSent) continue;
    missBody(stream, side);
    if (side === "response") doubt(state, stream);
    else stream.exchange.detail.truncated = true;
  }
}

/** An answer that has begun has lost a part, or its end; one that has not may still come whole. */
function doubt(state: Http2State, stream: Stream): void {
  const { detail } = stream.exchange;
  if (!stream.isInDoubt) {
    stream.isInDoubt = true;
    stream.wasTruncated = detail.truncated;
    state.streamsInDoubt++;
  }
  detail.truncated = true;
}

/** A body after a loss: the answer goes on, and if its head was not seen, it is among the lost. */
export function showsItself(state: Http2State, id: number): void {
  const stream = state.streams.get(id);
  if (stream?.isInDoubt !== true) return;
  clearDoubt(state, stream);
  stream.answered = true;
}

/** Streams that have shown nothing for long since a loss have ended in it. */
export function endSilent(state: Http2State, emit: Emit, nowNs: number): void {
  if (nowNs - state.lostNs < http2Limits.silenceNsMax) return;
  for (const [id, stream] of state.streams) {
    if (!stream.isInDoubt) continue;
    finish(state, id, { endNs: state.lostNs, outcome: "truncated" }, emit);
  }
}
