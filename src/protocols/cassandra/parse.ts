/**
 * Bytes of either side → frames. Invariant: of a message at most cassandraLimits.windowBytes are
 * waited for; what follows is passed over, and its end told.
 */
import type { Side } from "../../model/connection.ts";
import type { FrameSink, Moment, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { bodyOf, openBody } from "./body.ts";
import { learnFraming } from "./detect.ts";
import { cassandraLimits } from "./limits.ts";
import { HEADER_BYTES, type Header, headerAt, Opcode, standsAlone } from "./messages.ts";
import { emptyRequest, requestOf, startupOf } from "./requests.ts";
import { emptyResponse, responseOf } from "./responses.ts";
import {
  isPayloadSound,
  type Plain,
  payloadOf,
  type Segment,
  segmentAt,
  segmentHeaderBytes,
  TRAILER_BYTES,
} from "./segments.ts";
import type { CassandraFrame, CassandraState, Lane, Request, Response } from "./types.ts";

type Sink = FrameSink<CassandraFrame>;

/** What the functions here have in common. */
interface Context {
  readonly view: StreamView;
  readonly side: Side;
  readonly state: CassandraState;
  readonly out: Sink;
}

export function parse(view: StreamView, side: Side, state: CassandraState, out: Sink): ParseStatus {
  if (state.framingUnknown && !learnFraming(view, side, state)) return 0;
  const context = { view, side, state, out };
  return state.framing === "envelopes" ? parseEnvelope(context) : parseSegment(context);
}

/** An envelope by itself: versions 3 and 4, and what opens a connection of version 5. */
function parseEnvelope(context: Context): ParseStatus {
  const { view, side, state, out } = context;
  const { bytes, start, end } = view;
  if (end - start < HEADER_BYTES) return 0;
  const header = headerAt(bytes, start, side);
  if (header === undefined) return ParseError.malformed;
  if (!standsAlone(header) && header.opcode !== Opcode.error) return ParseError.malformed;
  const size = HEADER_BYTES + header.bodyBytes;
  const seen = Math.min(size, cassandraLimits.windowBytes);
  if (end - start < seen) return 0;
  const body = { bytes, start: start + HEADER_BYTES, seen: start + seen, end: start + size };
  if (size > seen) {
    out.skip(size - seen);
    state.lanes[side].afterSkip = "rest";
  }
  tell(context, header, { body, last: start + seen - 1, whole: size === seen });
  return seen;
}

function parseSegment(context: Context): ParseStatus {
  const { view, side, state } = context;
  const { bytes, start, end } = view;
  const headerBytes = segmentHeaderBytes(state.framing);
  if (end - start < headerBytes) return 0;
  const segment = segmentAt(bytes, start, state.framing);
  if (segment === undefined) return ParseError.malformed;
  const lane = state.lanes[side];
  const size = headerBytes + segment.payloadBytes + TRAILER_BYTES;
  if (lane.remaining > 0) return passPiece(context, segment, size);
  const seen = Math.min(size, cassandraLimits.segmentWindowBytes);
  if (end - start < seen) return 0;
  const payloadEnd = start + headerBytes + segment.payloadBytes;
  if (seen === size && !isPayloadSound(bytes, start + headerBytes, payloadEnd)) {
    return ParseError.malformed;
  }
  const plain = payloadOf(bytes, start, segment, Math.min(start + seen, payloadEnd));
  if (plain === undefined) return ParseError.malformed;
  const status = readEnvelopes(context, segment, { plain, last: start + seen - 1 });
  if (status < 0) return status;
  if (size > seen) context.out.skip(size - seen);
  else settle(context, lane, start + seen - 1);
  return seen;
}

/** A further piece of an envelope whose beginning has been read. */
function passPiece(context: Context, segment: Segment, size: number): ParseStatus {
  const { view, side, state, out } = context;
  const lane = state.lanes[side];
  if (segment.isSelfContained || segment.plainBytes > lane.remaining) return ParseError.malformed;
  lane.remaining -= segment.plainBytes;
  if (lane.remaining === 0) lane.afterSkip = "rest";
  const seen = Math.min(size, view.end - view.start);
  if (size > seen) out.skip(size - seen);
  else settle(context, lane, view.start + seen - 1);
  return seen;
}

interface Payload {
  readonly plain: Plain;
  /** Index of the segment's last byte that is here. */
  readonly last: number;
}

/** The envelopes of one segment, or the beginning of one that goes on in the next. */
function readEnvelopes(context: Context, segment: Segment, payload: Payload): ParseStatus {
  const { side, state } = context;
  const lane = state.lanes[side];
  const { bytes, seen, end } = payload.plain;
  let at = payload.plain.start;
  while (at < end) {
    if (at + HEADER_BYTES > seen) {
      if (seen >= end) return ParseError.malformed;
      lane.afterSkip = "gap";
      return 1;
    }
    const header = headerAt(bytes, at, side);
    if (header === undefined) return ParseError.malformed;
    const last = at + HEADER_BYTES + header.bodyBytes;
    if (last > end && segment.isSelfContained) return ParseError.malformed;
    const body = { bytes, start: at + HEADER_BYTES, seen: Math.min(last, seen), end: last };
    tell(context, header, { body, last: payload.last, whole: last <= seen });
    if (last > seen) {
      lane.remaining = Math.max(last - end, 0);
      // Whoever stands behind it in the same segment will not be seen.
      if (lane.remaining === 0) lane.afterSkip = last < end ? "gap" : "rest";
      return 1;
    }
    at = last;
  }
  return 1;
}

/** A message's last byte has passed. */
function settle({ view, out }: Context, lane: Lane, last: number): void {
  const kind = lane.afterSkip;
  lane.afterSkip = "nothing";
  if (kind !== "nothing") out.frame({ kind, endNs: view.timeAt(last) });
}

export function skipped(side: Side, state: CassandraState, last: Moment, out: Sink): void {
  const lane = state.lanes[side];
  const kind = lane.afterSkip;
  lane.afterSkip = "nothing";
  if (kind !== "nothing") out.frame({ kind, endNs: last.timeNs });
}

/** Nothing more can show whether answers were paired rightly. */
export function ended(side: Side, _state: CassandraState, last: Moment, out: Sink): void {
  if (side === "request") out.frame({ kind: "ended", endNs: last.timeNs });
}

interface Envelope {
  readonly body: Plain;
  /** Index of the last byte that is here, in the view. */
  readonly last: number;
  readonly whole: boolean;
}

function tell(context: Context, header: Header, envelope: Envelope): void {
  const { view, side, out } = context;
  const { opcode, stream } = header;
  if (side === "request") {
    out.frame({
      kind: "request",
      opcode,
      stream,
      startNs: view.timeAt(view.start),
      tid: view.tidAt(view.start),
      eventLoop: view.eventLoopAt(view.start),
      request: readRequest(context, header, envelope.body),
    });
    return;
  }
  const response = readResponse(context, header, envelope.body);
  const endNs = view.timeAt(envelope.last);
  out.frame({ kind: "response", opcode, stream, endNs, whole: envelope.whole, response });
}

function readRequest({ state }: Context, header: Header, raw: Plain): Request {
  const body = bodyOf(header, raw, state.compression);
  if (body === undefined || header.opcode === Opcode.authResponse) return emptyRequest();
  const { reader } = openBody(header, body, "request");
  if (header.opcode !== Opcode.startup) return requestOf(header.opcode, header.version, reader);
  const request = emptyRequest();
  state.compression = startupOf(reader, request).compression;
  return request;
}

function readResponse({ state }: Context, header: Header, raw: Plain): Response {
  const { opcode, version } = header;
  const opens = opcode === Opcode.ready || opcode === Opcode.authenticate;
  // From the answer to STARTUP on, version 5 goes in segments in both directions.
  if (opens && version === 5) {
    state.framing = state.compression === "lz4" ? "lz4Segments" : "segments";
  }
  const body = bodyOf(header, raw, state.compression);
  if (body === undefined) return emptyResponse(0);
  const { reader, warnings } = openBody(header, body, "response");
  return responseOf(header, reader, warnings);
}
