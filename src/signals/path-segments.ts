/**
 * A path in pieces. Invariant: of a path of any length a fixed number of characters is looked at,
 * and nothing but a word's plain characters comes out of it undecoded.
 */

/** What stands behind these is one wildcard. */
export const PATH_CHARS_MAX = 1_024;
export const PATH_SEGMENTS_MAX = 16;

export interface PathSegments {
  readonly segments: readonly string[];
  /** There are more. */
  readonly isCut: boolean;
}

/** The segments of a path that begins with a slash; empty ones are left out. */
export function segmentsOf(path: string): PathSegments {
  const segments: string[] = [];
  const end = Math.min(path.length, PATH_CHARS_MAX);
  let at = 1;
  while (at < end) {
    let next = path.indexOf("/", at);
    if (next < 0) next = path.length;
    if (next > at) {
      if (segments.length === PATH_SEGMENTS_MAX || next > end) return { segments, isCut: true };
      segments.push(path.slice(at, next));
    }
    at = next + 1;
  }
  return { segments, isCut: at < path.length };
}

const PERCENT = 0x25;

/**
 * A segment without its parameters (";jsessionid=…", RFC 3986 section 3.3) and without percent
 * signs: bytes that are no ASCII, and escapes that are none, become U+FFFD.
 */
export function plainSegment(segment: string): string {
  const semicolon = segment.indexOf(";");
  const own = semicolon < 0 ? segment : segment.slice(0, semicolon);
  if (!own.includes("%")) return own;
  let plain = "";
  for (let at = 0; at < own.length; at++) {
    if (own.charCodeAt(at) !== PERCENT) {
      plain += own[at];
      continue;
    }
    const code = hexValue(own.charCodeAt(at + 1)) * 16 + hexValue(own.charCodeAt(at + 2));
    plain += code >= 0 && code < 0x80 ? String.fromCharCode(code) : "\ufffd";
    if (code >= 0) at += 2;
  }
  return plain;
}

/** Far below zero for what is no digit, also when a second digit is added. */
function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000;
}
