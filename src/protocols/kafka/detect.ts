/**
 * Recognises requests by their header and body, and answers by the correlation id that they repeat.
 * Invariant: rather no or more than a wrong side; an answer is known only beside its request.
 */
import type { Detection, StreamView } from "../contract.ts";
import { hasTaggedResponseHeader } from "./apis.ts";
import { type Decoded, decode, passTags } from "./decode.ts";
import { createFacts } from "./facts.ts";
import {
  HEAD_BYTES,
  isRequestHead,
  numberAt,
  readRequestHead,
  responseFrameBytes,
  SIZE_BYTES,
} from "./header.ts";
import { layoutOf } from "./layouts.ts";
import { kafkaLimits } from "./limits.ts";
import type { KafkaState } from "./types.ts";

export type Verdict = "yes" | "more" | "no";

const ANSWER_HEAD_BYTES = 8;
/** Whole bodies that one search may read: what looks like a frame at every byte is none. */
const TRIES_MAX = 32;

export function detect(view: StreamView): Detection {
  const verdict = judgeRequest(view, view.start);
  return verdict === "yes" ? "request" : verdict;
}

/** Whether a request begins at `at`. */
export function judgeRequest(view: StreamView, at: number): Verdict {
  const { bytes, end } = view;
  if (end - at < HEAD_BYTES) return isBeginning(bytes, at, end) ? "more" : "no";
  if (!isRequestHead(bytes, at)) return "no";
  const head = readRequestHead(bytes, at, end);
  if (head === "malformed") return "no";
  if (head === "short") return "more";
  const layout = layoutOf("request", head.key, head.version);
  if (layout === undefined) return head.clientId === undefined ? "no" : "yes";
  const findings = { facts: createFacts(), topicNames: new Map<string, string>() };
  return verdictOf(decode(head.cursor, layout, findings), end - at);
}

/** A part of a body is believed when it is long enough. */
function verdictOf(decoded: Decoded, seen: number): Verdict {
  if (decoded === "malformed") return "no";
  return decoded !== "short" || seen >= kafkaLimits.detectBytes ? "yes" : "more";
}

/** Whether fewer bytes than a header can be the beginning of one. */
function isBeginning(bytes: Uint8Array, at: number, end: number): boolean {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(bytes.subarray(at, end));
  const seen = end - at;
  // What is not here yet is taken for what fits best.
  if (seen < SIZE_BYTES) head[3] = 0xff;
  return isRequestHead(head, 0);
}

/** Whether the answer to a request that was seen begins at `at`. */
export function judgeAnswer(view: StreamView, at: number, state: KafkaState): Verdict {
  const { bytes, end } = view;
  if (end - at < ANSWER_HEAD_BYTES) {
    return end - at < SIZE_BYTES || responseFrameBytes(bytes, at) > 0 ? "more" : "no";
  }
  const size = responseFrameBytes(bytes, at);
  if (size < 0) return "no";
  const correlation = numberAt(bytes, at + SIZE_BYTES);
  const request = state.pending.find((entry) => entry.correlation === correlation);
  if (request?.exchange === undefined) return "no";
  const { key, version } = request;
  const limit = at + size;
  const cursor = { bytes, position: at + ANSWER_HEAD_BYTES, end: Math.min(end, limit), limit };
  if (hasTaggedResponseHeader(key, version)) {
    const passed = passTags(cursor);
    if (passed === "malformed") return "no";
    if (passed === "short") return "more";
  }
  const layout = layoutOf("response", key, version);
  if (layout === undefined) return "yes";
  const findings = { facts: createFacts(), topicNames: new Map<string, string>() };
  return verdictOf(decode(cursor, layout, findings), end - at);
}

/**
 * Index at which a frame begins, or seems to begin; the view's end = none does; -1 = too little is
 * here to tell whether one begins at the head. What is captured after a loss begins with a call of
 * the program, and most calls begin with a frame. Behind the head a frame has to end where one can
 * end; without such a frame, the first that may go on behind the view is waited for.
 */
export function seek(view: StreamView, judge: (at: number) => Verdict, isRequest: boolean): number {
  const first = judge(view.start);
  if (first === "yes") return view.start;
  if (first === "more") return -1;
  const { bytes, start, end } = view;
  const frameBytes = isRequest ? requestBytes : responseFrameBytes;
  let begun = end;
  let tries = 0;
  for (let at = start + 1; at + ANSWER_HEAD_BYTES <= end && tries < TRIES_MAX; at++) {
    const size = at + HEAD_BYTES <= end || !isRequest ? frameBytes(bytes, at) : -1;
    if (size < 0 || size > kafkaLimits.wholeFrameBytesMax) continue;
    const next = at + size;
    const isPart = next > end;
    if (isPart ? begun < end : !isEndOfFrame(view, next, frameBytes)) continue;
    tries++;
    const verdict = judge(at);
    if (verdict === "yes" && !isPart) return at;
    if (verdict !== "no") begun = Math.min(begun, at);
  }
  return begun;
}

function isEndOfFrame(
  { bytes, end }: StreamView,
  at: number,
  frameBytes: (bytes: Uint8Array, at: number) => number,
): boolean {
  return at === end || (at + HEAD_BYTES <= end && frameBytes(bytes, at) > 0);
}

function requestBytes(bytes: Uint8Array, at: number): number {
  return isRequestHead(bytes, at) ? responseFrameBytes(bytes, at) : -1;
}
