/**
 * When answers cannot be paired, and how that ends. The rule: a client that waits for ReadyForQuery
 * has nothing unanswered when one arrives, and everything before its next request is answered. A
 * client that does not wait (pipelines across Sync) stays in doubt once bytes were lost: pairing
 * its answers would be a guess. Invariant: in doubt nothing is pending, and every request that is
 * seen becomes a truncated exchange at once, so that it is said and holds its index.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { forgetShown, mustShow, noteReady, noteUnit } from "./in-step.ts";
import { Frontend } from "./messages.ts";
import { forgetNames, forgetUnconfirmed, rememberStatement } from "./statements.ts";
import {
  type Doubt,
  type PostgresqlDetail,
  type PostgresqlFrame,
  type PostgresqlState,
  takeExchange,
} from "./types.ts";

type Emit = ExchangeSink<PostgresqlDetail>;

/** Bytes of a side were lost: what is under way cannot be paired any more. */
export function lost(side: Side, state: PostgresqlState, at: Moment, emit: Emit): void {
  state.encryptionAnswers = 0;
  if (side === "request") {
    forgetNames(state);
    enterDoubt(state, "request", at.timeNs, emit);
    state.atBoundary = false;
  } else {
    state.backslash = "unknown";
    forgetUnconfirmed(state);
    const before = state.doubt;
    enterDoubt(state, before === undefined ? "response" : before, at.timeNs, emit);
    // How many answers were among the lost bytes is not known.
    state.outstanding = 0;
  }
}

/** Closes what is open as truncated and waits until answers can be paired again. */
export function enterDoubt(state: PostgresqlState, doubt: Doubt, atNs: number, emit: Emit): void {
  for (const entry of state.pending) {
    // Whether Parse gave the name a meaning will not be known.
    if (entry.kind === "parse") rememberStatement(state, entry.name, undefined);
    const exchange = takeExchange(entry);
    if (exchange === undefined) continue;
    emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
  }
  if (state.doubt === undefined) state.outstanding = state.pendingSyncs;
  if (state.inStep !== undefined) forgetShown(state.inStep);
  state.pending.length = 0;
  state.pendingSyncs = 0;
  state.group = undefined;
  state.skipping = false;
  state.copyIn = false;
  state.rows = 0;
  state.transaction = undefined;
  state.doubt = doubt;
}

/** While a boundary was looked for, bytes of an answer were passed over: that is a loss too. */
export function noticeDropped(state: PostgresqlState, atNs: number, emit: Emit): void {
  state.answerDropped = false;
  forgetUnconfirmed(state);
  if (state.doubt === undefined) enterDoubt(state, "response", atNs, emit);
}

export function leaveDoubt(state: PostgresqlState): void {
  forgetUnconfirmed(state);
  state.inStep = undefined;
  state.doubt = undefined;
  state.answerDropped = false;
  state.outstanding = 0;
  state.rows = 0;
}

/** Whether a request that arrives in doubt is certain to come after everything was answered. */
export function settlesDoubt(frame: PostgresqlFrame, state: PostgresqlState): boolean {
  if (state.pipelines || mayBeBehind(state, frame)) return false;
  // Requests are complete: one that begins behind a Sync was sent when its answer had come.
  if (state.doubt === "response") return state.atBoundary;
  // The first thing seen is a simple query: nobody sends one in the middle of something else.
  const isWhole = frame.type === Frontend.query || frame.type === Frontend.functionCall;
  return state.doubt === "joined" && isWhole && state.outstanding === 0 && !state.strayAnswer;
}

/** The request is an event loop's, and nothing has shown that no answer is behind. */
function mayBeBehind({ inStep }: PostgresqlState, frame: PostgresqlFrame): boolean {
  return inStep !== undefined && (frame.eventLoop || mustShow(inStep));
}

/** A request that ReadyForQuery answers was seen in doubt. */
export function countInDoubt(frame: PostgresqlFrame, state: PostgresqlState): void {
  if (state.inStep !== undefined) noteUnit(state.inStep, frame);
  // All answers are seen unless some of them were lost: two unanswered requests are a pipeline.
  if (state.outstanding > 0 && state.doubt !== "response") state.pipelines = true;
  state.outstanding++;
}

/** ReadyForQuery in doubt. */
export function readyInDoubt(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  const { inStep } = state;
  const isShown = inStep === undefined || noteReady(inStep, frame) || !mustShow(inStep);
  if (state.strayAnswer && state.outstanding === 0) emit.orphan();
  state.strayAnswer = false;
  if (state.outstanding > 0) state.outstanding--;
  if (state.pipelines || !isShown) {
    forgetUnconfirmed(state);
    return;
  }
  state.unconfirmed.clear();
  leaveDoubt(state);
}
