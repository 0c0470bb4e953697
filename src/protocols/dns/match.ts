/**
 * Pairs answers with questions by id and question (RFC 5452 9.1), in whatever order they come.
 * Invariant: pending holds exactly the exchanges that were opened here and not closed.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { Opcode, Type } from "./codes.ts";
import { dnsLimits } from "./limits.ts";
import type { DnsDetail, DnsFrame, DnsState, Records } from "./types.ts";

type Emit = ExchangeSink<DnsDetail>;

export function match(frame: DnsFrame, _side: Side, state: DnsState, emit: Emit): void {
  if (frame.records === undefined) matchQuestion(frame, state, emit);
  else matchAnswer(frame, frame.records, state, emit);
}

/** Names are compared without regard to case: a server may answer in another one. */
function keyOf({ header, question }: DnsFrame): string {
  if (question === undefined) return `${header.id}`;
  return `${header.id} ${question.type} ${question.class} ${question.name.toLowerCase()}`;
}

function matchQuestion(frame: DnsFrame, state: DnsState, emit: Emit): void {
  const { header, question } = frame;
  const key = keyOf(frame);
  const open = state.pending.get(key);
  if (open !== undefined) {
    open.detail.resends++;
    return;
  }
  const exchange = emit.open({
    startNs: frame.startNs,
    tid: frame.tid,
    eventLoop: frame.eventLoop,
    joinKey: key,
    detail: {
      header,
      question,
      resends: 0,
      doubtful: false,
      answer: undefined,
      firstSerial: undefined,
      messages: 0,
      answerCount: 0,
    },
  });
  // RFC 8490 5.4: a stateful message without an id has no answer.
  if (header.opcode === Opcode.stateful && header.id === 0) {
    emit.close(exchange, frame.endNs, "one_way");
    return;
  }
  if (state.pending.size >= dnsLimits.inFlightMax) forgetOldest(state);
  state.pending.set(key, exchange);
}

/** The driver has closed it already. */
function forgetOldest(state: DnsState): void {
  for (const key of state.pending.keys()) {
    state.pending.delete(key);
    return;
  }
}

function matchAnswer(frame: DnsFrame, records: Records, state: DnsState, emit: Emit): void {
  const key = frame.question === undefined ? keyOfOnly(frame, state) : keyOf(frame);
  const exchange = key === undefined ? undefined : state.pending.get(key);
  if (key === undefined || exchange === undefined) {
    emit.orphan();
    return;
  }
  const { detail } = exchange;
  detail.messages++;
  detail.answerCount += frame.header.answers;
  const transfers = state.isStream && isTransfer(detail);
  detail.answer ??= { header: frame.header, records };
  if (transfers && isMoreToCome(detail, frame, records)) return;
  state.pending.delete(key);
  // One of a transfer's messages may have been lost; another answer is here as a whole.
  emit.close(exchange, frame.endNs, transfers && detail.doubtful ? "truncated" : "complete");
}

function isTransfer({ header, question }: DnsDetail): boolean {
  const type = question?.type;
  return header.opcode === Opcode.query && (type === Type.axfr || type === Type.ixfr);
}

/** An answer that repeats no question: a server that could not read it (RFC 1035 4.1.1). */
function keyOfOnly({ header }: DnsFrame, state: DnsState): string | undefined {
  let found: string | undefined;
  for (const [key, exchange] of state.pending) {
    if (exchange.detail.header.id !== header.id) continue;
    if (found !== undefined) return undefined;
    found = key;
  }
  return found;
}

/** A zone transfer ends with the record it began with (RFC 5936 2.2; RFC 1995 4). */
function isMoreToCome(detail: DnsDetail, frame: DnsFrame, records: Records): boolean {
  if (detail.messages === 1) detail.firstSerial = records.firstSerial;
  const { firstSerial } = detail;
  if (frame.header.code !== 0 || firstSerial === undefined || records.partial) return false;
  // One record is all: the zone is what the client has.
  if (detail.answerCount === 1) return detail.question?.type === Type.axfr;
  return records.lastSerial !== firstSerial;
}

/** What was open may have lost its answer; ids still pair what comes. */
export function lost(_side: Side, state: DnsState, _at: Moment, _emit: Emit): void {
  for (const exchange of state.pending.values()) exchange.detail.doubtful = true;
}

/** Gives up the questions that nobody answers. */
export function expire(state: DnsState, nowNs: number, emit: Emit): void {
  for (const [key, exchange] of state.pending) {
    if (nowNs - exchange.startNs < dnsLimits.answerNsMax) return;
    state.pending.delete(key);
    emit.close(exchange, nowNs, exchange.detail.doubtful ? "truncated" : "no_response");
  }
}
