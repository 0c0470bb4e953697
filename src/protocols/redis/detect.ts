/**
 * Recognises RESP by its bytes. Invariant: a request needs an array of strings that begins with a
 * command's name and has as many arguments as the command needs; an answer needs values that no
 * command is, and more than a line or two that other protocols have as well.
 */
import { latin1Of } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, FrameSink, StreamView } from "../contract.ts";
import { commandOf } from "./commands.ts";
import { redisLimits } from "./limits.ts";
import { createReplyLane, parseReplies } from "./replies.ts";
import { CR, isLetter, isNameByte, Length, LF, lengthEnd, readLength, Type } from "./syntax.ts";
import type { RedisFrame, RedisState, ReplyFrame } from "./types.ts";

type Verdict = "yes" | "no" | "more";

const POINTS_NEEDED = 2;
/** So much of one string is believed without its end. */
const STRING_BYTES_BELIEVED = 1_024;

export function detect(view: StreamView): Detection {
  const { bytes, start } = view;
  const first = bytes[start] ?? 0;
  if (first === Type.array) {
    const request = judgeRequest(view, start);
    if (request === "yes") return "request";
    const reply = judgeReply(view).verdict;
    if (reply === "yes") return "response";
    return request === "more" || reply === "more" ? "more" : "no";
  }
  // Inline commands are what other protocols have, too: the answers to them decide.
  if (isLetter(first)) return "no";
  const { verdict } = judgeReply(view);
  return verdict === "yes" ? "response" : verdict;
}

/** Whether an array that is a command stands at the index. */
export function judgeRequest({ bytes, end }: StreamView, index: number): Verdict {
  const count = readLength(bytes, index + 1, Math.min(end, index + redisLimits.headerBytesMax));
  if (count === Length.needMore) return "more";
  if (count < 1 || count > redisLimits.argumentsMax) return "no";
  const at = lengthEnd.index;
  if (at >= end) return "more";
  if (bytes[at] !== Type.bulk) return "no";
  const length = readLength(bytes, at + 1, Math.min(end, at + redisLimits.headerBytesMax));
  if (length === Length.needMore) return "more";
  if (length < 1 || length > redisLimits.nameBytesMax) return "no";
  const from = lengthEnd.index;
  const nameEnd = Math.min(end, from + length);
  for (let at = from; at < nameEnd; at++) if (!isNameByte(bytes[at] ?? 0)) return "no";
  if (from + length + 2 > end) return "more";
  if (bytes[from + length] !== CR || bytes[from + length + 1] !== LF) return "no";
  const next = from + length + 2;
  if (count > 1 && next < end && bytes[next] !== Type.bulk) return "no";
  const name = latin1Of(bytes, from, nameEnd);
  const command = commandOf(name);
  if (command.known) return count >= command.argumentsMin ? "yes" : "no";
  // A module's command; of another unknown one nothing can be said.
  return /^[A-Z]+\.[A-Z_]+$/i.test(name) ? "yes" : "more";
}

interface ReplyJudgement {
  readonly verdict: Verdict;
  readonly points: number;
}

/** Whether the view begins with an answer, by all the answers in it. */
export function judgeReply(view: StreamView): ReplyJudgement {
  const seen = { points: 0, lines: 0 };
  const out: FrameSink<RedisFrame> = {
    frame: (frame) => {
      if (frame.side === "response") addPoints(frame, seen);
    },
    skip: () => {},
    handOver: () => {},
  };
  const lane = createReplyLane();
  const consumed = parseReplies(view, lane, out);
  if (consumed < 0 && seen.points === 0) return { verdict: "no", points: 0 };
  if (consumed < 0) return { verdict: seen.points >= POINTS_NEEDED ? "yes" : "no", points: 0 };
  const isBegun = consumed > 0 && (lane.begun || lane.depth > 0 || lane.streaming);
  if (isBegun && view.end - view.start >= STRING_BYTES_BELIEVED) seen.points += POINTS_NEEDED;
  const points = seen.points + (isBegun ? 1 : 0);
  return { verdict: seen.points >= POINTS_NEEDED ? "yes" : "more", points };
}

const STRONG = 2;
const errorCodes: ReadonlySet<string> = new Set(
  (
    "ERR WRONGTYPE MOVED ASK NOAUTH NOPERM WRONGPASS NOSCRIPT EXECABORT LOADING BUSY READONLY " +
    "OOM MISCONF CLUSTERDOWN CROSSSLOT TRYAGAIN MASTERDOWN NOREPLICAS BUSYGROUP NOGROUP NOPROTO " +
    "BUSYKEY UNKILLABLE NOTBUSY INPROG NOMASTERLINK NOREPLICAS"
  ).split(" "),
);

/** Simple lines are what other protocols have, too: all of them together are one weak sign. */
function addPoints(frame: ReplyFrame, seen: { points: number; lines: number }): void {
  if (frame.error !== undefined) {
    if (errorCodes.has(frame.error)) seen.points += STRONG;
    else if (frame.error !== "" && seen.lines++ === 0) seen.points += 1;
    return;
  }
  if (frame.type === Type.simple || frame.type === Type.integer) {
    const isTelling = frame.word === "PONG" || frame.word === "QUEUED";
    if (isTelling) seen.points += STRONG;
    else if (seen.lines++ === 0) seen.points += 1;
    return;
  }
  // A list of strings that begins with a name may be a command that the table lacks.
  const isCommand = frame.type === Type.array && /^[\w.-]+$/.test(frame.word);
  const isMessage = frame.word === "message" || frame.word === "pmessage";
  if (!isCommand || isMessage || !Number.isNaN(frame.third)) seen.points += STRONG;
}

/**
 * First index at which a frame can begin after a loss. A command is looked for behind the end of a
 * line, too; an answer at the head of the view only, since values hold anything.
 */
export function resync(view: StreamView, side: Side, state: RedisState): number {
  const { bytes, start, end } = view;
  if (side === "response") {
    const { verdict, points } = judgeReply(view);
    if (verdict === "yes" || (verdict === "more" && points > 0)) return start;
    state.answerDropped = true;
    return -1;
  }
  for (let index = bytes.indexOf(Type.array, start); index >= 0 && index < end; ) {
    const verdict = judgeRequest(view, index);
    const isHead = index === start;
    const isBehindLine = bytes[index - 1] === LF && bytes[index - 2] === CR;
    if (verdict === "yes" && (isHead || (index >= start + 2 && isBehindLine))) {
      if (!isHead) noticeRest(view, state);
      return index;
    }
    if (isHead && verdict === "more") return index;
    index = bytes.indexOf(Type.array, index + 1);
  }
  return -1;
}

/** What was passed over is the rest of a command of the same write, which will be answered. */
function noticeRest(view: StreamView, state: RedisState): void {
  if (state.doubt === undefined) return;
  state.doubt.groupNs = view.timeAt(view.start);
  state.doubt.expected = Number.NaN;
}
