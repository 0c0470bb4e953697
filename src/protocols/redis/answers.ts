/**
 * Answers → the commands that they belong to, in their order. Messages that nobody asked for are
 * told apart by their type (RESP3) or their first word (RESP2) and pair with nothing.
 */
import type { ExchangeSink } from "../contract.ts";
import { countAnswer, noticeImpossible, weigh } from "../doubt.ts";
import { endTransaction } from "./batch.ts";
import { isServerCode } from "./commands.ts";
import { enterDoubt, noticeDropped } from "./doubt.ts";
import { redisLimits } from "./limits.ts";
import {
  close,
  dequeue,
  dropHeld,
  enqueueHeld,
  ensureOpen,
  oldest,
  queued,
  settleUnanswered,
} from "./queue.ts";
import { noteSubscription, subscriptionsOf } from "./subscriptions.ts";
import { isDigit, Type } from "./syntax.ts";
import type { Batch, Command, Pending, RedisDetail, RedisState, ReplyFrame } from "./types.ts";

type Emit = ExchangeSink<RedisDetail>;

const messageWords: ReadonlySet<string> = new Set(["message", "pmessage", "smessage"]);
const unsubscribeWords: ReadonlySet<string> = new Set([
  "unsubscribe",
  "punsubscribe",
  "sunsubscribe",
]);

export function matchReply(frame: ReplyFrame, state: RedisState, emit: Emit): void {
  noticeDropped(state, frame.endNs, emit);
  if (isMessage(frame, oldest(state), state)) return;
  if (state.doubt !== undefined && !endDoubt(frame, state)) {
    dropHeld(state, emit);
    if (countAnswer(frame, state)) emit.orphan();
    return;
  }
  const entry = oldest(state);
  if (entry === undefined || !isPossible(frame, entry)) {
    emit.orphan();
    if (entry !== undefined) noticeImpossible(state);
    enterDoubt(state, entry === undefined ? "request" : "response", frame.endNs, emit);
    return;
  }
  if (isConfirmation(frame, entry)) {
    if (!confirm(frame, entry, state)) {
      enterDoubt(state, "request", frame.endNs, emit);
      return;
    }
    if (entry.left > 0) return;
  }
  finish(frame, entry, state, emit);
}

/** True when the answer shows that it is the held request's. */
function endDoubt(frame: ReplyFrame, state: RedisState): boolean {
  const isShown = weigh<Command>(frame, state, (command) => mayHave(command, frame));
  if (!isShown || state.held === undefined) return false;
  state.doubt = undefined;
  enqueueHeld(state);
  return true;
}

/** Something that nobody asked for: a push, a subscriber's message, a line of MONITOR. */
function isMessage(frame: ReplyFrame, entry: Pending | undefined, state: RedisState): boolean {
  if (frame.type === Type.push) return !isConfirmation(frame, entry);
  if (frame.type === Type.simple) {
    return state.isMonitoring && isDigit(frame.word.charCodeAt(0));
  }
  if (frame.type !== Type.array || frame.word === "") return false;
  if (messageWords.has(frame.word) && (frame.size === 3 || frame.size === 4)) {
    // Joined in the middle, whether somebody has subscribed shows by this only.
    if (state.doubt !== undefined) state.hasArrayMessages = true;
    return state.hasArrayMessages;
  }
  const isUnsubscribed = state.hasArrayMessages && unsubscribeWords.has(frame.word);
  return isUnsubscribed && !isConfirmation(frame, entry);
}

function isConfirmation(frame: ReplyFrame, entry: Pending | undefined): boolean {
  if (entry === undefined || entry.confirmation === "") return false;
  const isList = frame.type === Type.push || frame.type === Type.array;
  return isList && frame.word === entry.confirmation;
}

/** Whether this can be the command's answer; when not, one of them was not seen. */
function isPossible(frame: ReplyFrame, entry: Pending): boolean {
  if (frame.error !== undefined) return true;
  if (entry.confirmation !== "") return isConfirmation(frame, entry);
  const { kind } = entry.command;
  const { batch } = entry;
  const isQueued = frame.type === Type.simple && frame.word === "QUEUED";
  const isMember = batch?.kind === "MULTI" && batch.leader !== entry && !batch.refused;
  if (isMember && kind !== "exec" && kind !== "discard" && kind !== "quit") return isQueued;
  return !isQueued && isPossibleOf(frame, entry.command);
}

