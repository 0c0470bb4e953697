/**
 * Bytes of either side → frames. Invariant: a frame is read only up to kafkaLimits; what stands
 * behind that, and what no layout names, is skipped by its length and need not be captured.
 */
import type { Side } from "../../model/connection.ts";
import type { FrameSink, Moment, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { ApiKey, hasTaggedResponseHeader } from "./apis.ts";
import { type Cursor, decode, passTags } from "./decode.ts";
import { judgeAnswer, judgeRequest, seek } from "./detect.ts";
import { type Facts, resetFacts } from "./facts.ts";
import {
  HEAD_BYTES,
  isRequestHead,
  numberAt,
  type RequestHead,
  readRequestHead,
  requestFrameBytes,
  responseFrameBytes,
  SIZE_BYTES,
} from "./header.ts";
import { layoutOf } from "./layouts.ts";
import { kafkaLimits } from "./limits.ts";
import type { KafkaDetail, KafkaFrame, KafkaState, Pending } from "./types.ts";

type Sink = FrameSink<KafkaFrame>;

const ANSWER_HEAD_BYTES = 8;

export function parse(view: StreamView, side: Side, state: KafkaState, out: Sink): ParseStatus {
  const lane = state[side];
  if (lane.seeking) {
    const found =
      side === "request"
        ? seek(view, (at) => judgeRequest(view, at), true)
        : seek(view, (at) => judgeAnswer(view, at, state), false);
    if (found < 0) return 0;
    if (found > view.start) return found - view.start;
    lane.seeking = false;
  }
  return side === "request" ? parseRequest(view, state, out) : parseResponse(view, state, out);
}

/** A frame whose rest was skipped is over now. */
export function skipped(side: Side, state: KafkaState, last: Moment, out: Sink): void {
  const lane = state[side];
  const { held } = lane;
  lane.held = undefined;
  if (held !== undefined) out.frame({ ...held, endNs: last.timeNs });
}

/** How much of a frame has to be here before it is read. */
function wantedOf(frameBytes: number): number {
  return frameBytes <= kafkaLimits.wholeFrameBytesMax ? frameBytes : kafkaLimits.headBytes;
}

function parseRequest(view: StreamView, state: KafkaState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < SIZE_BYTES) return 0;
  const isShort = state.tokens && numberAt(bytes, start) < HEAD_BYTES - SIZE_BYTES;
  if (isShort) return passToken(view, out, false);
  if (end - start < HEAD_BYTES) return 0;
  // Behind SaslHandshake 0 a token may stand where a header should.
  if (state.tokens && !isRequestHead(bytes, start)) return passToken(view, out, false);
  if (!isRequestHead(bytes, start)) return ParseError.malformed;
  const frameBytes = requestFrameBytes(bytes, start);
  if (end - start < wantedOf(frameBytes)) return 0;
  const head = readRequestHead(bytes, start, Math.min(end, start + frameBytes));
  if (head === "malformed" || head === "short") return ParseError.malformed;
  const facts = state.asked;
  resetFacts(facts);
  const layout = layoutOf("request", head.key, head.version);
  if (layout !== undefined) {
    const decoded = decode(head.cursor, layout, { facts, topicNames: state.topicNames });
    if (decoded === "malformed") return ParseError.malformed;
  }
  return emitRequest(view, frameBytes, head, { state, out });
}

function emitRequest(
  view: StreamView,
  frameBytes: number,
  head: RequestHead,
  context: { readonly state: KafkaState; readonly out: Sink },
): ParseStatus {
  const { state, out } = context;
  const { start } = view;
  const seen = Math.min(frameBytes, view.end - start);
  const complete = seen === frameBytes;
  const oneWay = head.key === ApiKey.produce && state.asked.acks === 0;
  const endNs = view.timeAt(start + seen - 1);
  state.tokens = head.key === ApiKey.saslHandshake && head.version === 0;
  if (!complete) {
    if (oneWay) state.request.held = { kind: "request_end", endNs };
    out.skip(frameBytes - seen);
  }
  out.frame({
    kind: "request",
    correlation: head.correlation,
    oneWay,
    complete,
    startNs: view.timeAt(start),
    endNs,
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    detail: detailOf(head, state.asked),
  });
  return seen;
}

