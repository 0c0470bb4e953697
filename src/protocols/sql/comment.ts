/**
 * Trace context in SQL comments, as SQLCommenter and OpenTelemetry's SQL instrumentations append
 * it. Invariant: only a comment that ends the text is read, so that a literal cannot pose as one.
 */

const KEY = "traceparent='";
const STAR = 0x2a;
const SLASH = 0x2f;
/** A comment that carries context is short; anything longer is not looked through. */
const COMMENT_CHARS_MAX = 1_024;

/** The traceparent of a comment at the end of the text, not validated; undefined without one. */
export function traceparentOf(text: string): string | undefined {
  let end = text.length;
  while (end > 0 && isFiller(text.charCodeAt(end - 1))) end--;
  if (end < 2 || text.charCodeAt(end - 1) !== SLASH || text.charCodeAt(end - 2) !== STAR) {
    return undefined;
  }
  const start = text.lastIndexOf("/*", end - 2);
  if (start < 0 || end - start > COMMENT_CHARS_MAX) return undefined;
  const key = text.indexOf(KEY, start);
  const from = key + KEY.length;
  const quote = key < 0 ? -1 : text.indexOf("'", from);
  return quote < 0 || quote > end ? undefined : text.slice(from, quote);
}

/** White space or a semicolon. */
function isFiller(code: number): boolean {
  return code === 0x20 || code === 0x3b || (code >= 0x09 && code <= 0x0d);
}
