/**
 * Records of either side → frames. Invariant: bodies are never looked at: behind an application's
 * header its output is skipped by the lengths of its records, and all input is.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { FrameSink, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { headEnd, statusOf } from "./answer-head.ts";
import { seek } from "./detect.ts";
import { detailOf } from "./http-request.ts";
import { fastcgiLimits } from "./limits.ts";
import {
  contentBytesAt,
  HEADER_BYTES,
  isHeader,
  RecordType,
  recordBytesAt,
  requestIdAt,
} from "./records.ts";
import type { FastcgiFrame, FastcgiState, Running } from "./types.ts";

type Sink = FrameSink<FastcgiFrame>;

export function parse(view: StreamView, side: Side, state: FastcgiState, out: Sink): ParseStatus {
  const lane = state[side];
  if (lane.seeking) {
    const found = seek(view, side, state);
    if (found < 0) return 0;
    if (found > view.start) return found - view.start;
    lane.seeking = false;
  }
  const { bytes, start, end } = view;
  if (end - start < HEADER_BYTES) return 0;
  if (!isHeader(bytes, start, side)) return ParseError.malformed;
  switch (bytes[start + 1]) {
    case RecordType.beginRequest:
      return parseBegin(view, out);
    case RecordType.params:
      return parseParams(view, state, out);
    case RecordType.abortRequest:
      out.frame({ kind: "abort", id: requestIdAt(bytes, start) });
      return passOver(view, out);
    case RecordType.stdout:
      return parseOutput(view, state, out);
    case RecordType.stderr:
      return parseErrors(view, out);
    case RecordType.endRequest:
      return parseEnd(view, out);
    default:
      return passOver(view, out);
  }
}

/** Consumes what is here of the record, and skips the rest. */
function passOver(view: StreamView, out: Sink): ParseStatus {
  const size = recordBytesAt(view.bytes, view.start);
  const seen = Math.min(size, view.end - view.start);
  if (seen < size) out.skip(size - seen);
  return seen;
}

function parseBegin(view: StreamView, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const size = recordBytesAt(bytes, start);
  if (end - start < size) return 0;
  out.frame({
    kind: "begin",
    id: requestIdAt(bytes, start),
    startNs: view.timeAt(start),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    role: uint16BE(bytes, start + HEADER_BYTES),
  });
  return size;
}

function parseParams(view: StreamView, state: FastcgiState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const running = state.running.get(requestIdAt(bytes, start));
  if (running?.params === undefined) return passOver(view, out);
  const size = recordBytesAt(bytes, start);
  if (end - start < size) return 0;
  const contentBytes = contentBytesAt(bytes, start);
  const from = start + HEADER_BYTES;
  if (contentBytes > 0) running.params.add(bytes, from, from + contentBytes);
  else out.frame(requestFrame(requestIdAt(bytes, start), running));
  return size;
}

/** The request as far as its parameters are known. */
export function requestFrame(id: number, running: Running): FastcgiFrame {
  const { startNs, tid, eventLoop, role, params } = running;
  const values = params?.values ?? {};
  const { traceparent, tracestate } = values;
  const detail = detailOf(values, role);
  return { kind: "request", id, startNs, tid, eventLoop, traceparent, tracestate, detail };
}

/** Output: its header is read, behind it nothing is. */
function parseOutput(view: StreamView, state: FastcgiState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const id = requestIdAt(bytes, start);
  const running = state.running.get(id);
  if (running?.head === undefined) return passOver(view, out);
  const contentBytes = contentBytesAt(bytes, start);
  const before = running.head.length;
  const wanted = Math.min(contentBytes, fastcgiLimits.headBytesMax - before);
  const from = start + HEADER_BYTES;
  if (end - from < wanted) return 0;
  const head = before === 0 ? bytes : joined(running.head, bytes.subarray(from, from + wanted));
  const headStart = before === 0 ? from : 0;
  const headLimit = before === 0 ? from + wanted : head.length;
  const over = headEnd(head, headStart, headLimit);
  if (over > 0) {
    running.head = undefined;
    out.frame({ kind: "head", id, statusCode: statusOf(head, headStart, over) });
  } else if (headLimit - headStart >= fastcgiLimits.headBytesMax) running.head = undefined;
  else running.head = before === 0 ? bytes.slice(headStart, headLimit) : head;
  return passOver(view, out);
}

function joined(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(before.length + bytes.length);
  all.set(before);
  all.set(bytes, before.length);
  return all;
}

function parseErrors(view: StreamView, out: Sink): ParseStatus {
  const { bytes, start } = view;
  const contentBytes = contentBytesAt(bytes, start);
  if (contentBytes > 0) {
    out.frame({ kind: "errors", id: requestIdAt(bytes, start), bytes: contentBytes });
  }
  return passOver(view, out);
}

function parseEnd(view: StreamView, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const size = recordBytesAt(bytes, start);
  if (end - start < size) return 0;
  const content = start + HEADER_BYTES;
  out.frame({
    kind: "end",
    id: requestIdAt(bytes, start),
    endNs: view.timeAt(start + size - 1),
    appStatus: uint32BE(bytes, content),
    protocolStatus: bytes[content + 4] ?? 0,
  });
  return size;
}
