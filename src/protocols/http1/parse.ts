/**
 * Heads become frames, bodies are passed over (RFC 9112). Invariant: bytes of a body are never read
 * as a head, because every body is left by its length, its chunks or the connection's end.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import {
  type Carried,
  type FrameSink,
  type Moment,
  ParseError,
  type StreamView,
} from "../contract.ts";
import { showBody } from "./body.ts";
import { walkChunks } from "./chunked.ts";
import { isRequestStart, isResponseStart, skipEmptyLines } from "./detect.ts";
import {
  CONTENT_LENGTH_INVALID,
  createFields,
  type Fields,
  readFields,
  type ValueRange,
} from "./fields.ts";
import { http1Limits } from "./limits.ts";
import { callOf, tellAnswer } from "./overlay-head.ts";
import { seek } from "./resync.ts";
import { readRequestLine, readStatusLine, type StartLine } from "./start-line.ts";
import { CR, decodeText, LF, sameText } from "./syntax.ts";
import {
  type Http1Detail,
  type Http1Frame,
  type Http1State,
  type Lane,
  Phase,
  type RequestFrame,
} from "./types.ts";

type Sink = FrameSink<Http1Frame>;

/** Scratch of one call: written before it is read, so nothing passes from one call to the next. */
const fields: Fields = createFields();
const line: StartLine & { end: number } = {
  ...{ method: "", target: "", minorVersion: 0, statusCode: 0, end: 0 },
};

export function parse(view: StreamView, side: Side, state: Http1State, out: Sink): number {
  const lane = side === "request" ? state.request : state.response;
  switch (lane.phase) {
    case Phase.head:
      if (side === "request" && mustWait(view, state)) return 0;
      return parseHead(view, side, state, out);
    case Phase.seek:
      return parseSeeking(view, side, state, out);
    case Phase.chunkSize:
    case Phase.trailers:
      return parseChunks(view, side, state, out);
    case Phase.orphanLength:
    case Phase.orphanChunked:
      return parseOrphanBody(view, state, out);
    default:
      // Bodies that the driver skips: bytes of them come here only if it did not, and are body.
      return view.end - view.start;
  }
}

/** A skip has passed: the body, or the chunk, is over. */
export function skipped(side: Side, state: Http1State, last: Moment, out: Sink): void {
  const lane = side === "request" ? state.request : state.response;
  if (lane.phase === Phase.chunkSkip) {
    lane.phase = Phase.chunkSize;
  } else if (lane.phase === Phase.lengthSkip) {
    lane.phase = Phase.head;
    if (side === "response") {
      out.frame({ kind: "response_end", endNs: last.timeNs, truncated: false });
    }
  }
}

/** The end of the connection ends a body that has no other end. */
export function ended(side: Side, state: Http1State, last: Moment, out: Sink): void {
  const { phase } = state.response;
  if (side !== "response" || (phase !== Phase.untilEnd && phase !== Phase.untilEndInvalid)) return;
  state.response.phase = Phase.head;
  const truncated = phase === Phase.untilEndInvalid;
  out.frame({ kind: "response_end", endNs: last.timeNs, truncated });
}

/**
 * Behind CONNECT and Upgrade the answer decides what the bytes are. Only a request line behind an
 * Upgrade is one in any case: the new protocol may not begin before the server agrees to it.
 */
function mustWait(view: StreamView, state: Http1State): boolean {
  const last = state.pending.length > 0 ? state.pending.at(-1) : undefined;
  if (last === undefined || !last.detail.switches) return false;
  const pipelines =
    last.detail.method !== "CONNECT" && isRequestStart(view.bytes, view.start, view.end) === "yes";
  if (!pipelines) state.heldBack = true;
  return !pipelines;
}

