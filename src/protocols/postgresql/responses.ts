/**
 * What each answer message means for pairing. Invariant: an answer is paired with the oldest
 * request that is unanswered and of a kind that it can answer; otherwise the pairing was wrong, and
 * everything open is given up as truncated instead of shifted by one.
 */
import type { ExchangeSink } from "../contract.ts";
import { enterDoubt, noticeDropped, readyInDoubt } from "./doubt.ts";
import { noteAnswer } from "./in-step.ts";
import { Backend } from "./messages.ts";
import { abort, isAnsweredByReady } from "./requests.ts";
import { addCompletion } from "./rows.ts";
import { forgetUnconfirmed, rememberStatement } from "./statements.ts";
import {
  type Pending,
  type PendingKind,
  type PostgresqlDetail,
  type PostgresqlFrame,
  type PostgresqlState,
  type TransactionStatus,
  takeExchange,
} from "./types.ts";

type Emit = ExchangeSink<PostgresqlDetail>;

export function matchResponse(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  if (state.answerDropped) noticeDropped(state, frame.startNs, emit);
  if (state.inStep !== undefined) noteAnswer(state.inStep, frame);
  if (frame.type === Backend.readyForQuery) {
    ready(frame, state, emit);
    return;
  }
  if (frame.type === Backend.error) {
    failed(frame, state, emit);
    return;
  }
  const head = state.pending[0];
  if (head === undefined) {
    unexpected(frame, state);
    return;
  }
  switch (frame.type) {
    case Backend.parseComplete:
      answered("parse", head, { frame, state, emit });
      return;
    case Backend.bindComplete:
      answered("bind", head, { frame, state, emit });
      return;
    case Backend.closeComplete:
      answered("close", head, { frame, state, emit });
      return;
    case Backend.noData:
    case Backend.rowDescription:
      if (head.kind === "query") return;
      answered("describe", head, { frame, state, emit });
      return;
    case Backend.commandComplete:
    case Backend.emptyQuery:
    case Backend.portalSuspended:
      completed(frame, head, state, emit);
      return;
    case Backend.copyIn:
      copyBegins(frame, head, state, emit);
      return;
    case Backend.copyBoth:
      streamBegins(frame, head, state, emit);
      return;
    case Backend.functionResponse:
      if (head.kind !== "functionCall") mismatch(frame, state, emit);
  }
}

interface Context {
  readonly frame: PostgresqlFrame;
  readonly state: PostgresqlState;
  readonly emit: Emit;
}

/** Nobody waits: an answer to a request that was not seen, if it is an answer at all. */
function unexpected(frame: PostgresqlFrame, state: PostgresqlState): void {
  const { type } = frame;
  if (
    type === Backend.commandComplete ||
    type === Backend.emptyQuery ||
    type === Backend.portalSuspended
  ) {
    state.strayAnswer = true;
    state.rows = 0;
  }
}

function answered(kind: PendingKind, head: Pending, context: Context): void {
  const { frame, state, emit } = context;
  if (head.kind !== kind) {
    mismatch(frame, state, emit);
    return;
  }
  state.pending.shift();
  const { group } = head;
  if (group === undefined) return;
  group.unanswered--;
  // Only a group without Execute has its exchange and no message left.
  if (group.unanswered === 0) finish(head, frame.endNs, emit);
}

/** One statement of a simple query has ended, or an Execute. */
function completed(
  frame: PostgresqlFrame,
  head: Pending,
  state: PostgresqlState,
  emit: Emit,
): void {
  if (head.kind !== "query" && head.kind !== "execute") {
    mismatch(frame, state, emit);
    return;
  }
  const exchange = head.exchange ?? head.group?.exchange;
  if (exchange !== undefined) addCompletion(exchange.detail, frame, state.rows);
  state.rows = 0;
  state.copyIn = false;
  if (head.kind === "query") return;
  state.pending.shift();
  finish(head, frame.endNs, emit);
}

function finish(entry: Pending, endNs: number, emit: Emit): void {
  const exchange = takeExchange(entry);
  if (exchange !== undefined) emit.close(exchange, endNs, "complete");
}

