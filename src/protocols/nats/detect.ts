/**
 * Recognises NATS by the server's INFO, by CONNECT with JSON, or by a whole message when capture
 * joins in the middle. Invariant: what Redis and others say too (PING, +OK, -ERR) proves nothing.
 */
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { natsLimits } from "./limits.ts";
import { type Line, readLine } from "./line.ts";
import type { NatsState } from "./types.ts";

const CR = 0x0d;
const LF = 0x0a;
const LINES_MAX = 64;

export function detect(view: StreamView): Detection {
  let index = view.start;
  for (let lines = 0; lines < LINES_MAX && index < view.end; lines++) {
    const line = readLine(view.bytes, index, view.end);
    if (line === "more") return beginsAsOurs(view, index) ? "more" : "no";
    if (line === undefined || !isSound(view, line)) return "no";
    if (proves(line)) return line.from === "request" ? "request" : "response";
    index = line.next;
  }
  // PING and +OK are words of Redis, too.
  return view.end > view.start ? "no" : "more";
}

/** INFO and CONNECT are words of other protocols too; here JSON follows. */
function beginsAsOurs({ bytes, end }: StreamView, index: number): boolean {
  const first = bytes[index];
  if (first !== 0x49 && first !== 0x43 && first !== 0x69 && first !== 0x63) return true;
  let at = index + (first === 0x49 || first === 0x69 ? 4 : 7);
  while (at < end && bytes[at] === 0x20) at++;
  return at >= end || bytes[at] === 0x7b;
}

/** Whether only NATS says such a line, once it is sound. */
function proves({ operation, totalBytes }: Line): boolean {
  return totalBytes >= 0 || operation === "INFO" || operation === "CONNECT";
}

/** What follows a message, as far as it is here. */
function isSound({ bytes, end }: StreamView, line: Line): boolean {
  const { operation, text, next, totalBytes } = line;
  if (operation === "INFO") return text.startsWith("{") && text.includes('"server_id"');
  if (operation === "CONNECT") return text.startsWith("{");
  if (totalBytes < 0) return true;
  const last = next + totalBytes;
  if (last < end && bytes[last] !== CR) return false;
  return last + 1 >= end || bytes[last + 1] === LF;
}

/**
 * First index at which an operation can begin: the head of the view, since what is captured after a
 * loss begins with a call of the program, or what stands behind a line's end.
 */
export function resync(view: StreamView, side: Side, _state: NatsState): number {
  const { bytes, start, end } = view;
  let index = start;
  while (index < end) {
    const line = beginsAt(view, index, side);
    if (line) return index;
    const lineEnd = bytes.indexOf(LF, index);
    if (lineEnd < 0 || lineEnd >= end) return -1;
    index = lineEnd + 1;
  }
  return -1;
}

/** The longest line that is looked at again and again while its end is missing. */
const PARTIAL_BYTES_MAX = natsLimits.lineBytesMax;

function beginsAt(view: StreamView, index: number, side: Side): boolean {
  const line = readLine(view.bytes, index, view.end);
  if (line === undefined) return false;
  if (line === "more") {
    const here = view.end - index;
    return here >= 4 && here <= PARTIAL_BYTES_MAX && index === view.start;
  }
  return (line.from === side || line.from === "both") && isSound(view, line);
}
