/**
 * Pairs answers with requests by their stream. Invariant: streams holds exactly the exchanges that
 * were opened here and not closed, and an answer goes to the request of its own stream or to none.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink } from "../contract.ts";
import { errorCodeName } from "./frame-head.ts";
import {
  fieldReader,
  isRequestHead,
  requestDetail,
  responseHead,
  statusOf,
  traceparentOf,
  tracestateOf,
} from "./heads.ts";
import { clearDoubt, endSilent, finish, forgetClosed } from "./streams.ts";
import type {
  GoAwayFrame,
  HeadersFrame,
  Http2Detail,
  Http2Frame,
  Http2State,
  ResetFrame,
} from "./types.ts";

type Emit = ExchangeSink<Http2Detail>;

const STATUS_FINAL_MIN = 200;

export function match(frame: Http2Frame, side: Side, state: Http2State, emit: Emit): void {
  if (frame.kind === "silence") {
    endSilent(state, emit, Number.POSITIVE_INFINITY);
    return;
  }
  if (state.streamsInDoubt > 0) endSilent(state, emit, frame.endNs);
  if (frame.kind === "headers") {
    if (side === "request") matchRequest(frame, state, emit);
    else matchResponse(frame, state, emit);
  } else if (frame.kind === "end") {
    if (side === "request") markSent(state, frame.stream);
    else endStream(state, frame.stream, frame.endNs, emit);
  } else if (frame.kind === "reset") matchReset(frame, side, state, emit);
  else matchGoAway(frame, side, state, emit);
}

function markSent(state: Http2State, id: number): void {
  const stream = state.streams.get(id);
  if (stream !== undefined) stream.isSent = true;
}

/** A second block of the same stream is trailers. */
function matchRequest(frame: HeadersFrame, state: Http2State, emit: Emit): void {
  const { fields } = frame;
  const open = state.streams.get(frame.stream);
  if (open !== undefined) {
    open.exchange.detail.call?.trailers?.("request", fieldReader(fields));
    if (frame.endsStream) open.isSent = true;
    return;
  }
  if (frame.stream <= state.highestStream || !isRequestHead(fields)) return;
  state.highestStream = frame.stream;
  const exchange = emit.open({
    startNs: frame.startNs,
    tid: frame.tid,
    eventLoop: frame.eventLoop,
    detail: requestDetail(fields, state.policy),
    traceparent: traceparentOf(fields),
    tracestate: tracestateOf(fields),
  });
  forgetClosed(state);
  state.streams.set(frame.stream, {
    exchange,
    answered: false,
    isSent: frame.endsStream,
    isInDoubt: false,
    wasTruncated: false,
  });
}

function matchResponse(frame: HeadersFrame, state: Http2State, emit: Emit): void {
  const { fields } = frame;
  const status = statusOf(fields);
  const stream = state.streams.get(frame.stream);
  if (stream === undefined) {
    const isUnseen = frame.stream > state.highestStream || state.hasMissed;
    if (isUnseen && frame.stream % 2 === 1 && status >= STATUS_FINAL_MIN) emit.orphan();
    return;
  }
  if (status > 0 && status < STATUS_FINAL_MIN) return; // interim: the answer is still to come
  const { detail } = stream.exchange;
  // Without a status, the head of an answer in doubt may have been among the lost bytes.
  const isHead = status > 0 || !(stream.answered || stream.isInDoubt);
  if (!isHead) {
    detail.call?.trailers?.("response", fieldReader(fields));
  } else {
    // The head shows that nothing of this answer was lost.
    if (stream.isInDoubt && !stream.answered) detail.truncated = stream.wasTruncated;
    detail.statusCode = status;
    if (status === 0) detail.lacksFields = true;
    detail.call?.answered?.(responseHead(fields, status));
  }
  clearDoubt(state, stream);
  stream.answered = true;
  if (frame.endsStream) endStream(state, frame.stream, frame.endNs, emit);
}

function endStream(state: Http2State, id: number, endNs: number, emit: Emit): void {
  const stream = state.streams.get(id);
  if (stream === undefined) return;
  const { detail } = stream.exchange;
  if (!stream.answered) detail.truncated = true;
  if (detail.call?.lacksFields === true) detail.lacksFields = true;
  const isWhole = !detail.truncated && !detail.lacksFields;
  finish(state, id, { endNs, outcome: isWhole ? "complete" : "truncated" }, emit);
}

/** RFC 9113 section 8.1: a server that has answered may reset what it no longer wants to read. */
function matchReset(frame: ResetFrame, side: Side, state: Http2State, emit: Emit): void {
  const stream = state.streams.get(frame.stream);
  if (stream === undefined) return;
  stream.exchange.detail.reset = { code: errorCodeName(frame.code), by: side };
  finish(state, frame.stream, { endNs: frame.endNs, outcome: "closed_early" }, emit);
}

/** RFC 9113 section 6.8: streams above the last one were not and will not be processed. */
function matchGoAway(frame: GoAwayFrame, side: Side, state: Http2State, emit: Emit): void {
  if (side === "request") return;
  for (const [id, stream] of [...state.streams]) {
    if (id <= frame.lastStream) continue;
    stream.exchange.detail.reset = { code: "GOAWAY", by: side };
    finish(state, id, { endNs: frame.endNs, outcome: "closed_early" }, emit);
  }
}
