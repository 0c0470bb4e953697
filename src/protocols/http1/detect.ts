/**
 * Whether bytes are the beginning of HTTP/1. Invariant: a request needs " HTTP/1." in its request
 * line, a response begins with "HTTP/1.", so RTSP, SIP, ICAP, inline Redis commands and the HTTP/2
 * preface are never taken for it.
 */
import type { Detection, StreamView } from "../contract.ts";
import { http1Limits } from "./limits.ts";
import { isTarget, methodEnd, readRequestLine, type StartLine, versionAt } from "./start-line.ts";
import { CR, LF, SPACE, sameText, TAB } from "./syntax.ts";

const RESPONSE_START = "HTTP/1.";
/** "HTTP/1.1 200" */
const STATUS_BYTES = 12;

const scratch: StartLine = { method: "", target: "", minorVersion: 0, statusCode: 0 };

/** Methods believed where capture begins or resumes in the middle: RFC 9110, 5789, 4918, 3253. */
const SEEK_METHODS = new Set(
  (
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY PROPFIND PROPPATCH MKCOL COPY " +
    "MOVE LOCK UNLOCK SEARCH REPORT PURGE SUBSCRIBE UNSUBSCRIBE NOTIFY"
  ).split(" "),
);

/** The first bytes of a direction. */
export function detect(view: StreamView): Detection {
  const { bytes, end } = view;
  const start = skipEmptyLines(bytes, view.start, end);
  if (start >= end) return "more";
  const response = isResponseStart(bytes, start, end);
  if (response !== "no") return response === "yes" ? "response" : "more";
  const request = isRequestStart(bytes, start, end);
  return request === "yes" ? "request" : request;
}

/** RFC 9112 section 2.2: empty lines before a start line are ignored. */
export function skipEmptyLines(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && (bytes[index] === CR || bytes[index] === LF)) index++;
  return index;
}

/** Whether a status line begins at start. */
export function isResponseStart(
  bytes: Uint8Array,
  start: number,
  end: number,
): "yes" | "no" | "more" {
  const seen = Math.min(end - start, RESPONSE_START.length);
  if (!sameText(bytes, start, start + seen, RESPONSE_START.slice(0, seen))) return "no";
  if (end - start < STATUS_BYTES) return "more";
  if (versionAt(bytes, start, end) < 0 || bytes[start + 8] !== SPACE) return "no";
  const status = bytes[start + 9] ?? 0;
  return status === SPACE || (status >= 49 && status <= 57) ? "yes" : "no";
}

/** Whether a request line begins at start: decided by its end, or by much of a target. */
export function isRequestStart(
  bytes: Uint8Array,
  start: number,
  end: number,
): "yes" | "no" | "more" {
  const afterMethod = methodEnd(bytes, start, end);
  if (afterMethod === start) return "no";
  if (afterMethod === end) return "more";
  if (bytes[afterMethod] !== SPACE) return "no";
  const lineFeed = bytes.indexOf(LF, afterMethod);
  if (lineFeed < 0 || lineFeed >= end) return isLongTarget(bytes, afterMethod, end);
  const lineEnd = bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
  return readRequestLine(bytes, start, lineEnd, scratch) === 0 ? "yes" : "no";
}

/** As isRequestStart, for common methods only: bytes of a body pass for a rare one too easily. */
export function isKnownRequestStart(
  bytes: Uint8Array,
  start: number,
  end: number,
): "yes" | "no" | "more" {
  const afterMethod = methodEnd(bytes, start, end);
  const method = String.fromCharCode(...bytes.subarray(start, afterMethod));
  if (afterMethod < end) return SEEK_METHODS.has(method) ? isRequestStart(bytes, start, end) : "no";
  for (const known of SEEK_METHODS) if (known.startsWith(method)) return "more";
  return "no";
}

function isLongTarget(bytes: Uint8Array, afterMethod: number, end: number): "yes" | "no" | "more" {
  const target = afterMethod + 1;
  const lineEnd = bytes[end - 1] === CR ? end - 1 : end;
  if (!isTarget(bytes, target, lineEnd)) return "no";
  if (end - target < http1Limits.detectTargetBytes) return "more";
  for (let index = target; index < end; index++) {
    if (bytes[index] === SPACE || bytes[index] === TAB) return "more";
  }
  return bytes[target] === 47 || bytes[target] === 104 ? "yes" : "no";
}
