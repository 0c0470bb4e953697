/**
 * What doubt (../doubt.ts) means here. Invariant: in doubt nothing is pending, and every request
 * that is seen becomes a truncated exchange at once, so that it is said and holds its index.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { causeOf, type DoubtCause, doubtOf, hasDropped } from "../doubt.ts";
import { dropHeld, giveUp } from "./queue.ts";
import { resetReplyLane } from "./replies.ts";
import { resetRequestLane } from "./requests.ts";
import type { RedisDetail, RedisState } from "./types.ts";

type Emit = ExchangeSink<RedisDetail>;

/** Bytes of a side were lost: what is under way cannot be paired any more. */
export function lost(side: Side, state: RedisState, at: Moment, emit: Emit): void {
  if (side === "request") {
    resetRequestLane(state.request);
    // A SELECT may have been among them, a CLIENT REPLY, a subscription.
    state.database = undefined;
    state.replies = "on";
    forgetSubscriptions(state);
  } else {
    resetReplyLane(state.reply);
    state.reply.errors = [];
    forgetSubscriptions(state);
    if (awaitsSelect(state)) state.database = undefined;
  }
  enterDoubt(state, causeOf(side, state), at.timeNs, emit);
}

function awaitsSelect(state: RedisState): boolean {
  if (state.transaction?.selects !== undefined) return true;
  for (let index = state.queueStart; index < state.queue.length; index++) {
    const entry = state.queue[index];
    if (entry?.database !== undefined || entry?.batch?.selects !== undefined) return true;
  }
  return false;
}

function forgetSubscriptions(state: RedisState): void {
  state.channels = Number.NaN;
  state.patterns = Number.NaN;
  state.shards = Number.NaN;
}

export function noticeDropped(state: RedisState, atNs: number, emit: Emit): void {
  if (hasDropped(state)) enterDoubt(state, "response", atNs, emit);
}

export function enterDoubt(state: RedisState, cause: DoubtCause, atNs: number, emit: Emit): void {
  if (awaitsSelect(state)) state.database = undefined;
  dropHeld(state, emit);
  giveUp(state, atNs, emit);
  // Whether the client waited cannot be told from what is known of this stretch.
  state.mayPipeline = false;
  state.isWhole = false;
  state.doubt = doubtOf(cause, state.groupNs);
}

/** No answer has begun. */
export function isClean({ reply }: RedisState): boolean {
  return reply.depth === 0 && !reply.begun;
}