function detailOf(head: RequestHead, facts: Facts): KafkaDetail {
  const moves = head.key === ApiKey.produce;
  const coordinates = facts.coordinatorKey !== undefined && facts.coordinatorType === 0;
  return {
    key: head.key,
    version: head.version,
    clientId: head.clientId,
    transaction: facts.transaction,
    group: coordinates ? facts.coordinatorKey : facts.group,
    replica: facts.replica,
    topic: facts.topic,
    topicId: facts.topicId,
    topics: facts.topics,
    partitions: facts.partitions,
    partition: facts.partition,
    offset: facts.offset,
    messages: moves && facts.counted ? facts.messages : undefined,
    batches: moves && facts.counted ? facts.batches : undefined,
    compression: moves && facts.batches > 0 ? facts.compression : undefined,
    cluster: undefined,
    error: 0,
    empty: false,
    emptyBefore: undefined,
    mayBeLost: false,
  };
}

function parseResponse(view: StreamView, state: KafkaState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < SIZE_BYTES) return 0;
  const [next] = state.pending;
  if (next !== undefined && next.exchange === undefined) return passToken(view, out, true);
  if (end - start < ANSWER_HEAD_BYTES) return 0;
  const frameBytes = responseFrameBytes(bytes, start);
  if (frameBytes < 0) return ParseError.malformed;
  const correlation = numberAt(bytes, start + SIZE_BYTES);
  const request = state.pending.find((entry) => entry.correlation === correlation);
  if (request === undefined) {
    const seen = Math.min(frameBytes, end - start);
    if (seen < frameBytes) out.skip(frameBytes - seen);
    out.frame({ kind: "orphan" });
    return seen;
  }
  const limit = start + frameBytes;
  const cursor = {
    bytes,
    position: start + ANSWER_HEAD_BYTES,
    end: Math.min(end, limit),
    limit,
  };
  const isHere = end - start >= wantedOf(frameBytes);
  // A broker sends records by sendfile, which shows no bytes: what stands before them has to do.
  if (!isHere && !(state.isServer && request.key === ApiKey.fetch)) return 0;
  const decoded = readAnswer(cursor, request, state);
  if (decoded === "malformed") return ParseError.malformed;
  if (!isHere && decoded === "short" && state.answered.partitions === 0) return 0;
  return emitResponse(view, frameBytes, correlation, { state, out });
}

function readAnswer(cursor: Cursor, request: Pending, state: KafkaState) {
  const facts = state.answered;
  resetFacts(facts);
  if (hasTaggedResponseHeader(request.key, request.version)) {
    const passed = passTags(cursor);
    if (passed !== "ok") return passed;
  }
  const layout = layoutOf("response", request.key, request.version);
  if (layout === undefined) return "stopped";
  return decode(cursor, layout, { facts, topicNames: state.topicNames });
}

function emitResponse(
  view: StreamView,
  frameBytes: number,
  correlation: number,
  context: { readonly state: KafkaState; readonly out: Sink },
): ParseStatus {
  const { state, out } = context;
  const { start } = view;
  const seen = Math.min(frameBytes, view.end - start);
  const endNs = view.timeAt(start + seen - 1);
  const frame = { kind: "response", correlation, endNs, facts: state.answered } as const;
  if (seen === frameBytes) out.frame(frame);
  else {
    state.response.held = frame;
    out.skip(frameBytes - seen);
  }
  return seen;
}

/** What a SASL mechanism says: its length and nothing else of it is read. */
function passToken(view: StreamView, out: Sink, isAnswer: boolean): ParseStatus {
  const { bytes, start, end } = view;
  const size = numberAt(bytes, start);
  if (size > kafkaLimits.wholeFrameBytesMax) return ParseError.tooLarge;
  const frameBytes = SIZE_BYTES + size;
  const seen = Math.min(frameBytes, end - start);
  if (seen < frameBytes) out.skip(frameBytes - seen);
  out.frame({ kind: "token", isAnswer });
  return seen;
}
