/**
 * What doubt (../doubt.ts) means here. Invariant: in doubt nothing is pending, and every request
 * becomes a truncated exchange.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { causeOf, type DoubtCause, doubtOf, hasDropped } from "../doubt.ts";
import type { MemcachedDetail, MemcachedState } from "./types.ts";

type Emit = ExchangeSink<MemcachedDetail>;

/** Bytes of a side were lost: what is under way cannot be paired any more. */
export function lost(side: Side, state: MemcachedState, at: Moment, emit: Emit): void {
  state.scanned[side] = 0;
  if (side === "request") state.storing = undefined;
  else forgetAnswer(state);
  enterDoubt(state, causeOf(side, state), at.timeNs, emit);
}

function forgetAnswer(state: MemcachedState): void {
  state.first = "";
  state.firstKey = "";
  state.values = 0;
  state.ending = undefined;
}

export function enterDoubt(
  state: MemcachedState,
  cause: DoubtCause,
  atNs: number,
  emit: Emit,
): void {
  dropHeld(state, emit);
  for (const { exchange } of state.pending) {
    emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
  }
  state.pending.length = 0;
  state.mayPipeline = false;
  state.doubt = doubtOf(cause, state.groupNs);
}

export function noticeDropped(state: MemcachedState, atNs: number, emit: Emit): void {
  if (hasDropped(state)) enterDoubt(state, "response", atNs, emit);
}

/** No answer has begun. */
export function isClean({ first, values, scanned }: MemcachedState): boolean {
  return first === "" && values === 0 && scanned.response === 0;
}

/** What was asked in doubt stays unpaired. */
export function dropHeld(state: MemcachedState, emit: Emit): void {
  const { held } = state;
  state.held = undefined;
  if (held !== undefined) emit.close(held.exchange, held.frame.endNs, "truncated");
}

/** Nothing is in doubt any more: what was held waits for its answer as all that follows. */
export function enqueueHeld(state: MemcachedState): void {
  const { held } = state;
  state.held = undefined;
  state.doubt = undefined;
  if (held !== undefined) state.pending.push(held);
}
