/**
 * What each request message means for pairing. Invariant: each Query, Execute and FunctionCall
 * opens exactly one exchange, and so does each group of messages that Sync or Flush ends without an
 * Execute; this depends on the request bytes alone, so that both ends of a connection count alike.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { traceparentOf } from "../sql/index.ts";
import { countInDoubt, enterDoubt, leaveDoubt, noticeDropped, settlesDoubt } from "./doubt.ts";
import { noteAsked } from "./in-step.ts";
import { Frontend } from "./messages.ts";
import { forgetNames, rememberPortal, rememberStatement, statementOf } from "./statements.ts";
import {
  type Group,
  type Operation,
  type Pending,
  type PendingKind,
  type PostgresqlDetail,
  type PostgresqlFrame,
  type PostgresqlState,
  postgresqlLimits,
  type Statement,
} from "./types.ts";

type Emit = ExchangeSink<PostgresqlDetail>;
type Opened = Exchange<PostgresqlDetail>;

export function matchRequest(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  switch (frame.type) {
    case Frontend.startup:
      startSession(state, frame, emit);
      return;
    case Frontend.cancel:
      cancel(frame, state, emit);
      return;
    case Frontend.terminate:
      return;
    case Frontend.copyDone:
    case Frontend.copyFail:
      endCopy(state);
      return;
    case Frontend.sync:
      sync(frame, state, emit);
      return;
    case Frontend.flush:
      endGroup(frame.endNs, state, emit);
      return;
  }
  if (state.answerDropped) noticeDropped(state, frame.startNs, emit);
  if (state.doubt !== undefined && settlesDoubt(frame, state)) leaveDoubt(state);
  if (state.inStep !== undefined) noteAsked(state.inStep, frame);
  noticePipelining(state);
  if (frame.type === Frontend.query || frame.type === Frontend.functionCall) {
    wholeRequest(frame, state, emit);
  } else extended(frame, state, emit);
}

/** A session begins: whatever was thought before does not hold. */
function startSession(state: PostgresqlState, frame: PostgresqlFrame, emit: Emit): void {
  enterDoubt(state, "joined", frame.startNs, emit);
  leaveDoubt(state);
  forgetNames(state);
  state.pipelines = false;
  state.atBoundary = true;
  push(state, emit, entryOf("startup"));
}

/** CancelRequest has a connection of its own and no answer. */
function cancel(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  const exchange = open(frame, state, emit, { operation: "cancel" });
  emit.close(exchange, frame.endNs, "one_way");
}

function endCopy(state: PostgresqlState): void {
  state.copyIn = false;
  if (state.doubt !== undefined) state.outstanding = 0;
}

/** A request behind one that ReadyForQuery has not answered yet. */
function noticePipelining(state: PostgresqlState): void {
  if (state.pendingSyncs > 0 && state.doubt === undefined && state.atBoundary) {
    state.pipelines = true;
  }
}

/** Query and FunctionCall: one message, one answer that ends with ReadyForQuery. */
function wholeRequest(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  const isQuery = frame.type === Frontend.query;
  const how = { prepared: false, truncated: frame.flag };
  const statement = isQuery ? statementOf(frame.text, state, how) : undefined;
  const traceparent = traceparentOf(frame.text);
  const operation = isQuery ? "query" : "functionCall";
  const exchange = open(frame, state, emit, { operation, statement, traceparent });
  state.group = undefined;
  if (state.doubt !== undefined) {
    emit.close(exchange, frame.endNs, "truncated");
    countInDoubt(frame, state);
    state.atBoundary = true;
    return;
  }
  if (state.skipping) {
    abort(exchange, frame.endNs, emit);
    return;
  }
  state.atBoundary = true;
  push(state, emit, entryOf(operation, exchange));
}

function extended(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  if (frame.type === Frontend.close) {
    close(frame, state, emit);
    return;
  }
  state.group ??= newGroup(frame);
  const group = state.group;
  state.atBoundary = false;
  if (frame.type === Frontend.parse) prepare(frame, group, state, emit);
  else if (frame.type === Frontend.bind) {
    group.statement = state.statements.get(frame.target);
    if (!state.skipping) rememberPortal(state, frame.name, group.statement);
    enqueue(state, group, emit, "bind");
  } else if (frame.type === Frontend.describe) {
    const names = frame.target === "S" ? state.statements : state.portals;
    group.statement ??= names.get(frame.name);
    enqueue(state, group, emit, "describe");
  } else execute(frame, group, state, emit);
}

function prepare(frame: PostgresqlFrame, group: Group, state: PostgresqlState, emit: Emit): void {
  const statement = statementOf(frame.text, state, { prepared: true, truncated: frame.flag });
  group.statement = statement;
  // A named statement runs many times: what its comment says is true of the first at most.
  if (frame.name === "") group.traceparent = traceparentOf(frame.text);
  // Parse drops the unnamed statement even when it fails; a named one it cannot replace.
  const previous = frame.name === "" ? undefined : state.statements.get(frame.name);
  if (!state.skipping) {
    rememberStatement(state, frame.name, statement);
    if (state.doubt !== undefined) state.unconfirmed.add(frame.name);
  }
  if (state.doubt !== undefined || state.skipping) return;
  group.unanswered++;
  push(state, emit, { kind: "parse", group, exchange: undefined, name: frame.name, previous });
}