function parseHead(view: StreamView, side: Side, state: Http1State, out: Sink): number {
  const { bytes, start, end } = view;
  const lane = side === "request" ? state.request : state.response;
  const first = bytes[start];
  if (first === CR || first === LF) return skipEmptyLines(bytes, start, end) - start;
  const lineFeed = bytes.indexOf(LF, start);
  const isKnown = side === "response" || state.begun !== undefined || lineFeed < 0;
  if (lane.scannedBytes > 0 && isKnown && !headEnds(view, lane)) return needMore(view, lane);
  if (lineFeed < 0 || lineFeed >= end) return unfinishedStartLine(view, side, lane);
  const lineEnd = bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
  const status =
    side === "request"
      ? readRequestLine(bytes, start, lineEnd, line)
      : readStatusLine(bytes, start, lineEnd, line);
  if (status < 0) return status;
  line.end = lineFeed + 1;
  const body = readFields(bytes, lineFeed + 1, end, fields);
  if (body === 0) {
    if (side === "request") state.begun = requestFrame(view, state);
    return needMore(view, lane);
  }
  if (body < 0) return body;
  if (body - start > http1Limits.headBytesMax) return ParseError.tooLarge;
  lane.scannedBytes = 0;
  return side === "request"
    ? requestHead(view, body, state, out)
    : responseHead(view, body, state, out);
}

function unfinishedStartLine(view: StreamView, side: Side, lane: Lane): number {
  const begins = side === "request" ? isRequestStart : isResponseStart;
  if (begins(view.bytes, view.start, view.end) === "no") return ParseError.malformed;
  return needMore(view, lane);
}

/** Remembers how far was searched, so that a head in many pieces is not read over and over. */
function needMore(view: StreamView, lane: Lane): number {
  const length = view.end - view.start;
  if (length > http1Limits.headBytesMax) return ParseError.tooLarge;
  lane.scannedBytes = length;
  return 0;
}

/** Whether an empty line stands among the bytes that came since the last search. */
function headEnds(view: StreamView, lane: Lane): boolean {
  const { bytes, end } = view;
  let index = view.start + Math.max(0, lane.scannedBytes - 3);
  for (;;) {
    const lineFeed = bytes.indexOf(LF, index);
    if (lineFeed < 0 || lineFeed + 1 >= end) return false;
    const next = bytes[lineFeed + 1];
    if (next === LF) return true;
    if (next === CR && lineFeed + 2 < end && bytes[lineFeed + 2] === LF) return true;
    index = lineFeed + 1;
  }
}

function requestHead(view: StreamView, body: number, state: Http1State, out: Sink): number {
  const { bytes, start } = view;
  const lane = state.request;
  lane.call = undefined;
  if (state.early?.told === true) state.early = undefined;
  else {
    const frame = requestFrame(view, state);
    const range = { bytes, start: line.end, end: body };
    lane.call = callOf(range, fields, frame.detail, state.policy);
    frame.detail.call = lane.call;
    out.frame(frame);
  }
  state.begun = undefined;
  if (fields.transferEncoding ? !fields.chunked : fields.contentLength === CONTENT_LENGTH_INVALID) {
    // RFC 9112 section 6.3: no server can tell where this ends; it answers 400 and closes.
    lane.phase = Phase.untilEndInvalid;
    out.skip(Number.POSITIVE_INFINITY);
    return body - start;
  }
  if (fields.transferEncoding) {
    lane.phase = Phase.chunkSize;
    const behind = walkChunks(view, body, lane, out);
    return (behind < 0 ? body : behind) - start;
  }
  return passBody(view, body, lane, out) - start;
}

/** Index behind a body of fields.contentLength bytes; what is not in the view is skipped. */
function passBody(view: StreamView, body: number, lane: Lane, out: Sink): number {
  const length = Math.max(0, fields.contentLength);
  lane.phase = Phase.head;
  if (body + length <= view.end) {
    if (lane.call !== undefined && length > 0) {
      const timeNs = view.timeAt(body);
      showBody(lane, { bytes: view.bytes, start: body, end: body + length, timeNs });
    }
    return body + length;
  }
  lane.phase = Phase.lengthSkip;
  lane.bodyLeft = length;
  out.skip(length);
  return body;
}

