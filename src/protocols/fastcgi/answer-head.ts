/**
 * The header that an application's output begins with (RFC 3875, section 6.3): lines until an empty
 * one. Invariant: only Status and Location are looked at, and of Location only whether it is a URL.
 */
import { indexOfByte, latin1Of } from "../../lib/bytes.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const STATUS_OK = 200;
const STATUS_FOUND = 302;

/** Index behind the empty line, or -1 when it is not here. */
export function headEnd(bytes: Uint8Array, start: number, end: number): number {
  let lineStart = start;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== LINE_FEED) continue;
    const isEmpty =
      at === lineStart || (at === lineStart + 1 && bytes[lineStart] === CARRIAGE_RETURN);
    if (isEmpty) return at + 1;
    lineStart = at + 1;
  }
  return -1;
}

/** The status of a whole header; 0 when it is not known (a redirect inside the web server). */
export function statusOf(bytes: Uint8Array, start: number, end: number): number {
  let redirect = "";
  for (let lineStart = start; lineStart < end; ) {
    const lineFeed = indexOfByte(bytes, LINE_FEED, lineStart, end);
    const lineEnd = lineFeed < 0 ? end : lineFeed;
    if (isField(bytes, lineStart, lineEnd, STATUS)) {
      return statusCodeOf(latin1Of(bytes, lineStart + STATUS.length, lineEnd).trim());
    }
    if (isField(bytes, lineStart, lineEnd, LOCATION)) {
      redirect = latin1Of(bytes, lineStart + LOCATION.length, lineEnd).trim();
    }
    lineStart = lineEnd + 1;
  }
  if (redirect === "") return STATUS_OK;
  return redirect.startsWith("/") ? 0 : STATUS_FOUND;
}

const STATUS = "status:";
const LOCATION = "location:";

/** Whether the line begins with the name and its colon, in letters of any case. */
function isField(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start < name.length) return false;
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index] ?? 0;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    if (lower !== name.charCodeAt(index)) return false;
  }
  return true;
}

function statusCodeOf(value: string): number {
  const code = /^([1-9]\d\d)(?!\d)/.exec(value)?.[1];
  return code === undefined ? 0 : Number(code);
}
