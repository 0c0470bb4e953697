/**
 * Pairs packets of the binary protocol: answers come in the order of their requests and repeat
 * opcode, opaque and, of some, the key. A quiet request that had nothing to say is over when a
 * later one is answered. Invariant: an answer that several requests can have is nobody's.
 */
import type { Side } from "../../model/connection.ts";
import type { Outcome } from "../../model/exchange.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import {
  causeOf,
  countAnswer,
  countRequest,
  type DoubtCause,
  doubtOf,
  hasDropped,
  noticeImpossible,
  settlesDoubt,
  weigh,
} from "../doubt.ts";
import { nameOf } from "./binary-parse.ts";
import type {
  BinaryFrame,
  BinaryPending,
  BinaryReply,
  BinaryRequest,
  BinaryState,
} from "./binary-types.ts";
import { memcachedLimits } from "./limits.ts";
import { isFailure, Opcode, operationOf, Status } from "./opcodes.ts";
import type { MemcachedDetail } from "./types.ts";

type Emit = ExchangeSink<MemcachedDetail>;

/** So many that are over stay in front at most; as many as may be open, so that it is linear. */
const COMPACT_FROM = memcachedLimits.inFlightMax;

export function match(frame: BinaryFrame, _side: Side, state: BinaryState, emit: Emit): void {
  if (frame.side === "end") {
    endQuiet(state, Number.POSITIVE_INFINITY, emit);
    return;
  }
  if (hasDropped(state)) enterDoubt(state, "response", frame.endNs, emit);
  if (frame.side === "request") matchRequest(frame, state, emit);
  else matchReply(frame, state, emit);
}

function matchRequest(frame: BinaryRequest, state: BinaryState, emit: Emit): void {
  dropHeld(state, emit);
  const isCertain = settlesDoubt(frame, state, isClean(state));
  const isGroupStart = frame.startNs !== state.groupNs;
  if (isGroupStart && waitsForAnswer(state)) state.mayPipeline = true;
  state.groupNs = frame.startNs;
  state.groupTid = frame.tid;
  const { startNs, endNs, tid, eventLoop, opcode } = frame;
  const rest = { truncated: false, values: undefined, error: undefined };
  const detail: MemcachedDetail = { operation: nameOf(opcode), text: frame.text, ...rest };
  const exchange = emit.open({ startNs, tid, eventLoop, detail });
  if (opcode === Opcode.quitQ) emit.close(exchange, endNs, isCertain ? "one_way" : "truncated");
  else if (!isCertain) {
    if (isQuiet(frame)) {
      emit.close(exchange, endNs, "truncated");
      state.isQuietDue = true;
    } else {
      state.held = { exchange, frame };
      countRequest(state, 1, frame);
    }
  } else {
    state.pending.push({ exchange, frame });
    if (isQuiet(frame)) for (const mark of marksOf(frame)) count(state, mark, 1);
    if (state.pending.length - state.pendingStart < memcachedLimits.inFlightMax) return;
    enterDoubt(state, "request", endNs, emit);
  }
}

/** No answer has begun, and none of a quiet request may come. */
function isClean({ passing, statBegun, isQuietDue, doubt }: BinaryState): boolean {
  const isDue = doubt !== undefined && isQuietDue;
  return passing.response === undefined && !statBegun && !isDue;
}

function isQuiet({ operation }: BinaryRequest): boolean {
  return operation?.quiet === true;
}

function waitsForAnswer({ pending }: BinaryState): boolean {
  const last = pending.at(-1);
  return last !== undefined && !isQuiet(last.frame);
}

function matchReply(frame: BinaryReply, state: BinaryState, emit: Emit): void {
  const mayBeSilent = operationOf(frame.opcode)?.quiet === true;
  const { doubt } = state;
  if (doubt !== undefined) {
    if (mayBeSilent) return;
    if (endDoubt(frame, state)) {
      const own = take(state);
      if (own !== undefined) finish(frame, own, state, emit);
      return;
    }
    dropHeld(state, emit);
    if (countAnswer(frame, state)) emit.orphan();
    if (doubt.seen === doubt.expected) state.isQuietDue = false;
    return;
  }
  if (mayBeSilent && (state.quiet.get(markOf(frame, frame.key)) ?? 0) > 1) {
    state.isUnsure = true;
    return;
  }
  const found = findEntry(frame, state);
  if (found < 0) {
    emit.orphan();
    const isUnknown = state.pending.length === state.pendingStart;
    if (!isUnknown) noticeImpossible(state);
    enterDoubt(state, isUnknown ? "request" : "response", frame.endNs, emit);
    return;
  }
  while (state.pendingStart < found) passSilent(state, frame.endNs, emit);
  const own = take(state);
  if (own !== undefined) finish(frame, own, state, emit);
  if (state.pendingStart < state.pending.length) return;
  state.isUnsure = false;
  if (state.mayPipeline) state.pipelines = true;
  state.mayPipeline = false;
}

