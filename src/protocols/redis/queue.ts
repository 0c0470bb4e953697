/**
 * The requests of a connection that wait for their answers, oldest first. Invariant: no more of
 * their exchanges are open than inFlightMax; those behind are opened when their answer comes, so
 * that exchanges are opened in the order of their requests in any case.
 */
import type { ExchangeSink } from "../contract.ts";
import { redisLimits } from "./limits.ts";
import type { Pending, RedisDetail, RedisState } from "./types.ts";

type Emit = ExchangeSink<RedisDetail>;

/** The front of the array is cut off when so much of it is gone. */
const COMPACT_FROM = 256;

export function queued(state: RedisState): number {
  return state.queue.length - state.queueStart;
}

export function oldest(state: RedisState): Pending | undefined {
  return state.queue[state.queueStart];
}

/** False when too many wait already. */
export function enqueue(state: RedisState, entry: Pending, emit: Emit): boolean {
  if (queued(state) >= redisLimits.pendingMax) return false;
  state.queue.push(entry);
  state.queueChars += entry.detail.text.length;
  if (state.unopened === 0 && state.openCount < redisLimits.inFlightMax) {
    open(state, entry, emit);
  } else state.unopened++;
  return true;
}

/** The oldest has been answered; its exchange is open. */
export function dequeue(state: RedisState): void {
  const entry = oldest(state);
  if (entry === undefined) return;
  state.queueChars -= entry.detail.text.length;
  state.queueStart++;
  if (state.queueStart === state.queue.length) {
    state.queue.length = 0;
    state.queueStart = 0;
  } else if (state.queueStart >= COMPACT_FROM && state.queueStart * 2 >= state.queue.length) {
    state.queue = state.queue.slice(state.queueStart);
    state.queueStart = 0;
  }
}

/** Opens the exchange of the entry, if it is not: those before it are open or over. */
export function ensureOpen(state: RedisState, entry: Pending, emit: Emit): void {
  if (entry.opened) return;
  state.unopened--;
  open(state, entry, emit);
}

export function open(state: RedisState, entry: Pending, emit: Emit): void {
  const { startNs, tid, eventLoop, detail, batch } = entry;
  const leader = batch?.leader;
  const partOf = leader === entry ? undefined : leader?.exchange;
  entry.exchange = emit.open({ startNs, tid, eventLoop, detail, partOf });
  entry.opened = true;
  state.openCount++;
}

export function close(
  state: RedisState,
  entry: Pending,
  how: { readonly endNs: number; readonly outcome: "complete" | "one_way" | "truncated" },
  emit: Emit,
): void {
  const { exchange } = entry;
  if (exchange === undefined) return;
  entry.exchange = undefined;
  state.openCount--;
  emit.close(exchange, Math.max(how.endNs, exchange.startNs), how.outcome);
}

/** What was asked in doubt stays unpaired. */
export function dropHeld(state: RedisState, emit: Emit): void {
  const { held } = state;
  state.held = undefined;
  if (held !== undefined) close(state, held, { endNs: held.endNs, outcome: "truncated" }, emit);
}

/** Nothing is in doubt any more: what was held waits for its answer as all that follows. */
export function enqueueHeld(state: RedisState): void {
  const { held } = state;
  state.held = undefined;
  if (held === undefined) return;
  state.queue.push(held);
  state.queueChars += held.detail.text.length;
}

/** Opens what has no exchange yet, for somebody else to close. */
export function openAll(state: RedisState, emit: Emit): void {
  for (let index = state.queueStart; index < state.queue.length; index++) {
    const entry = state.queue[index];
    if (entry !== undefined) ensureOpen(state, entry, emit);
  }
}

/** Forgets the queue; every exchange that is open is closed as truncated. */
export function giveUp(state: RedisState, atNs: number, emit: Emit): void {
  for (let index = state.queueStart; index < state.queue.length; index++) {
    const entry = state.queue[index];
    if (entry === undefined) continue;
    const leader = entry.batch?.leader;
    ensureOpen(state, entry, emit);
    close(state, entry, { endNs: atNs, outcome: "truncated" }, emit);
    if (leader !== undefined) close(state, leader, { endNs: atNs, outcome: "truncated" }, emit);
  }
  const { transaction } = state;
  if (transaction !== undefined) {
    close(state, transaction.leader, { endNs: atNs, outcome: "truncated" }, emit);
  }
  state.queue.length = 0;
  state.queueStart = 0;
  state.queueChars = 0;
  state.unopened = 0;
  state.transaction = undefined;
  state.pipelineLeader = undefined;
}

/** What gets no answer is over as soon as everything before it is. */
export function settleUnanswered(state: RedisState, emit: Emit): void {
  for (let entry = oldest(state); entry?.left === 0; entry = oldest(state)) {
    ensureOpen(state, entry, emit);
    dequeue(state);
    close(state, entry, { endNs: entry.endNs, outcome: "one_way" }, emit);
  }
}
