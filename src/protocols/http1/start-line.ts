/**
 * Start lines of RFC 9112 sections 3 and 4. Read leniently where real servers do (white space,
 * bare LF, a missing reason phrase), strictly where it decides that this is HTTP/1 at all.
 * Invariant: a line that is not an HTTP/1 start line gives a negative ParseError.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { ParseError } from "../contract.ts";
import { http1Limits } from "./limits.ts";
import { decodeText, isTokenByte, SPACE, sameText, TAB } from "./syntax.ts";

/** What the last start line that was read said; valid until the next one is read. */
export interface StartLine {
  method: string;
  target: string;
  minorVersion: number;
  statusCode: number;
}

const METHODS_BY_LENGTH: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ["GET", "PUT"],
  ["POST", "HEAD"],
  ["PATCH", "TRACE", "QUERY"],
  ["DELETE"],
  ["OPTIONS", "CONNECT"],
];

/** The method as a shared string where it is a common one. */
function methodOf(bytes: Uint8Array, start: number, end: number): string {
  const candidates = METHODS_BY_LENGTH[end - start];
  if (candidates !== undefined) {
    for (const candidate of candidates) {
      if (sameText(bytes, start, end, candidate)) return candidate;
    }
  }
  return latin1Of(bytes, start, end);
}

/** Minor version of "HTTP/1.x" in the eight bytes at start; negative = ParseError. */
export function versionAt(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 8 || !sameText(bytes, start, start + 5, "HTTP/")) return ParseError.malformed;
  if (bytes[start + 5] !== 49 || bytes[start + 6] !== 46) return ParseError.unsupportedVersion;
  const minor = (bytes[start + 7] ?? 0) - 48;
  return minor >= 0 && minor <= 9 ? minor : ParseError.malformed;
}

/** End of the method token that begins at start; start itself when there is none. */
export function methodEnd(bytes: Uint8Array, start: number, end: number): number {
  const most = Math.min(end, start + http1Limits.methodBytesMax + 1);
  let index = start;
  while (index < most && isTokenByte(bytes[index] ?? 0)) index++;
  return index - start > http1Limits.methodBytesMax ? start : index;
}

/**
 * Reads the request line bytes[start..end) (without its line end) into `line`. 0 = done, negative =
 * ParseError. White space inside the target is kept: the server's answer says what it made of it.
 */
export function readRequestLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  line: StartLine,
): number {
  const afterMethod = methodEnd(bytes, start, end);
  if (afterMethod === start || bytes[afterMethod] !== SPACE) return ParseError.malformed;
  let lineEnd = end;
  while (lineEnd > afterMethod && isSpace(bytes[lineEnd - 1])) lineEnd--;
  let version = lineEnd;
  while (version > afterMethod && !isSpace(bytes[version - 1])) version--;
  let targetEnd = version;
  while (targetEnd > afterMethod && isSpace(bytes[targetEnd - 1])) targetEnd--;
  let target = afterMethod;
  while (target < targetEnd && isSpace(bytes[target])) target++;
  if (target >= targetEnd) return ParseError.malformed;
  const minor = lineEnd - version === 8 ? versionAt(bytes, version, lineEnd) : ParseError.malformed;
  if (minor < 0) return minor;
  if (!isTarget(bytes, target, targetEnd)) return ParseError.malformed;
  line.method = methodOf(bytes, start, afterMethod);
  line.target = decodeText(bytes, target, targetEnd);
  line.minorVersion = minor;
  return 0;
}

/** Reads the status line bytes[start..end), without its line end, as readRequestLine does. */
export function readStatusLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  line: StartLine,
): number {
  const minor = versionAt(bytes, start, end);
  if (minor < 0) return minor;
  let index = start + 8;
  if (!isSpace(bytes[index]) || index >= end) return ParseError.malformed;
  while (index < end && isSpace(bytes[index])) index++;
  if (end - index < 3) return ParseError.malformed;
  const hundreds = (bytes[index] ?? 0) - 48;
  const tens = (bytes[index + 1] ?? 0) - 48;
  const ones = (bytes[index + 2] ?? 0) - 48;
  if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) {
    return ParseError.malformed;
  }
  if (index + 3 < end && !isSpace(bytes[index + 3])) return ParseError.malformed;
  line.statusCode = hundreds * 100 + tens * 10 + ones;
  line.minorVersion = minor;
  return 0;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** No control characters; everything else is the server's to judge. */
export function isTarget(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if ((byte < SPACE && byte !== TAB) || byte === 127) return false;
  }
  return true;
}