/** Index of the oldest request that can have the answer, behind silent ones only; -1 = none. */
function findEntry(frame: BinaryReply, { pending, pendingStart }: BinaryState): number {
  for (let index = pendingStart; index < pending.length; index++) {
    const asked = pending[index]?.frame;
    if (asked === undefined) return -1;
    if (mayHave(asked, frame)) return index;
    if (!isQuiet(asked)) return -1;
  }
  return -1;
}

function mayHave(asked: BinaryRequest, { opcode, opaque, key }: BinaryReply): boolean {
  return asked.opcode === opcode && asked.opaque === opaque && (key === "" || asked.key === key);
}

/** True when the answer shows that it is the held request's, which is the only one that waits. */
function endDoubt(frame: BinaryReply, state: BinaryState): boolean {
  const isShown = weigh<BinaryRequest>(frame, state, (asked) => mayHave(asked, frame));
  const { held } = state;
  if (!isShown || held === undefined) return false;
  state.held = undefined;
  state.doubt = undefined;
  // Quiet ones before it would have been answered by now.
  state.isQuietDue = false;
  state.pending.push(held);
  return true;
}

/** What was asked in doubt stays unpaired. */
function dropHeld(state: BinaryState, emit: Emit): void {
  const { held } = state;
  state.held = undefined;
  if (held !== undefined) emit.close(held.exchange, held.frame.endNs, "truncated");
}

function finish(
  frame: BinaryReply,
  { exchange, frame: asked }: BinaryPending,
  state: BinaryState,
  emit: Emit,
): void {
  state.isThreaded = frame.tid !== asked.tid;
  const { detail } = exchange;
  const { status } = frame;
  if (isFailure(status)) detail.error = `0x${status.toString(16).padStart(4, "0")}`;
  else if (asked.operation?.getsValue) detail.values = status === Status.none ? 1 : 0;
  emit.close(exchange, frame.endNs, "complete");
}

/** The oldest had nothing to say: that it would have is certain now. */
function passSilent(state: BinaryState, atNs: number, emit: Emit): void {
  const entry = take(state);
  if (entry === undefined) return;
  const { exchange, frame } = entry;
  if (frame.operation?.getsValue && !state.isUnsure) exchange.detail.values = 0;
  emit.close(exchange, Math.max(atNs, exchange.startNs), "complete");
}

function take(state: BinaryState): BinaryPending | undefined {
  const entry = state.pending[state.pendingStart];
  if (entry === undefined) return undefined;
  state.pendingStart++;
  if (isQuiet(entry.frame)) for (const mark of marksOf(entry.frame)) count(state, mark, -1);
  if (state.pendingStart === state.pending.length || state.pendingStart >= COMPACT_FROM) {
    state.pending = state.pending.slice(state.pendingStart);
    state.pendingStart = 0;
  }
  return entry;
}

/** Errors do not repeat the key. */
function marksOf(frame: BinaryRequest): readonly string[] {
  const mark = markOf(frame, "");
  return frame.key === "" ? [mark] : [mark, markOf(frame, frame.key)];
}

function markOf({ opcode, opaque }: BinaryRequest | BinaryReply, key: string): string {
  return `${opcode} ${opaque} ${key}`;
}

function count({ quiet }: BinaryState, mark: string, by: number): void {
  const left = (quiet.get(mark) ?? 0) + by;
  if (left > 0) quiet.set(mark, left);
  else quiet.delete(mark);
}

/** Bytes of a side were lost: what is under way cannot be paired any more. */
export function lost(side: Side, state: BinaryState, at: Moment, emit: Emit): void {
  state.passing[side] = undefined;
  if (side === "response") state.statBegun = false;
  enterDoubt(state, causeOf(side, state), at.timeNs, emit);
}

function enterDoubt(state: BinaryState, cause: DoubtCause, atNs: number, emit: Emit): void {
  state.isQuietDue = state.isQuietDue || state.quiet.size > 0;
  dropHeld(state, emit);
  closeAll(state, { atNs, outcome: "truncated" }, emit);
  state.mayPipeline = false;
  state.doubt = doubtOf(cause, state.groupNs);
}

function closeAll(
  state: BinaryState,
  how: { readonly atNs: number | undefined; readonly outcome: Outcome },
  emit: Emit,
): void {
  for (const { exchange, frame } of state.pending.slice(state.pendingStart)) {
    emit.close(exchange, Math.max(how.atNs ?? frame.endNs, exchange.startNs), how.outcome);
  }
  state.pending = [];
  state.pendingStart = 0;
  state.quiet.clear();
  state.isUnsure = false;
}

/** Quiet requests that nothing follows: had they something to say, it would have come by now. */
export function expire(state: BinaryState, nowNs: number, emit: Emit): void {
  endQuiet(state, nowNs - memcachedLimits.quietNsMax, emit);
}

function endQuiet(state: BinaryState, beforeNs: number, emit: Emit): void {
  const { pending, pendingStart } = state;
  const last = pending.at(-1);
  if (last === undefined || last.frame.endNs >= beforeNs) return;
  for (let index = pendingStart; index < pending.length; index++) {
    const asked = pending[index]?.frame;
    if (asked === undefined || !isQuiet(asked)) return;
  }
  closeAll(state, { atNs: undefined, outcome: "one_way" }, emit);
}
