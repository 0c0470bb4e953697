/**
 * When answers cannot be paired, and how that ends. An answer does not name its request: they only
 * have the same order. Commands of one write (on the server's side: of one read) are a group; a
 * client that waits begins one when everything before it is answered, so the beginning of a group,
 * behind one that got exactly its answers, is where pairing begins. Who is seen not to wait, or
 * reads in other threads than it asks in, or asks from an event loop, has to do so PATIENCE times
 * in a row. Invariant: in doubt nothing is pending, and every request becomes a truncated exchange.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import type { Doubt, MemcachedDetail, MemcachedState, ReplyFrame, RequestFrame } from "./types.ts";

type Emit = ExchangeSink<MemcachedDetail>;

const PATIENCE = 64;

/** joined, request: the next group may be the rest of one whose beginning was not seen. */
export type DoubtCause = "joined" | "request" | "response";

export function doubtOf(cause: DoubtCause, groupNs: number): Doubt {
  if (cause === "response") {
    return { needed: 0, balanced: 0, groupNs, expected: Number.NaN, seen: 0 };
  }
  return { needed: 1, balanced: 0, groupNs: Number.NaN, expected: 0, seen: 0 };
}

/** Bytes of a side were lost: what is under way cannot be paired any more. */
export function lost(side: Side, state: MemcachedState, at: Moment, emit: Emit): void {
  state.scanned[side] = 0;
  if (side === "request") state.storing = undefined;
  else forgetAnswer(state);
  const isWorse = side === "request" || (state.doubt !== undefined && state.doubt.needed > 0);
  enterDoubt(state, isWorse ? "request" : "response", at.timeNs, emit);
}

function forgetAnswer(state: MemcachedState): void {
  state.first = "";
  state.values = 0;
  state.ending = undefined;
}

export function enterDoubt(
  state: MemcachedState,
  cause: DoubtCause,
  atNs: number,
  emit: Emit,
): void {
  for (const { exchange } of state.pending) {
    emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
  }
  state.pending.length = 0;
  state.mayPipeline = false;
  state.doubt = doubtOf(cause, state.groupNs);
}

/** While a beginning was looked for, answers may have been passed over: that is a loss, too. */
export function noticeDropped(state: MemcachedState, atNs: number, emit: Emit): void {
  if (!state.answerDropped) return;
  state.answerDropped = false;
  if (state.doubt === undefined) enterDoubt(state, "response", atNs, emit);
  else state.doubt.expected = Number.NaN;
}

/** Notes the request; true when everything before it is certain to be answered. */
export function settlesDoubt(frame: RequestFrame, state: MemcachedState): boolean {
  const { doubt } = state;
  if (doubt === undefined) return true;
  if (frame.startNs === doubt.groupNs) return false;
  const isFirst = Number.isNaN(doubt.groupNs);
  const due = doubt.expected - doubt.seen;
  if (!isFirst) doubt.balanced = due === 0 ? doubt.balanced + 1 : 0;
  doubt.groupNs = frame.startNs;
  // What the groups before were due is still to come.
  doubt.expected = Math.max(due || 0, 0);
  doubt.seen = 0;
  const isCautious = state.pipelines || (!state.isServer && (frame.eventLoop || state.isThreaded));
  const needed = isCautious ? PATIENCE : doubt.needed;
  const isClean = state.first === "" && state.values === 0 && state.scanned.response === 0;
  if (isFirst || doubt.balanced < needed || !isClean) return false;
  state.doubt = undefined;
  return true;
}

/** An answer was seen in doubt; true when it belongs to a request that was not seen. */
export function countAnswer(frame: ReplyFrame, state: MemcachedState): boolean {
  const { doubt } = state;
  if (doubt === undefined) return false;
  doubt.seen++;
  const isExpected = doubt.seen <= doubt.expected;
  if (isExpected) state.isThreaded = frame.tid !== state.groupTid;
  return !isExpected;
}