/** Whether the answer can be the command's, in a transaction that was not seen, too. */
function mayHave(command: Command, frame: ReplyFrame): boolean {
  const isQueued = frame.type === Type.simple && frame.word === "QUEUED";
  const { kind, replies } = command;
  if (kind !== "plain" || replies === "" || isQueued) return true;
  // A word in capitals of which the server knows nothing is a script's.
  if (frame.error !== undefined) return !/^[A-Z]+$/.test(frame.error) || isServerCode(frame.error);
  return isPossibleOf(frame, command);
}

function isPossibleOf(frame: ReplyFrame, { replies }: Command): boolean {
  if (frame.isNull) return replies !== ":" && replies !== "+";
  if (frame.type === Type.array && messageWords.has(frame.word)) return replies !== "";
  return replies === "" || replies.includes(String.fromCharCode(frame.type));
}

/** Notes one of the confirmations; false when it is not known how many there will be. */
function confirm(frame: ReplyFrame, entry: Pending, state: RedisState): boolean {
  if (Number.isNaN(entry.left)) entry.left = Math.max(1, subscriptionsOf(entry, state));
  noteSubscription(frame, state);
  if (Number.isNaN(entry.left)) {
    if (frame.third !== 0) return false;
    entry.left = 1;
  }
  entry.left--;
  return true;
}

/** The command's last answer has come. */
function finish(frame: ReplyFrame, entry: Pending, state: RedisState, emit: Emit): void {
  ensureOpen(state, entry, emit);
  dequeue(state);
  state.isThreaded = frame.tid !== entry.tid;
  takeEffect(frame, entry, state);
  noteCodes(frame, entry.batch?.leader.detail ?? entry.detail);
  entry.detail.database = state.isSentinel ? undefined : state.database;
  const { batch } = entry;
  const isRest = isTransactionEnd(entry) && batch === undefined && !state.isWhole;
  const how = { endNs: frame.endNs, outcome: isRest ? "truncated" : "complete" } as const;
  if (batch === undefined) close(state, entry, how, emit);
  else {
    batch.unanswered--;
    if (batch.refused && batch.unanswered === 0) endIfCurrent(batch, state);
    if (batch.leader !== entry) close(state, entry, how, emit);
    if (batch.unanswered === 0 && (batch.ended || batch.kind === "PIPELINE")) {
      batch.leader.detail.database = entry.detail.database;
      close(state, batch.leader, how, emit);
    }
  }
  settleUnanswered(state, emit);
  if (queued(state) > 0) return;
  // Every answer has come, and in between nothing was lost: what was seen of the client is true.
  if (state.mayPipeline) state.pipelines = true;
  state.mayPipeline = false;
}

function isTransactionEnd({ command }: Pending): boolean {
  return command.kind === "exec" || command.kind === "discard";
}

function endIfCurrent(batch: Batch, state: RedisState): void {
  if (state.transaction === batch) endTransaction(state);
  batch.ended = true;
}

function noteCodes(frame: ReplyFrame, detail: RedisDetail): void {
  if (frame.error !== undefined) noteCode(frame.error, detail);
  for (const code of frame.errors) noteCode(code, detail);
}

function noteCode(code: string, { codes }: RedisDetail): void {
  if (codes.length < redisLimits.codesMax && !codes.includes(code)) codes.push(code);
}

/** What a command that has succeeded changes for those behind it. */
function takeEffect(frame: ReplyFrame, entry: Pending, state: RedisState): void {
  const isError = frame.error !== undefined;
  switch (entry.command.kind) {
    case "multi":
      if (isError && entry.batch?.leader === entry) entry.batch.refused = true;
      break;
    case "exec":
      if (!isError) executed(frame, entry.batch, state);
      break;
    case "select":
      if (!isError && entry.database !== undefined) state.database = entry.database;
      break;
    case "monitor":
      if (!isError && entry.batch === undefined) state.isMonitoring = true;
      break;
    case "reset":
      if (!isError) reset(state);
      break;
  }
}

/** A SELECT among the queued commands has worked if no command failed. */
function executed(frame: ReplyFrame, batch: Batch | undefined, state: RedisState): void {
  if (batch === undefined) {
    // What was queued was not seen.
    state.database = undefined;
    return;
  }
  if (frame.isNull) batch.leader.detail.aborted = true;
  else if (batch.selects !== undefined) {
    state.database = frame.errors.length === 0 ? batch.selects : undefined;
  }
}

function reset(state: RedisState): void {
  state.database = "0";
  state.isMonitoring = false;
  state.hasArrayMessages = false;
  state.channels = 0;
  state.patterns = 0;
  state.shards = 0;
}