function requestFrame(view: StreamView, state: Http1State): RequestFrame {
  const { bytes, start } = view;
  const { host, userAgent, traceparent } = fields;
  if (host.count > 0 && !sameText(bytes, host.start, host.end, state.lastHost)) {
    state.lastHost = decodeText(bytes, host.start, host.end);
  }
  if (
    userAgent.count > 0 &&
    !sameText(bytes, userAgent.start, userAgent.end, state.lastUserAgent)
  ) {
    state.lastUserAgent = decodeText(bytes, userAgent.start, userAgent.end);
  }
  const detail: Http1Detail = {
    method: line.method,
    target: line.target,
    version: `1.${line.minorVersion}`,
    scheme: undefined,
    call: undefined,
    host: host.count > 0 ? state.lastHost : undefined,
    userAgent: userAgent.count > 0 ? state.lastUserAgent : undefined,
    forwarded: textIn(bytes, fields.forwarded),
    forwardedFor: textIn(bytes, fields.forwardedFor),
    forwardedHost: textIn(bytes, fields.forwardedHost),
    forwardedProto: textIn(bytes, fields.forwardedProto),
    switches: line.method === "CONNECT" || (fields.upgrade && fields.connectionUpgrade),
    statusCode: 0,
    truncated: false,
    hasUnknownFields: false,
    lacksFields: false,
    reset: undefined,
  };
  return {
    kind: "request",
    startNs: view.timeAt(start),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    detail,
    traceparent: traceparent.count === 1 ? textIn(bytes, traceparent) : undefined,
    tracestate: tracestateOf(bytes),
  };
}

function textIn(bytes: Uint8Array, range: ValueRange): string | undefined {
  return range.count > 0 ? decodeText(bytes, range.start, range.end) : undefined;
}

/** W3C Trace Context section 3.3.1: several tracestate fields are one list. */
function tracestateOf(bytes: Uint8Array): string | undefined {
  let text = textIn(bytes, fields.tracestate);
  const more = fields.moreTracestate;
  for (let index = 0; index < more.length; index += 2) {
    text += `,${decodeText(bytes, more[index] ?? 0, more[index + 1] ?? 0)}`;
  }
  return text;
}

function responseHead(view: StreamView, body: number, state: Http1State, out: Sink): number {
  const { start } = view;
  const status = line.statusCode;
  if (status < 200 && status !== 101) return body - start; // interim: the answer is still to come
  const pending = state.pending[0];
  const frame = state.responseFrame;
  frame.statusCode = status;
  frame.startNs = view.timeAt(start);
  frame.persistent = fields.connectionClose
    ? false
    : line.minorVersion > 0 || fields.connectionKeepAlive;
  const next = fields.upgradeH2c ? "http2" : fields.upgradeWebSocket ? "websocket" : undefined;
  if (status === 101 && next !== undefined && pending !== undefined) {
    pending.detail.statusCode = status;
    out.handOver({ protocol: next, carried: carriedOf(pending, view.timeAt(body - 1)) });
    return body - start;
  }
  const call = pending?.detail.call;
  state.response.call = call;
  if (call !== undefined) {
    tellAnswer({ bytes: view.bytes, start: line.end, end: body }, fields, call, status);
  }
  const connected = pending?.detail.method === "CONNECT" && status >= 200 && status < 300;
  const switched = status === 101 || connected;
  const bodiless =
    switched || status === 204 || status === 304 || pending?.detail.method === "HEAD";
  let behind = body;
  if (!bodiless) {
    behind =
      pending === undefined
        ? orphanBody(body, state.response)
        : responseBody(view, body, state.response, out);
  }
  frame.complete = state.response.phase === Phase.head || pending === undefined;
  frame.endNs = view.timeAt(behind - 1);
  out.frame(frame);
  if (switched) out.handOver("detect");
  return behind - start;
}

