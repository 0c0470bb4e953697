/**
 * Pairs answers with requests by the id that they name. Invariant: an answer belongs to the request
 * whose id it names, or, in a stream of answers, to that of the answer before it; nothing is paired
 * by its place.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { isHandshake } from "./commands.ts";
import { mongodbLimits } from "./limits.ts";
import type {
  MongodbDetail,
  MongodbFrame,
  MongodbState,
  Pending,
  Reply,
  RequestFrame,
  ResponseFrame,
} from "./types.ts";

type Emit = ExchangeSink<MongodbDetail>;
type Opened = Exchange<MongodbDetail>;

export function match(frame: MongodbFrame, side: Side, state: MongodbState, emit: Emit): void {
  if (frame.kind === "request") request(frame, state, emit);
  else if (frame.kind === "response") response(frame, state, emit);
  else rest(side, frame.endNs, state, emit);
}

function request(frame: RequestFrame, state: MongodbState, emit: Emit): void {
  const { startNs, endNs, tid, eventLoop, command } = frame;
  if (state.hasDoubtful) giveUpDoubtful(startNs, state, emit);
  if (isHandshake(command)) state.applicationName = command.applicationName;
  const detail: MongodbDetail = {
    command,
    applicationName: state.applicationName,
    code: undefined,
    failed: false,
    returned: undefined,
    affected: undefined,
    doubtful: !frame.readable,
  };
  if (!frame.oneWay) makeRoom(frame.id, startNs, state, emit);
  const exchange = emit.open({ startNs, tid, eventLoop, detail });
  if (!frame.oneWay) {
    state.pending.set(frame.id, { exchange, exhaust: frame.exhaust });
    if (!frame.readable) state.hasDoubtful = true;
  } else if (frame.whole) emit.close(exchange, endNs, "one_way");
  else state.requestRest = exchange;
}

/** An id that is used again was answered unseen; so, most likely, was the oldest of too many. */
function makeRoom(id: number, atNs: number, state: MongodbState, emit: Emit): void {
  const { pending } = state;
  if (pending.has(id)) giveUp(id, atNs, state, emit);
  if (pending.size < mongodbLimits.inFlightMax) return;
  for (const oldest of pending.keys()) {
    giveUp(oldest, atNs, state, emit);
    return;
  }
}

function giveUp(id: number, atNs: number, state: MongodbState, emit: Emit): void {
  const entry = state.pending.get(id);
  if (entry === undefined) return;
  state.pending.delete(id);
  emit.close(entry.exchange, Math.max(atNs, entry.exchange.startNs), "truncated");
}

/** A client asks again when it has its answer: what it asked before a loss was answered in it. */
function giveUpDoubtful(atNs: number, state: MongodbState, emit: Emit): void {
  state.hasDoubtful = false;
  for (const [id, { exchange }] of state.pending) {
    if (exchange.detail.doubtful) giveUp(id, atNs, state, emit);
  }
}

function response(frame: ResponseFrame, state: MongodbState, emit: Emit): void {
  const entry = state.pending.get(frame.responseTo);
  if (entry === undefined) {
    unasked(frame, state, emit);
    return;
  }
  state.pending.delete(frame.responseTo);
  const { exchange } = entry;
  addReply(exchange.detail, frame.reply);
  if (goesOn(frame, entry)) {
    // A hello that streams is told once: what follows is the server's own reporting.
    if (isHandshake(exchange.detail.command)) state.pushed = frame.id;
    else {
      state.pending.set(frame.id, entry);
      return;
    }
  }
  if (frame.whole) emit.close(exchange, frame.endNs, "complete");
  else state.responseRest = exchange;
}

function goesOn({ more, reply }: ResponseFrame, entry: Pending): boolean {
  return more || (entry.exhaust && reply.header?.cursorOpen === true);
}

/** An answer to what was not seen; of a stream of them only the first counts. */
function unasked(frame: ResponseFrame, state: MongodbState, emit: Emit): void {
  if (state.pushed !== frame.responseTo) emit.orphan();
  state.pushed = frame.more ? frame.id : undefined;
}

function rest(side: Side, endNs: number, state: MongodbState, emit: Emit): void {
  const exchange = side === "request" ? state.requestRest : state.responseRest;
  if (side === "request") state.requestRest = undefined;
  else state.responseRest = undefined;
  if (exchange === undefined) return;
  const outcome = side === "request" ? "one_way" : "complete";
  emit.close(exchange, Math.max(endNs, exchange.startNs), outcome);
}

/** Commands of which n counts what was written. */
const writes: ReadonlySet<string> = new Set(["insert", "update", "delete", "bulkWrite"]);

function addReply(detail: MongodbDetail, reply: Reply): void {
  const { operation = "", forDocuments } = detail.command;
  if (forDocuments && reply.header !== undefined) {
    const { code, failed, returned } = reply.header;
    detail.code = code;
    detail.failed = failed;
    if (!failed) detail.returned = (detail.returned ?? 0) + returned;
    return;
  }
  detail.code = reply.code;
  detail.failed = reply.failed;
  if (writes.has(operation)) detail.affected = reply.affected;
  // bulkWrite's cursor tells of its statements, not of documents.
  else if (reply.returned !== undefined) {
    detail.returned = (detail.returned ?? 0) + reply.returned;
  }
}

/** Bytes of a side were lost: the ids of what follows say what can still be paired. */
export function lost(side: Side, state: MongodbState, at: Moment, emit: Emit): void {
  const rest: Opened | undefined = side === "request" ? state.requestRest : state.responseRest;
  if (side === "request") state.requestRest = undefined;
  else state.responseRest = undefined;
  if (rest !== undefined) emit.close(rest, Math.max(at.timeNs, rest.startNs), "truncated");
  if (side === "request") return;
  for (const { exchange } of state.pending.values()) exchange.detail.doubtful = true;
  state.hasDoubtful = state.pending.size > 0;
  state.pushed = undefined;
}
