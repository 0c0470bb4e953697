/**
 * Pairs requests with answers in the order in which they were sent (RFC 9112 section 9.3).
 * Invariant: pending holds exactly the exchanges that were opened here and not closed, and an
 * answer goes to the oldest of them or to none.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { giveUp } from "./resync.ts";
import type {
  EarlyAnswer,
  Http1Detail,
  Http1Frame,
  Http1State,
  RequestFrame,
  ResponseEndFrame,
  ResponseFrame,
} from "./types.ts";

type Emit = ExchangeSink<Http1Detail>;

/** Only an error can be said of a request that was not read to the end of its head. */
const EARLY_STATUS_MIN = 400;

export function match(frame: Http1Frame, _side: Side, state: Http1State, emit: Emit): void {
  if (frame.kind === "request") matchRequest(frame, state, emit);
  else if (frame.kind === "response") matchResponse(frame, state, emit);
  else matchResponseEnd(frame, state, emit);
}

function matchRequest(frame: RequestFrame, state: Http1State, emit: Emit): void {
  if (state.early !== undefined) {
    answerEarly(frame, state.early, emit);
    state.early = undefined;
    return;
  }
  if (!state.pipelined && !state.answering && state.pending[0]?.detail.truncated === true) {
    // A client that waits for each answer has had this one: it was among the lost bytes.
    giveUp(state, emit, { kept: 0, atNs: state.lostNs, outcome: "truncated" });
    state.doubt = true;
  }
  if (state.doubt) frame.detail.truncated = true;
  const exchange = emit.open(frame);
  if (state.unsure) emit.close(exchange, frame.startNs, "truncated");
  else state.pending.push(exchange);
}

function matchResponse(frame: ResponseFrame, state: Http1State, emit: Emit): void {
  const exchange = state.pending[0];
  if (exchange === undefined) {
    matchUnasked(frame, state, emit);
    return;
  }
  const next = state.pending[1];
  if (next !== undefined && next.startNs < frame.startNs) state.pipelined = true;
  if (state.pipelined && !state.unsure && (state.midstream || state.doubt)) {
    // Requests that were not seen may be unanswered too: whose answer this is is not known.
    state.unsure = true;
    giveUp(state, emit, { kept: 0, atNs: frame.startNs, outcome: "truncated" });
    emit.orphan();
    return;
  }
  // Requests behind a refused CONNECT are read too late to be paired with certainty.
  if (state.heldBack && exchange.detail.switches) state.unsure = true;
  exchange.detail.statusCode = frame.statusCode;
  state.answering = true;
  state.closing = !frame.persistent;
  if (frame.complete) finish(exchange, frame.endNs, state, emit);
}

/** A server may refuse a request before its head is complete; other answers have lost theirs. */
function matchUnasked(frame: ResponseFrame, state: Http1State, emit: Emit): void {
  const isCertain = !state.doubt && !state.unsure && !state.midstream;
  const isUnderWay = state.request.scannedBytes > 0 && state.early === undefined;
  if (!isCertain || !isUnderWay || frame.statusCode < EARLY_STATUS_MIN) {
    emit.orphan();
    return;
  }
  const { statusCode, endNs } = frame;
  const { begun } = state;
  state.early = { statusCode, endNs, told: begun !== undefined };
  if (begun !== undefined) answerEarly(begun, state.early, emit);
}

function answerEarly(request: RequestFrame, early: EarlyAnswer, emit: Emit): void {
  const exchange = emit.open(request);
  exchange.detail.statusCode = early.statusCode;
  emit.close(exchange, Math.max(early.endNs, exchange.startNs), "complete");
}

function matchResponseEnd(frame: ResponseEndFrame, state: Http1State, emit: Emit): void {
  const exchange = state.pending[0];
  if (!state.answering || exchange === undefined) return;
  if (frame.truncated) exchange.detail.truncated = true;
  finish(exchange, frame.endNs, state, emit);
}

function finish(
  exchange: Exchange<Http1Detail>,
  endNs: number,
  state: Http1State,
  emit: Emit,
): void {
  state.pending.shift();
  state.answering = false;
  if (state.pending.length === 0) state.doubt = false;
  const outcome: Outcome = exchange.detail.truncated ? "truncated" : "complete";
  emit.close(exchange, Math.max(endNs, exchange.startNs), outcome);
  // RFC 9112 section 9.6: behind an answer that closes the connection there are no more answers.
  if (state.closing) giveUp(state, emit, { kept: 0, atNs: endNs, outcome: "closed_early" });
}
