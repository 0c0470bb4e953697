/**
 * Pairs answers with requests by their stream. Streams are used again, so a loss may put a request
 * that nobody saw behind one that was answered unseen. Invariant: no answer is paired when bytes of
 * both sides were lost since its request; when answers were lost, it is told only once the next
 * request has shown that none was.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { cassandraLimits } from "./limits.ts";
import { Opcode } from "./messages.ts";
import { rememberPrepared, statementOf } from "./statements.ts";
import type {
  CassandraDetail,
  CassandraFrame,
  CassandraState,
  RequestFrame,
  Response,
  ResponseFrame,
} from "./types.ts";

type Emit = ExchangeSink<CassandraDetail>;
type Opened = Exchange<CassandraDetail>;

export function match(frame: CassandraFrame, side: Side, state: CassandraState, emit: Emit): void {
  switch (frame.kind) {
    case "request":
      request(frame, state, emit);
      return;
    case "response":
      response(frame, state, emit);
      return;
    case "rest":
      if (side === "response") rest(frame.endNs, state, emit);
      return;
    case "gap":
      if (side === "response") rest(frame.endNs, state, emit);
      noticeLoss(side, frame.endNs, state, emit);
      return;
    case "ended":
      giveUpCandidates(state, emit);
  }
}

function request(frame: RequestFrame, state: CassandraState, emit: Emit): void {
  const { opcode, stream, startNs, tid, eventLoop, request: asked } = frame;
  for (const { exchange, endNs } of state.candidates) emit.close(exchange, endNs, "complete");
  state.candidates.length = 0;
  if (opcode === Opcode.startup) {
    state.applicationName = asked.applicationName;
    state.keyspace = undefined;
  }
  makeRoom(stream, startNs, state, emit);
  const statement = statementOf(asked.statements, asked.batchSize, state);
  const detail: CassandraDetail = {
    opcode,
    statement,
    batchSize: asked.batchSize,
    consistency: asked.consistency,
    pageSize: asked.pageSize,
    applicationName: state.applicationName,
    namespace: statement?.keyspace ?? asked.keyspace ?? state.keyspace,
    collection: statement?.table,
    code: undefined,
    rows: undefined,
    warnings: 0,
    doubtful: false,
  };
  const exchange = emit.open({ startNs, tid, eventLoop, detail });
  state.pending.set(stream, { exchange, requestsLost: false });
}

/** A stream that is used again was answered unseen; so, most likely, was the oldest of too many. */
function makeRoom(stream: number, atNs: number, state: CassandraState, emit: Emit): void {
  const { pending } = state;
  if (pending.has(stream)) giveUp(stream, atNs, state, emit);
  if (pending.size < cassandraLimits.inFlightMax) return;
  for (const oldest of pending.keys()) {
    giveUp(oldest, atNs, state, emit);
    return;
  }
}

function giveUp(stream: number, atNs: number, state: CassandraState, emit: Emit): void {
  const exchange = state.pending.get(stream)?.exchange;
  state.pending.delete(stream);
  if (exchange !== undefined) emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
}

function giveUpCandidates(state: CassandraState, emit: Emit): void {
  for (const { exchange, endNs } of state.candidates) emit.close(exchange, endNs, "truncated");
  state.candidates.length = 0;
}

function response(frame: ResponseFrame, state: CassandraState, emit: Emit): void {
  // The server's own: events, and errors that belong to no request.
  if (frame.stream < 0 || frame.opcode === Opcode.event) return;
  const entry = state.pending.get(frame.stream);
  if (entry === undefined) {
    emit.orphan();
    return;
  }
  const { exchange } = entry;
  state.pending.delete(frame.stream);
  if (!answers(frame.opcode, exchange.detail.opcode)) {
    emit.close(exchange, Math.max(frame.endNs, exchange.startNs), "truncated");
    emit.orphan();
    return;
  }
  // Which of two requests this answers is not known yet; what it says may be another's.
  const isCertain = !exchange.detail.doubtful;
  addResponse(exchange.detail, frame.response, isCertain ? state : undefined);
  if (!frame.whole) state.answering = exchange;
  else finish(exchange, frame.endNs, state, emit);
}

function finish(exchange: Opened, endNs: number, state: CassandraState, emit: Emit): void {
  if (!exchange.detail.doubtful) emit.close(exchange, endNs, "complete");
  else state.candidates.push({ exchange, endNs });
}

/** Whether a request can have such an answer. */
function answers(answer: number, asked: number): boolean {
  switch (answer) {
    case Opcode.error:
      return true;
    case Opcode.supported:
      return asked === Opcode.options;
    case Opcode.ready:
      return asked === Opcode.startup || asked === Opcode.register;
    case Opcode.authenticate:
      return asked === Opcode.startup;
    case Opcode.authChallenge:
    case Opcode.authSuccess:
      return asked === Opcode.authResponse;
    default:
      return isStatement(asked) || asked === Opcode.prepare;
  }
}

/** Whether the request runs something. */
export function isStatement(opcode: number): boolean {
  return opcode === Opcode.query || opcode === Opcode.execute || opcode === Opcode.batch;
}

/** `state` is told, too, unless it is not certain whose answer this is. */
function addResponse(
  detail: CassandraDetail,
  response: Response,
  state: CassandraState | undefined,
): void {
  const { code, rows, warnings, keyspace, table, newKeyspace, preparedId } = response;
  detail.code = code;
  detail.rows = rows;
  detail.warnings = warnings;
  detail.namespace = keyspace ?? detail.namespace;
  detail.collection = table ?? detail.collection;
  if (state === undefined) return;
  if (newKeyspace !== undefined) state.keyspace = newKeyspace;
  if (preparedId !== undefined && detail.opcode === Opcode.prepare && detail.statement) {
    rememberPrepared(state, preparedId, { ...detail.statement, keyspace, table });
  }
}

function rest(endNs: number, state: CassandraState, emit: Emit): void {
  const exchange = state.answering;
  state.answering = undefined;
  if (exchange !== undefined) finish(exchange, Math.max(endNs, exchange.startNs), state, emit);
}

/** Bytes of a side were lost: half-read messages are forgotten, and pairs may be doubtful. */
export function lost(side: Side, state: CassandraState, at: Moment, emit: Emit): void {
  const lane = state.lanes[side];
  lane.remaining = 0;
  lane.afterSkip = "nothing";
  if (side === "response" && state.answering !== undefined) {
    const { answering } = state;
    state.answering = undefined;
    emit.close(answering, Math.max(at.timeNs, answering.startNs), "truncated");
  }
  // The answer to STARTUP, from which on segments come, may have been among it.
  if (state.framing === "envelopes") state.framingUnknown = true;
  noticeLoss(side, at.timeNs, state, emit);
}

function noticeLoss(side: Side, atNs: number, state: CassandraState, emit: Emit): void {
  // A USE may have been among what was lost.
  state.keyspace = undefined;
  if (side === "request") giveUpCandidates(state, emit);
  for (const [stream, entry] of state.pending) {
    const { detail } = entry.exchange;
    if (side === "request") entry.requestsLost = true;
    else detail.doubtful = true;
    if (entry.requestsLost && detail.doubtful) giveUp(stream, atNs, state, emit);
  }
}
