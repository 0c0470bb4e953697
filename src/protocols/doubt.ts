/**
 * When answers that only have the order of their requests cannot be paired, and how that ends; for
 * protocols whose answers do not name what they answer. Requests of one write (on the server's
 * side: of one read) are a group. A client that waits begins a group when everything before it is
 * answered; so the beginning of a group, behind one that got exactly its answers, is where pairing
 * begins. Who is seen not to wait, or reads answers in other threads than it asks in, or asks from
 * an event loop, has to do so PATIENCE times in a row: a client that always has one request under
 * way looks the same for a while. Invariant: what is not certain is "false" here.
 */
import type { Side } from "../model/connection.ts";

const PATIENCE = 64;

/** joined, request: the next group may be the rest of one whose beginning was not seen. */
export type DoubtCause = "joined" | "request" | "response";

/** Why and since when answers cannot be paired. */
export interface Doubt {
  /** Groups of requests that have to be answered one after the other before pairing begins. */
  readonly needed: number;
  balanced: number;
  /** Time of the group under way; NaN before the first. */
  groupNs: number;
  /** Answers that the group is due and has got. */
  expected: number;
  seen: number;
}

/** What a protocol's state has for this. */
export interface Ordered {
  readonly isServer: boolean;
  /** Time and thread of the last request's first byte. */
  groupNs: number;
  groupTid: number;
  /** The client did not wait for an answer; certain only when nothing was lost meanwhile. */
  mayPipeline: boolean;
  pipelines: boolean;
  /** Answers are read by another thread than the one that asked. */
  isThreaded: boolean;
  /** resync() has passed over bytes of answers since the last request or answer that was seen. */
  answerDropped: boolean;
  doubt: Doubt | undefined;
}

export function orderedFrom(isServer: boolean, midstream: boolean): Ordered {
  return {
    isServer,
    groupNs: Number.NaN,
    groupTid: 0,
    mayPipeline: false,
    pipelines: false,
    isThreaded: false,
    answerDropped: false,
    doubt: midstream ? doubtOf("joined", Number.NaN) : undefined,
  };
}

export function doubtOf(cause: DoubtCause, groupNs: number): Doubt {
  if (cause === "response") {
    return { needed: 0, balanced: 0, groupNs, expected: Number.NaN, seen: 0 };
  }
  return { needed: 1, balanced: 0, groupNs: Number.NaN, expected: 0, seen: 0 };
}

/** What the loss of a side's bytes is a cause of. */
export function causeOf(side: Side, { doubt }: Ordered): DoubtCause {
  const isWorse = side === "request" || (doubt !== undefined && doubt.needed > 0);
  return isWorse ? "request" : "response";
}

/**
 * While a beginning was looked for, answers may have been passed over: that is a loss, too. True
 * when it is the cause of a doubt that has to begin.
 */
export function hasDropped(state: Ordered): boolean {
  if (!state.answerDropped) return false;
  state.answerDropped = false;
  if (state.doubt === undefined) return true;
  state.doubt.expected = Number.NaN;
  return false;
}

/** The beginning of a request. */
export interface Beginning {
  readonly startNs: number;
  readonly eventLoop: boolean;
}

/**
 * Notes the request; true when everything before it is certain to be answered. isClean: no answer
 * has begun.
 */
export function settlesDoubt(frame: Beginning, state: Ordered, isClean: boolean): boolean {
  const { doubt } = state;
  if (doubt === undefined) return true;
  if (frame.startNs === doubt.groupNs) return false;
  const isFirst = Number.isNaN(doubt.groupNs);
  const due = doubt.expected - doubt.seen;
  if (due !== 0) doubt.balanced = 0;
  // A group that gets no answer shows nothing of who waits.
  else if (!isFirst && doubt.seen > 0) doubt.balanced++;
  doubt.groupNs = frame.startNs;
  // What the groups before were due is still to come.
  doubt.expected = Math.max(due || 0, 0);
  doubt.seen = 0;
  const isCautious = state.pipelines || (!state.isServer && (frame.eventLoop || state.isThreaded));
  const needed = isCautious ? PATIENCE : doubt.needed;
  if (isFirst || doubt.balanced < needed || !isClean) return false;
  state.doubt = undefined;
  return true;
}

/** A request was seen in doubt that gets so many answers. */
export function countRequest({ doubt }: Ordered, answers: number): void {
  if (doubt !== undefined) doubt.expected += answers;
}

/** An answer was seen in doubt; true when it belongs to a request that was not seen. */
export function countAnswer(frame: { readonly tid: number }, state: Ordered): boolean {
  const { doubt } = state;
  if (doubt === undefined) return false;
  doubt.seen++;
  const isExpected = doubt.seen <= doubt.expected;
  if (isExpected) state.isThreaded = frame.tid !== state.groupTid;
  return !isExpected;
}