/** The server reads CopyData now. Syncs that are under way already will be ignored by it. */
function copyBegins(
  frame: PostgresqlFrame,
  head: Pending,
  state: PostgresqlState,
  emit: Emit,
): void {
  if (head.kind !== "query" && head.kind !== "execute") {
    mismatch(frame, state, emit);
    return;
  }
  state.copyIn = true;
  while (head.kind === "execute" && state.pending[1]?.kind === "sync") {
    state.pending.splice(1, 1);
    state.pendingSyncs--;
  }
}

/** Replication: the exchange ends where a stream begins that lives as long as the replica. */
function streamBegins(
  frame: PostgresqlFrame,
  head: Pending,
  state: PostgresqlState,
  emit: Emit,
): void {
  if (head.kind !== "query" && head.kind !== "execute") {
    mismatch(frame, state, emit);
    return;
  }
  state.copyIn = true;
  finish(head, frame.endNs, emit);
}

function failed(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  const head = state.pending[0];
  state.rows = 0;
  if (state.doubt !== undefined) forgetUnconfirmed(state);
  if (head === undefined) {
    // FATAL comes unasked too: the server shuts down, the session was idle for too long.
    if (!frame.flag) state.strayAnswer = true;
    return;
  }
  state.copyIn = false;
  if (head.kind === "sync") {
    // Nobody to blame: what this Sync commits was answered before.
    if (!frame.flag) emit.orphan();
    return;
  }
  const exchange = head.exchange ?? head.group?.exchange;
  if (exchange !== undefined) exchange.detail.sqlState = frame.text;
  if (frame.flag) {
    // No ReadyForQuery will come: the server closes the connection.
    state.pending.shift();
    if (isAnsweredByReady(head.kind)) state.pendingSyncs--;
    finish(head, frame.endNs, emit);
  } else if (!isAnsweredByReady(head.kind)) failGroup(frame, head, state, emit);
}

/** Everything up to the next Sync is skipped by the server. */
function failGroup(
  frame: PostgresqlFrame,
  head: Pending,
  state: PostgresqlState,
  emit: Emit,
): void {
  const { pending } = state;
  finish(head, frame.endNs, emit);
  if (head.group !== undefined) {
    head.group.failure = { sqlState: frame.text, endNs: frame.endNs };
  }
  const sync = pending.findIndex((entry) => entry.kind === "sync");
  const skipped = pending.splice(0, sync < 0 ? pending.length : sync);
  state.skipping = sync < 0;
  for (const entry of skipped) {
    if (isAnsweredByReady(entry.kind)) state.pendingSyncs--;
    const exchange = takeExchange(entry);
    if (exchange !== undefined) abort(exchange, frame.endNs, emit);
  }
  // In reverse: a name may have been prepared more than once.
  for (const entry of skipped.reverse()) {
    if (entry.kind === "parse") rememberStatement(state, entry.name, entry.previous);
  }
}

const statuses: Readonly<Record<string, TransactionStatus>> = {
  I: "idle",
  T: "active",
  E: "failed",
};

function ready(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  state.transaction = statuses[frame.text];
  state.copyIn = false;
  if (state.doubt !== undefined) {
    readyInDoubt(frame, state, emit);
    return;
  }
  const head = state.pending[0];
  if (head === undefined) {
    if (state.strayAnswer) emit.orphan();
    state.strayAnswer = false;
  } else if (isAnsweredByReady(head.kind)) {
    state.pending.shift();
    state.pendingSyncs--;
    finish(head, frame.endNs, emit);
  } else {
    mismatch(frame, state, emit);
    return;
  }
  // Portals end with their transaction.
  if (state.pending.length === 0 && state.group === undefined && frame.text === "I") {
    state.portals.clear();
  }
}

/** This cannot answer the oldest request: some request was not seen, so none can be paired. */
function mismatch(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  enterDoubt(state, "request", frame.endNs, emit);
  state.outstanding = 0;
  state.atBoundary = false;
}
