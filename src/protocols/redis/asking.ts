/**
 * Commands → what waits for an answer. Every command is an exchange; those of one write and those
 * of a transaction are told by the first of them. Invariant: which commands have an exchange, and
 * in which order, depends on their bytes alone, so that both ends of a connection count alike.
 */
import type { ExchangeSink } from "../contract.ts";
import { countRequest, settlesDoubt } from "../doubt.ts";
import { addToBatch, batchOf, endTransaction, transactionOf } from "./batch.ts";
import { commandOf } from "./commands.ts";
import { enterDoubt, isClean, noticeDropped } from "./doubt.ts";
import { redisLimits } from "./limits.ts";
import { close, dropHeld, enqueue, oldest, open, queued, settleUnanswered } from "./queue.ts";
import type { Batch, Command, Pending, RedisDetail, RedisState, RequestFrame } from "./types.ts";

type Emit = ExchangeSink<RedisDetail>;

const plainSet: Command = { ...commandOf("SET"), replies: "+" };

export function matchRequest(frame: RequestFrame, state: RedisState, emit: Emit): void {
  noticeDropped(state, frame.startNs, emit);
  dropHeld(state, emit);
  const isCertain = settlesDoubt(frame, state, isClean(state));
  const isGroupStart = frame.startNs !== state.groupNs;
  if (isGroupStart && queued(state) > 0 && oldest(state)?.left !== 0) state.mayPipeline = true;
  state.groupNs = frame.startNs;
  state.groupTid = frame.tid;
  if (frame.command.kind === "sentinel") state.isSentinel = true;
  const answers = answersTo(frame, state);
  if (!isCertain) {
    countRequest(state, answers, knownOf(frame));
    const entry = entryOf(frame, state, { answers, batch: undefined });
    const { kind } = entry.command;
    if (answers !== 1 || (kind !== "plain" && kind !== "procedure")) {
      tellTruncated(entry, state, emit);
      return;
    }
    open(state, entry, emit);
    state.held = entry;
    return;
  }
  const batch = batchFor(frame, state, answers);
  const entry = entryOf(frame, state, { answers, batch });
  // A mode that changes while EXEC runs is known to the server alone.
  const isLost = batch === state.transaction && batch !== undefined && isReplyChange(frame);
  if (isLost || !enqueue(state, entry, emit)) {
    enterDoubt(state, "request", frame.endNs, emit);
    tellTruncated(entry, state, emit);
    return;
  }
  join(entry, frame, state);
  settleUnanswered(state, emit);
}

/** How many answers a command gets; CLIENT REPLY takes effect here, in the order of requests. */
function answersTo(frame: RequestFrame, state: RedisState): number {
  const { kind } = frame.command;
  if (state.transaction !== undefined) return 1;
  const mode = replyMode(frame);
  if (mode === "ON" || kind === "reset") {
    state.replies = "on";
    return 1;
  }
  if (mode === "OFF") state.replies = "off";
  else if (mode === "SKIP" && state.replies === "on") state.replies = "skip";
  else if (state.replies === "skip") {
    state.replies = "on";
    return 0;
  }
  if (state.replies !== "on") return 0;
  if (kind === "subscribe") return Math.max(1, frame.count);
  if (kind === "unsubscribe") return frame.count === 0 ? Number.NaN : frame.count;
  return 1;
}

/** SET without an option does not answer with a value. */
function knownOf({ command, count, name }: RequestFrame): Command {
  const isPlainSet = count === 2 && name.toUpperCase() === "SET";
  return isPlainSet ? plainSet : command;
}

function isReplyChange(frame: RequestFrame): boolean {
  return replyMode(frame) !== undefined;
}

/** CLIENT REPLY's mode; undefined of other commands. */
function replyMode({ command, first, second }: RequestFrame): string | undefined {
  return command.kind === "client" && first.toUpperCase() === "REPLY"
    ? second.toUpperCase()
    : undefined;
}

/** The batch that the command belongs to with others: a transaction, or a write's commands. */
function batchFor(frame: RequestFrame, state: RedisState, answers: number): Batch | undefined {
  const { transaction, pipelineLeader: leader } = state;
  if (transaction !== undefined) return frame.command.kind === "reset" ? undefined : transaction;
  if (leader?.exchange === undefined || frame.command.kind !== "plain" || answers !== 1) {
    return undefined;
  }
  if (leader.startNs !== frame.startNs || leader.tid !== frame.tid) return undefined;
  return batchOf(leader);
}

interface Circumstances {
  readonly answers: number;
  readonly batch: Batch | undefined;
}

function entryOf(frame: RequestFrame, state: RedisState, more: Circumstances): Pending {
  const { command, name, startNs, endNs, tid, eventLoop } = frame;
  const { answers, batch } = more;
  const isKept = state.queueChars + frame.text.length <= redisLimits.pendingCharsMax;
  const isScript = command.kind === "procedure" && /^[\w.-]{1,64}$/.test(frame.first);
  const isQueued = state.transaction !== undefined;
  const detail: RedisDetail = {
    operation: name,
    kind: command.kind,
    text: isKept && batch === undefined ? frame.text : "",
    truncated: frame.truncated || !isKept,
    procedure: isScript ? frame.first : undefined,
    follower: batch !== undefined,
    batch: undefined,
    database: undefined,
    codes: [],
    aborted: false,
  };
  const isSubscription = command.kind === "subscribe" || command.kind === "unsubscribe";
  return {
    ...{ command, detail, startNs, endNs, tid, eventLoop, batch, left: answers },
    exchange: undefined,
    opened: false,
    confirmation: isSubscription && !isQueued ? name.toLowerCase() : "",
    database: command.kind === "select" && !isQueued ? databaseOf(frame.first) : undefined,
  };
}

/** "" when it is none: then SELECT fails. */
function databaseOf(index: string): string {
  return /^\d{1,9}$/.test(index) ? String(Number(index)) : "";
}

/** Makes the command a member of its batch, or the leader of one that may follow. */
function join(entry: Pending, frame: RequestFrame, state: RedisState): void {
  if (entry.batch !== undefined) {
    addToBatch(entry.batch, entry, frame);
    if (entry.batch === state.transaction) followTransaction(frame, state);
    return;
  }
  state.pipelineLeader = undefined;
  if (entry.command.kind === "multi" && entry.left === 1) {
    state.transaction = transactionOf(entry);
  } else if (entry.command.kind === "reset") {
    endTransaction(state);
  } else if (mayLead(entry, state)) {
    // An event loop gathers what has nothing to do with each other.
    state.pipelineLeader = entry;
  }
}

function mayLead(entry: Pending, state: RedisState): boolean {
  return !state.isServer && !entry.eventLoop && entry.command.kind === "plain" && entry.left === 1;
}

function followTransaction(frame: RequestFrame, state: RedisState): void {
  const { kind } = frame.command;
  if (kind === "exec" || kind === "discard") endTransaction(state);
  else if (kind === "select" && state.transaction !== undefined) {
    state.transaction.selects = databaseOf(frame.first);
  }
}

function tellTruncated(entry: Pending, state: RedisState, emit: Emit): void {
  open(state, entry, emit);
  close(state, entry, { endNs: entry.endNs, outcome: "truncated" }, emit);
}
