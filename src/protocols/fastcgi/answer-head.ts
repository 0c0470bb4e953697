/**
 * The header that an application's output begins with (RFC 3875, section 6.3): lines until an empty
 * one. Invariant: only Status and Location are looked at, and of Location only whether it is a URL.
 */
import { latin1Of } from "../../lib/bytes.ts";

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
  let redirects = "";
  for (const line of latin1Of(bytes, start, end).split("\n")) {
    const colon = line.indexOf(":");
    if (colon !== "status".length && colon !== "location".length) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") return statusCodeOf(value);
    if (name === "location") redirects = value;
  }
  if (redirects === "") return STATUS_OK;
  return redirects.startsWith("/") ? 0 : STATUS_FOUND;
}

function statusCodeOf(value: string): number {
  const code = /^([1-9]\d\d)(?!\d)/.exec(value)?.[1];
  return code === undefined ? 0 : Number(code);
}
