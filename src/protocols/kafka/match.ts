/**
 * Pairs answers with requests by their correlation ids. Invariant: pending holds the requests that
 * wait, in their order; an answer goes to the request whose id it repeats or to none. A broker
 * answers in order, so an answer to a later request says that those before it have lost theirs.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { ApiKey } from "./apis.ts";
import type { Facts } from "./facts.ts";
import { kafkaLimits } from "./limits.ts";
import type { KafkaDetail, KafkaFrame, KafkaState, RequestFrame, ResponseFrame } from "./types.ts";

type Emit = ExchangeSink<KafkaDetail>;

export function match(frame: KafkaFrame, _side: Side, state: KafkaState, emit: Emit): void {
  switch (frame.kind) {
    case "request":
      matchRequest(frame, state, emit);
      break;
    case "request_end":
      if (state.oneWay !== undefined) emit.close(state.oneWay, frame.endNs, "one_way");
      state.oneWay = undefined;
      break;
    case "token":
      matchToken(frame.isAnswer, state);
      break;
    case "response":
      matchResponse(frame, state, emit);
      break;
    default:
      emit.orphan();
  }
}

/** Bytes of a side were lost. Ids still pair what is left. */
export function lost(side: Side, state: KafkaState, at: Moment, emit: Emit): void {
  const lane = state[side];
  lane.seeking = true;
  state.emptyFetches = undefined;
  const { held } = lane;
  lane.held = undefined;
  if (side === "request") {
    state.tokens = false;
    if (state.oneWay !== undefined) {
      emit.close(state.oneWay, Math.max(at.timeNs, state.oneWay.startNs), "truncated");
      state.oneWay = undefined;
    }
    return;
  }
  if (held?.kind === "response") closeTruncated(held, state, at, emit);
  for (let index = state.pending.length - 1; index >= 0; index--) {
    const { exchange } = state.pending[index] ?? {};
    if (exchange === undefined) state.pending.splice(index, 1);
    else exchange.detail.mayBeLost = true;
  }
}

/** Of an answer only the beginning was seen. */
function closeTruncated(frame: ResponseFrame, state: KafkaState, at: Moment, emit: Emit): void {
  const index = state.pending.findIndex((entry) => entry.correlation === frame.correlation);
  const [entry] = index < 0 ? [] : state.pending.splice(index, 1);
  if (entry?.exchange === undefined) return;
  emit.close(entry.exchange, Math.max(at.timeNs, entry.exchange.startNs), "truncated");
}

function matchRequest(frame: RequestFrame, state: KafkaState, emit: Emit): void {
  const { detail, correlation } = frame;
  const { key, version } = detail;
  if (isMembership(key) && detail.group !== undefined) state.group = detail.group;
  if (key === ApiKey.fetch) detail.group = state.group;
  detail.cluster = state.cluster;
  nameTopic(detail, state);
  const exchange = emit.open(frame);
  if (!frame.oneWay) {
    if (state.pending.length >= kafkaLimits.inFlightMax) giveUpFirst(state, frame.startNs, emit);
    state.pending.push({ correlation, key, version, exchange });
  } else if (frame.complete) emit.close(exchange, frame.endNs, "one_way");
  else state.oneWay = exchange;
}

/** What only a member of a group, or who is about to become one, says. */
function isMembership(key: number): boolean {
  switch (key) {
    case ApiKey.joinGroup:
    case ApiKey.heartbeat:
    case ApiKey.syncGroup:
    case ApiKey.consumerGroupHeartbeat:
      return true;
    default:
      return false;
  }
}

function nameTopic(detail: KafkaDetail, state: KafkaState): void {
  if (detail.topic === undefined && detail.topicId !== undefined) {
    detail.topic = state.topicNames.get(detail.topicId);
  }
}

/** Tokens are answered in order like everything else, and make no exchange. */
function matchToken(isAnswer: boolean, state: KafkaState): void {
  if (isAnswer) state.pending.shift();
  else if (state.pending.length < kafkaLimits.inFlightMax) {
    state.pending.push({ correlation: -1, key: -1, version: 0, exchange: undefined });
  }
}

function giveUpFirst(state: KafkaState, atNs: number, emit: Emit): void {
  const exchange = state.pending.shift()?.exchange;
  if (exchange !== undefined) emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
}

function matchResponse(frame: ResponseFrame, state: KafkaState, emit: Emit): void {
  const { correlation, facts, endNs } = frame;
  if (!state.pending.some((entry) => entry.correlation === correlation)) {
    emit.orphan();
    return;
  }
  while (state.pending[0]?.correlation !== correlation) giveUpFirst(state, endNs, emit);
  const exchange = state.pending.shift()?.exchange;
  if (exchange === undefined) return;
  const { detail } = exchange;
  if (facts.cluster !== undefined) {
    state.cluster = facts.cluster;
    detail.cluster = facts.cluster;
  }
  detail.error = facts.error;
  if (detail.key === ApiKey.fetch) answerFetch(detail, facts, state);
  else if (facts.offset !== undefined) detail.offset = facts.offset;
  nameTopic(detail, state);
  emit.close(exchange, Math.max(endNs, exchange.startNs), "complete");
}

/** What a fetch asked for says little: what it is told to have done is what it was given. */
function answerFetch(detail: KafkaDetail, facts: Facts, state: KafkaState): void {
  detail.topic = facts.topic;
  detail.topicId = facts.topicId;
  detail.topics = facts.topics;
  detail.partitions = facts.partitions;
  detail.partition = facts.partition;
  detail.offset = facts.firstOffset;
  detail.compression = facts.batches > 0 ? facts.compression : undefined;
  if (facts.counted) {
    detail.messages = facts.messages;
    detail.batches = facts.batches;
  }
  detail.empty = facts.error === 0 && facts.counted && facts.whole && facts.messages === 0;
  if (detail.empty) {
    if (state.emptyFetches !== undefined) state.emptyFetches++;
  } else {
    detail.emptyBefore = state.emptyFetches;
    state.emptyFetches = 0;
  }
}
