/**
 * When answers cannot be paired, and how that ends. Nothing in an answer says which request it
 * belongs to: they only have the same order. Commands of one write (on the server's side: of one
 * read) are a group. A client that waits begins a group when everything before it is answered; so
 * the beginning of a group, behind one that got exactly its answers, is where pairing begins.
 * Who is seen not to wait, or reads answers in other threads than it asks in, or asks from an event
 * loop, has to do so PATIENCE times in a row: a client that always has one request under way looks
 * the same for a while. Invariant: in doubt nothing is pending, and every request that is seen
 * becomes a truncated exchange at once, so that it is said and holds its index.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { giveUp } from "./queue.ts";
import { resetReplyLane } from "./replies.ts";
import { resetRequestLane } from "./requests.ts";
import type { Doubt, RedisDetail, RedisState, ReplyFrame, RequestFrame } from "./types.ts";

type Emit = ExchangeSink<RedisDetail>;

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
  const isWorse = side === "request" || (state.doubt !== undefined && state.doubt.needed > 0);
  enterDoubt(state, isWorse ? "request" : "response", at.timeNs, emit);
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

/** While a beginning was looked for, answers may have been passed over: that is a loss, too. */
export function noticeDropped(state: RedisState, atNs: number, emit: Emit): void {
  if (!state.answerDropped) return;
  state.answerDropped = false;
  if (state.doubt === undefined) enterDoubt(state, "response", atNs, emit);
  else state.doubt.expected = Number.NaN;
}

export function enterDoubt(state: RedisState, cause: DoubtCause, atNs: number, emit: Emit): void {
  if (awaitsSelect(state)) state.database = undefined;
  giveUp(state, atNs, emit);
  // Whether the client waited cannot be told from what is known of this stretch.
  state.mayPipeline = false;
  state.isWhole = false;
  state.doubt = doubtOf(cause, state.groupNs);
}

/** Notes the request; true when everything before it is certain to be answered. */
export function settlesDoubt(frame: RequestFrame, state: RedisState): boolean {
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
  const isClean = state.reply.depth === 0 && !state.reply.begun;
  if (isFirst || doubt.balanced < needed || !isClean) return false;
  state.doubt = undefined;
  return true;
}

/** A request was seen in doubt that gets so many answers. */
export function countRequest(state: RedisState, answers: number): void {
  if (state.doubt !== undefined) state.doubt.expected += answers;
}

/** An answer was seen in doubt; true when it belongs to a request that was not seen. */
export function countAnswer(frame: ReplyFrame, state: RedisState): boolean {
  const { doubt } = state;
  if (doubt === undefined) return false;
  doubt.seen++;
  const isExpected = doubt.seen <= doubt.expected;
  if (isExpected) state.isThreaded = frame.tid !== state.groupTid;
  return !isExpected;
}
