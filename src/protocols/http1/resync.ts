/**
 * What happens when bytes of a direction are lost. Invariant: after a loss a request is paired with
 * an answer only if the client was never seen to pipeline, so that at most one was unanswered, and
 * the pair says that it is truncated until all is quiet again; a connection that pipelines pairs
 * nothing any more.
 */
import type { Side } from "../../model/connection.ts";
import type { Outcome } from "../../model/exchange.ts";
import type { ExchangeSink, Moment, StreamView } from "../contract.ts";
import { missBody } from "./body.ts";
import { isKnownRequestStart, isResponseStart } from "./detect.ts";
import { type Http1Detail, type Http1State, Phase } from "./types.ts";

/**
 * First index at which a head can begin after a loss: at the head of the view, or where another
 * message begins (its moment differs), never within one, where a body may quote a head. An answer
 * cannot begin while no request waits for one. -1 = none.
 */
export function seek(view: StreamView, side: Side, state: Http1State): number {
  if (side === "response" && state.pending.length === 0) return -1;
  const { bytes, start, end } = view;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 65 || byte > 90) continue;
    if (index > start && view.timeAt(index) === view.timeAt(index - 1)) continue;
    const begins =
      side === "request"
        ? isKnownRequestStart(bytes, index, end)
        : isResponseStart(bytes, index, end);
    if (begins !== "no") return index;
  }
  return -1;
}

export function lost(
  side: Side,
  state: Http1State,
  at: Moment,
  emit: ExchangeSink<Http1Detail>,
): void {
  if (side === "request") lostRequest(state, at, emit);
  else lostResponse(state, at, emit);
}

/**
 * A lost part of a body concerns the request it belongs to. Other lost bytes may have held whole
 * requests: with a client that waits for each answer, the answers before them are lost too.
 */
function lostRequest(state: Http1State, at: Moment, emit: ExchangeSink<Http1Detail>): void {
  const bodyUnderWay = state.request.phase !== Phase.head && state.request.phase !== Phase.seek;
  missBody(state.request);
  state.request.phase = Phase.seek;
  state.request.scannedBytes = 0;
  state.begun = undefined;
  state.early = undefined;
  state.doubt = true;
  if (state.pipelined) {
    state.unsure = true;
    const last = state.pending.at(-1);
    if (bodyUnderWay && last !== undefined) last.detail.truncated = true;
  } else if (bodyUnderWay) {
    const last = state.pending.at(-1);
    if (last !== undefined) last.detail.truncated = true;
  } else {
    giveUp(state, emit, { kept: state.answering ? 1 : 0, atNs: at.timeNs, outcome: "truncated" });
  }
}

/** The last request of a client that waits for each answer may still get its own. */
function lostResponse(state: Http1State, at: Moment, emit: ExchangeSink<Http1Detail>): void {
  missBody(state.response);
  state.response.phase = Phase.seek;
  state.response.scannedBytes = 0;
  state.lostNs = at.timeNs;
  if (state.pipelined) {
    state.unsure = true;
    state.answering = false;
    giveUp(state, emit, { kept: 0, atNs: at.timeNs, outcome: "truncated" });
    return;
  }
  if (state.answering) {
    const answered = state.pending.shift();
    state.answering = false;
    if (answered !== undefined) emit.close(answered, at.timeNs, "truncated");
  }
  if (state.pending.length > 1) state.doubt = true;
  const last = state.pending.pop();
  giveUp(state, emit, { kept: 0, atNs: at.timeNs, outcome: "truncated" });
  if (last === undefined) return;
  last.detail.truncated = true;
  state.pending.push(last);
}

/** Closes all unanswered requests but the first `kept`, the oldest first. */
export function giveUp(
  state: Http1State,
  emit: ExchangeSink<Http1Detail>,
  how: { readonly kept: number; readonly atNs: number; readonly outcome: Outcome },
): void {
  for (const exchange of state.pending.splice(how.kept)) {
    emit.close(exchange, Math.max(how.atNs, exchange.startNs), how.outcome);
  }
}