function execute(frame: PostgresqlFrame, group: Group, state: PostgresqlState, emit: Emit): void {
  const statement = state.portals.get(frame.name);
  const { traceparent } = group;
  const exchange = open(group, state, emit, { operation: "execute", statement, traceparent });
  state.group = undefined;
  if (state.doubt !== undefined) emit.close(exchange, frame.endNs, "truncated");
  else if (group.failure !== undefined) fail(exchange, group, emit);
  else if (state.skipping) abort(exchange, frame.endNs, emit);
  else {
    group.exchange = exchange;
    enqueue(state, group, emit, "execute");
  }
}

/** Close belongs to no group: it cannot fail, and drivers send it whenever it suits them. */
function close(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  state.atBoundary = false;
  if (!state.skipping) {
    if (frame.target === "S") rememberStatement(state, frame.name, undefined);
    else state.portals.delete(frame.name);
  }
  if (state.doubt === undefined && !state.skipping) push(state, emit, entryOf("close"));
}

function sync(frame: PostgresqlFrame, state: PostgresqlState, emit: Emit): void {
  // While the server reads CopyData it ignores Sync; the client sends another one afterwards.
  if (state.copyIn) return;
  endGroup(frame.endNs, state, emit);
  if (state.doubt !== undefined) countInDoubt(frame, state);
  else push(state, emit, entryOf("sync"));
  state.skipping = false;
  state.atBoundary = true;
}

/** Sync or Flush: messages without an Execute are an exchange of their own, told if they fail. */
function endGroup(endNs: number, state: PostgresqlState, emit: Emit): void {
  const { group } = state;
  if (group === undefined) return;
  state.group = undefined;
  const { statement, traceparent } = group;
  const exchange = open(group, state, emit, { operation: "prepare", statement, traceparent });
  if (state.doubt !== undefined) emit.close(exchange, endNs, "truncated");
  else if (group.failure !== undefined) fail(exchange, group, emit);
  else if (state.skipping) abort(exchange, endNs, emit);
  else if (group.unanswered === 0) emit.close(exchange, endNs, "complete");
  else group.exchange = exchange;
}

function fail(exchange: Opened, group: Group, emit: Emit): void {
  exchange.detail.sqlState = group.failure?.sqlState;
  emit.close(exchange, Math.max(group.failure?.endNs ?? 0, exchange.startNs), "complete");
}

/** The server skips it: something before it in the pipeline has failed. */
export function abort(exchange: Opened, endNs: number, emit: Emit): void {
  exchange.detail.aborted = true;
  emit.close(exchange, Math.max(endNs, exchange.startNs), "complete");
}

interface Beginning {
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
}

interface Said {
  readonly operation: Operation;
  readonly statement?: Statement | undefined;
  readonly traceparent?: string | undefined;
}

function open(beginning: Beginning, state: PostgresqlState, emit: Emit, said: Said): Opened {
  const { startNs, tid, eventLoop } = beginning;
  const detail: PostgresqlDetail = {
    operation: said.operation,
    statement: said.statement,
    database: state.database,
    applicationName: state.applicationName,
    transaction: state.pendingSyncs === 0 ? state.transaction : undefined,
    sqlState: undefined,
    returnedRows: undefined,
    affectedRows: undefined,
    aborted: false,
  };
  return emit.open({ startNs, tid, eventLoop, detail, traceparent: said.traceparent });
}

function newGroup(frame: PostgresqlFrame): Group {
  const { startNs, tid, eventLoop } = frame;
  return {
    startNs,
    tid,
    eventLoop,
    statement: undefined,
    traceparent: undefined,
    exchange: undefined,
    failure: undefined,
    unanswered: 0,
  };
}

/** A message of a group, unless the server will not answer it or the answer cannot be paired. */
function enqueue(state: PostgresqlState, group: Group, emit: Emit, kind: PendingKind): void {
  if (state.doubt !== undefined || state.skipping) return;
  group.unanswered++;
  push(state, emit, { kind, group, exchange: undefined, name: "", previous: undefined });
}

function push(state: PostgresqlState, emit: Emit, entry: Pending): void {
  state.pending.push(entry);
  if (isAnsweredByReady(entry.kind)) state.pendingSyncs++;
  if (state.pending.length > postgresqlLimits.pendingMax) {
    const atNs = entry.exchange?.startNs ?? entry.group?.startNs ?? 0;
    enterDoubt(state, "request", atNs, emit);
    state.pipelines = true;
  }
}

/** Of a message that belongs to no group. */
function entryOf(kind: PendingKind, exchange?: Opened): Pending {
  return { kind, group: undefined, exchange, name: "", previous: undefined };
}

export function isAnsweredByReady(kind: PendingKind): boolean {
  return kind === "sync" || kind === "query" || kind === "functionCall" || kind === "startup";
}
