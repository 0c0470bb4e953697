/**
 * When answers cannot be paired, and how that ends. The rule: a client that waits for answers has
 * none outstanding when it sends a command, so its next command is paired again. A client that
 * has sent a command before the answer to the one before came stays in doubt once bytes were lost:
 * pairing its answers would be a guess. Invariant: in doubt nothing is pending, answers are passed
 * over, and every command becomes a truncated exchange at once.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { Command } from "./packets.ts";
import { forgetStatements } from "./statements.ts";
import type { Entry, MysqlDetail, MysqlState } from "./types.ts";

/** Bytes of a side were lost. */
export function lost(
  side: Side,
  state: MysqlState,
  at: Moment,
  emit: ExchangeSink<MysqlDetail>,
): void {
  giveUp(enterDoubt(state), at.timeNs, emit);
  // Which numbers mean what was perhaps among the lost commands.
  if (side === "request") {
    forgetStatements(state);
    state.database = undefined;
  }
  state.inTransaction = undefined;
  state.backslash = "unknown";
  if (state.stage === "opening") state.stage = "commands";
}

/** Gives the entries that can no longer be paired. */
export function enterDoubt(state: MysqlState): Entry[] {
  const entries = state.pending;
  for (const entry of entries) forgetWhatChanges(state, entry);
  state.pending = [];
  state.doubt = true;
  state.proven = false;
  state.mayEndTwice = false;
  for (const side of ["request", "response"] as const) {
    const own = state.sides[side];
    own.continues = false;
    clearInner(state, side);
  }
  return entries;
}

/** Whether a command has succeeded will not be known: what it may have changed is not, either. */
export function forgetWhatChanges(state: MysqlState, entry: Entry): void {
  const { command, statement } = entry.detail;
  const several = (statement?.description.statements ?? 1) > 1;
  if (entry.nextDatabase !== undefined || several) state.database = undefined;
  if (command === Command.changeUser || command === Command.resetConnection) {
    state.database = undefined;
    forgetStatements(state);
  }
}

export function clearInner(state: MysqlState, side: Side): void {
  const { inner } = state.sides[side];
  inner.start = 0;
  inner.end = 0;
  inner.skip = 0;
  state.sides[side].outerSequence = -1;
}

export function leaveDoubt(state: MysqlState): void {
  state.doubt = false;
  clearInner(state, "response");
}

export function giveUp(
  entries: readonly Entry[],
  atNs: number,
  emit: ExchangeSink<MysqlDetail>,
): void {
  for (const entry of entries) {
    const { exchange } = entry;
    entry.exchange = undefined;
    if (exchange !== undefined) emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
  }
}
