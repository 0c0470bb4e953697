/**
 * Recognises FastCGI by the record that begins a request, and after a loss by records of requests
 * that are known. Invariant: rather no or more than a wrong side.
 */
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import {
  contentBytesAt,
  HEADER_BYTES,
  isHeader,
  RecordType,
  recordBytesAt,
  requestIdAt,
} from "./records.ts";
import type { FastcgiState } from "./types.ts";

/** BEGIN_REQUEST with its content, no padding. */
const BEGIN_BYTES = 16;
/** What is the same in every BEGIN_REQUEST that is written without padding; -1 = what is not. */
const BEGIN = [1, 1, -1, -1, 0, 8, -1, -1, 0, -1, -1, 0, 0, 0, 0, 0];
const ROLE_AT = 9;
const ROLE_MAX = 3;
const KEEP_CONNECTION_AT = 10;

export function detect(view: StreamView): Detection {
  return judgeBegin(view, view.start);
}

/** Whether a request begins at `at`: its first record, and the head of what follows. */
function judgeBegin({ bytes, end }: StreamView, at: number): "request" | "more" | "no" {
  const seen = Math.min(end - at, BEGIN_BYTES);
  for (let index = 0; index < seen; index++) {
    const wanted = BEGIN[index] ?? -1;
    if (wanted >= 0 && bytes[at + index] !== wanted) return "no";
  }
  if (seen < BEGIN_BYTES) return "more";
  const role = bytes[at + ROLE_AT] ?? 0;
  if (role === 0 || role > ROLE_MAX || (bytes[at + KEEP_CONNECTION_AT] ?? 0) > 1) return "no";
  if (!isHeader(bytes, at, "request")) return "no";
  const next = at + recordBytesAt(bytes, at);
  // Some web servers send it in a call of its own.
  if (end - next < HEADER_BYTES) return "request";
  const follows =
    isHeader(bytes, next, "request") && requestIdAt(bytes, next) === requestIdAt(bytes, at);
  return follows && bytes[next + 1] === RecordType.params ? "request" : "no";
}

/**
 * Index at which a record begins that can be paired; the view's end = none does; -1 = too little is
 * here to tell. Requests are believed from their BEGIN_REQUEST on, answers by their request ids.
 */
export function seek(view: StreamView, side: Side, state: FastcgiState): number {
  const { bytes, start, end } = view;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== 1) continue;
    const said = side === "request" ? judgeBegin(view, at) : judgeAnswer(view, at, state);
    if (said === "request" || said === "response") return at;
    if (said === "more") return at === start ? -1 : at;
  }
  return end;
}

function judgeAnswer(view: StreamView, at: number, state: FastcgiState): Detection {
  const { bytes, end } = view;
  if (end - at < HEADER_BYTES) return "more";
  const isOwn = isHeader(bytes, at, "response") && state.running.has(requestIdAt(bytes, at));
  if (!isOwn || bytes[at + 7] !== 0) return "no";
  const next = at + recordBytesAt(bytes, at);
  if (next === end)
    return contentBytesAt(bytes, at) > 0 || end - at > HEADER_BYTES ? "response" : "no";
  if (next > end) return at === view.start ? "response" : "no";
  return end - next < HEADER_BYTES || isHeader(bytes, next, "response") ? "response" : "no";
}
