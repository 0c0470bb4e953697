/**
 * Whether bytes are the beginning of HTTP/2. Invariant: a client is known by its preface, a server
 * by the SETTINGS frame that it has to send first, and a connection joined in the middle by a head
 * among frames that fit the specification; an empty SETTINGS frame alone proves nothing.
 */
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { areSettings, isBoundary, sideOfFrames } from "./boundary.ts";
import { createFrameHead, FrameType, isValidHead, prefaceAt, readFrameHead } from "./frame-head.ts";
import { http2Limits } from "./limits.ts";
import type { Http2State } from "./types.ts";

const HEAD_BYTES = http2Limits.frameHeadBytes;
const SETTINGS_BYTES_MAX = 6 * http2Limits.detectSettingsMax;

const head = createFrameHead();

/** The first bytes of a direction. */
export function detect(view: StreamView): Detection {
  const { bytes, start, end } = view;
  const preface = prefaceAt(bytes, start, end);
  if (preface !== "no") return preface === "yes" ? "request" : "more";
  const greeting = greetingAt(bytes, start, end);
  if (greeting !== "no") return greeting;
  const side = sideOfFrames(view);
  return side !== undefined && isBoundary(view, side, true) ? side : "no";
}

/** RFC 9113 section 3.4: the server's preface is a SETTINGS frame. */
function greetingAt(bytes: Uint8Array, start: number, end: number): Detection {
  if (end - start < HEAD_BYTES) return mayBeGreeting(bytes, start, end) ? "more" : "no";
  readFrameHead(bytes, start, head);
  if (head.type !== FrameType.settings || head.flags !== 0 || !isValidHead(head)) return "no";
  if (head.length > SETTINGS_BYTES_MAX) return "no";
  const behind = start + HEAD_BYTES + head.length;
  if (!areSettings(bytes, start + HEAD_BYTES, Math.min(end, behind))) return "no";
  if (behind > end) return "more";
  if (head.length > 0) return "response";
  if (end - behind < HEAD_BYTES) return "more";
  readFrameHead(bytes, behind, head);
  const isKnown = head.type <= FrameType.continuation && head.type >= FrameType.settings;
  return isKnown && isValidHead(head) ? "response" : "no";
}

/** As far as there are bytes: two zeros, a length, SETTINGS, no flags, stream 0. */
function mayBeGreeting(bytes: Uint8Array, start: number, end: number): boolean {
  const wanted = [0, 0, -1, FrameType.settings, 0, 0, 0, 0, 0];
  for (let index = 0; index < end - start; index++) {
    const want = wanted[index] ?? 0;
    const byte = bytes[start + index] ?? 0;
    if (want < 0 ? byte % 6 !== 0 || byte > SETTINGS_BYTES_MAX : byte !== want) return false;
  }
  return true;
}

/** First index at which frames can begin after a loss; -1 = none. */
export function resync(view: StreamView, side: Side, _state: Http2State): number {
  const { bytes, start, end } = view;
  for (let index = start; index + HEAD_BYTES <= end; index++) {
    const begins = index === start || view.timeAt(index) !== view.timeAt(index - 1);
    // Nearly every byte of a body is refused here: the type is the fourth byte, the length small.
    if ((bytes[index] ?? 0) > 0 || (bytes[index + 3] ?? 0) > FrameType.continuation) continue;
    if (isBoundary({ bytes, start: index, end }, side, begins)) return index;
  }
  if (side === "request") return prefaceIn(view);
  return -1;
}

function prefaceIn(view: StreamView): number {
  return prefaceAt(view.bytes, view.start, view.end) === "no" ? -1 : view.start;
}