/**
 * RFC 7540 section 3.2: the request that asks for HTTP/2 is answered there, on stream 1. WebSocket
 * only looks at it: a 101 ends the request.
 */
function carriedOf(exchange: Exchange<Http1Detail>, endNs: number): Carried {
  const { detail } = exchange;
  const fields: [string, string | undefined][] = [
    [":method", detail.method],
    [":path", detail.target],
    [":scheme", "http"],
    [":authority", detail.host],
    ["user-agent", detail.userAgent],
    ["forwarded", detail.forwarded],
    ["x-forwarded-for", detail.forwardedFor],
    ["x-forwarded-host", detail.forwardedHost],
    ["x-forwarded-proto", detail.forwardedProto],
  ];
  const known = fields.filter((field): field is [string, string] => field[1] !== undefined);
  return { exchange, endNs, fields: known };
}

/** RFC 9112 section 6.3. Index up to which the body is passed; lane.phase says what is left. */
function responseBody(view: StreamView, body: number, lane: Lane, out: Sink): number {
  if (fields.transferEncoding && fields.chunked) {
    lane.phase = Phase.chunkSize;
    const behind = walkChunks(view, body, lane, out);
    return behind < 0 ? body : behind;
  }
  if (!fields.transferEncoding && fields.contentLength >= 0) {
    return passBody(view, body, lane, out);
  }
  const invalid = !fields.transferEncoding && fields.contentLength === CONTENT_LENGTH_INVALID;
  lane.phase = invalid ? Phase.untilEndInvalid : Phase.untilEnd;
  lane.bodyLeft = Number.POSITIVE_INFINITY;
  out.skip(Number.POSITIVE_INFINITY);
  return body;
}

/** The request was not seen: were it a HEAD, the next head would stand where a body should. */
function orphanBody(body: number, lane: Lane): number {
  if (fields.transferEncoding && fields.chunked) lane.phase = Phase.orphanChunked;
  else if (!fields.transferEncoding && fields.contentLength >= 0) {
    lane.phase = fields.contentLength > 0 ? Phase.orphanLength : Phase.head;
    lane.orphanBytes = fields.contentLength;
  } else lane.phase = Phase.seek;
  return body;
}

function parseOrphanBody(view: StreamView, state: Http1State, out: Sink): number {
  const { bytes, start, end } = view;
  const lane = state.response;
  const available = end - start;
  const begins = isResponseStart(bytes, start, end);
  const chunked = lane.phase === Phase.orphanChunked;
  if (begins === "more" && (chunked || available < lane.orphanBytes)) return 0;
  if (begins === "yes") {
    lane.phase = Phase.head;
    return parseHead(view, "response", state, out);
  }
  if (chunked) {
    lane.phase = Phase.chunkSize;
    return parseChunks(view, "response", state, out);
  }
  if (available >= lane.orphanBytes) {
    lane.phase = Phase.head;
    return lane.orphanBytes;
  }
  lane.phase = Phase.lengthSkip;
  out.skip(lane.orphanBytes - available);
  return available;
}

function parseChunks(view: StreamView, side: Side, state: Http1State, out: Sink): number {
  const lane = side === "request" ? state.request : state.response;
  const behind = walkChunks(view, view.start, lane, out);
  if (behind < 0) return behind;
  if (side === "response" && lane.phase === Phase.head) {
    out.frame({ kind: "response_end", endNs: view.timeAt(behind - 1), truncated: false });
  }
  return behind - view.start;
}

/** After a loss nothing is an error: bytes are let go until a head begins. */
function parseSeeking(view: StreamView, side: Side, state: Http1State, out: Sink): number {
  const lane = side === "request" ? state.request : state.response;
  const found = seek(view, side, state);
  if (found < 0) return view.end - view.start;
  if (found > view.start) return found - view.start;
  lane.phase = Phase.head;
  const status = parseHead(view, side, state, out);
  if (status > 0) return status;
  lane.phase = Phase.seek;
  return status === 0 ? 0 : 1;
}
