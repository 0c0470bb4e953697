/**
 * When answers that only have the order of their requests cannot be paired, and how that ends; for
 * protocols whose answers do not name what they answer. Requests of one write (on the server's
 * side: of one read) are a group. A client that waits begins a group when everything before it is
 * answered; so the beginning of a group, behind one that got exactly its answers, is where pairing
 * begins. Who is seen not to wait, or reads answers in other threads than it asks in, or asks from
 * an event loop, may always have requests under way, which looks the same: its answers are behind
 * by a number of requests that stays. There it takes more. Either what was asked before is unable
 * to have the answers that come: for each number below LAGS there must be one of them. Or, after
 * answers for all that was asked, nothing moves for long, and then a request: had an answer been
 * due, it would have come first. Invariant: what is not certain is "false" here.
 */
import type { Side } from "../model/connection.ts";

/** No client is taken to have so many requests under way in such regular turns. */
export const LAGS = 64;
/** No answer that is due is silent for so long, nor for so many times the slowest one. */
export const QUIET_NS = 100e6;
const QUIET_TIMES = 10;
/** Requests remembered beside the answers that are due. */
const ASKED_MAX = 2 * LAGS;

/** joined, request: the next group may be the rest of one whose beginning was not seen. */
export type DoubtCause = "joined" | "request" | "response";

/** Why and since when answers cannot be paired. */
export interface Doubt {
  /** Groups of requests that have to be answered one after the other before pairing begins. */
  readonly needed: number;
  /** How the client begins was not seen. */
  readonly isJoined: boolean;
  /** What gets one answer each, in order, of the groups that got exactly theirs until now. */
  asked: unknown[];
  /** By lag: an answer came that the request so much earlier cannot have. */
  refuted: boolean[];
  /** A request came from an event loop. */
  isLoop: boolean;
  balanced: number;
  /** Time of the group under way; NaN before the first. */
  groupNs: number;
  /** Answers that the group is due and has got. */
  expected: number;
  seen: number;
  /** When the last answer ended, and the longest that one took; zero before the first. */
  answeredNs: number;
  slowestNs: number;
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
  /** Capture began in the middle: how the client begins was not seen. */
  readonly isJoined: boolean;
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
    isJoined: midstream,
    answerDropped: false,
    doubt: midstream ? doubtOf("joined", Number.NaN) : undefined,
  };
}

export function doubtOf(cause: DoubtCause, groupNs: number): Doubt {
  const times = { answeredNs: 0, slowestNs: 0 };
  const fresh = { asked: [], refuted: [], isLoop: false, balanced: 0, seen: 0, ...times };
  if (cause === "response") {
    return { ...fresh, needed: 0, isJoined: false, groupNs, expected: Number.NaN };
  }
  const isJoined = cause === "joined";
  return { ...fresh, needed: 1, isJoined, groupNs: Number.NaN, expected: 0 };
}

/** What the loss of a side's bytes is a cause of. */
export function causeOf(side: Side, { doubt }: Ordered): DoubtCause {
  if (doubt?.isJoined === true) return "joined";
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
  if (due !== 0) {
    doubt.balanced = 0;
    forgetAsked(doubt);
  }
  // A group that gets no answer shows nothing of who waits.
  else if (!isFirst && doubt.seen > 0) doubt.balanced++;
  const isCalm = due === 0 && isQuiet(frame, doubt);
  doubt.groupNs = frame.startNs;
  // What the groups before were due is still to come.
  doubt.expected = Math.max(due || 0, 0);
  doubt.seen = 0;
  doubt.isLoop = doubt.isLoop || frame.eventLoop;
  if (isFirst || doubt.balanced < doubt.needed || !isClean) return false;
  if (!isCalm && !isInStep(state)) return false;
  state.doubt = undefined;
  return true;
}

/** Nothing has moved for so long that no answer can be due. */
function isQuiet({ startNs }: Beginning, { answeredNs, slowestNs }: Doubt): boolean {
  return answeredNs > 0 && startNs - answeredNs >= Math.max(QUIET_NS, QUIET_TIMES * slowestNs);
}

/** How many requests an answer may be behind, that is to be ruled out. */
function reachOf({ doubt, pipelines, isServer, isThreaded }: Ordered): number {
  return pipelines || (!isServer && (doubt?.isLoop === true || isThreaded)) ? LAGS : 1;
}

function isInStep(state: Ordered): boolean {
  const reach = reachOf(state);
  for (let lag = 1; lag < reach; lag++) if (state.doubt?.refuted[lag] !== true) return false;
  return true;
}

/** An answer, as far as it matters here. */
export interface Answer {
  readonly tid: number;
  readonly endNs: number;
}

function forgetAsked(doubt: Doubt): void {
  doubt.asked = [];
  doubt.refuted = [];
}

/**
 * Weighs the answer in doubt that comes next; before countAnswer(). `mayHave`: whether the request,
 * as countRequest() was given it, can have this answer. True when it shows, with those before, that
 * the last request has it, which is the only one of its group: pairing may begin with this answer.
 */
export function weigh<Asked>(
  frame: Answer,
  state: Ordered,
  mayHave: (asked: Asked) => boolean,
): boolean {
  const { doubt } = state;
  if (doubt === undefined) return false;
  const { asked, refuted } = doubt;
  const due = doubt.expected - doubt.seen;
  const own = asked.length - due;
  if (!(due >= 1) || own < 0) {
    forgetAsked(doubt);
    return false;
  }
  state.isThreaded = frame.tid !== state.groupTid;
  if (!mayHave(asked[own] as Asked)) {
    if (doubt.isJoined) state.pipelines = true;
    doubt.balanced = -1;
    forgetAsked(doubt);
    return false;
  }
  const reach = Math.min(reachOf(state), own + 1);
  for (let lag = 1; lag < reach; lag++) {
    if (refuted[lag] !== true && !mayHave(asked[own - lag] as Asked)) refuted[lag] = true;
  }
  const isAlone = doubt.expected === 1 && doubt.seen === 0;
  return isAlone && doubt.balanced >= Math.max(doubt.needed, 1) && isInStep(state);
}

/** An answer came that the oldest request cannot have, although nothing was lost that is known. */
export function noticeImpossible(state: Ordered): void {
  if (state.isJoined) state.pipelines = true;
}

/** A request was seen in doubt that gets so many answers; `asked` is what weigh() is told. */
export function countRequest({ doubt }: Ordered, answers: number, asked: unknown): void {
  if (doubt === undefined) return;
  doubt.expected += answers;
  if (!(answers <= LAGS)) forgetAsked(doubt);
  else for (let answer = 0; answer < answers; answer++) doubt.asked.push(asked);
  if (doubt.asked.length > ASKED_MAX) doubt.asked = doubt.asked.slice(-LAGS);
}

/** An answer was seen in doubt; true when it belongs to a request that was not seen. */
export function countAnswer(frame: Answer, state: Ordered): boolean {
  const { doubt } = state;
  if (doubt === undefined) return false;
  doubt.seen++;
  doubt.answeredNs = frame.endNs;
  if (frame.endNs > doubt.groupNs) {
    doubt.slowestNs = Math.max(doubt.slowestNs, frame.endNs - doubt.groupNs);
  }
  const isExpected = doubt.seen <= doubt.expected;
  if (isExpected) state.isThreaded = frame.tid !== state.groupTid;
  return !isExpected;
}
