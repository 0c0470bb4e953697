/**
 * What others wrote, for a terminal. Invariant: what comes out of printable() moves no cursor,
 * changes no colour and reverses no writing direction.
 */

/**
 * C0 and C1 controls, line and paragraph separators, and the marks that override the direction of
 * writing, with which a log line could disguise itself.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** The text on one line, with unprintable characters as escapes: \n, \x1b, \u202e. */
export function printable(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.charCodeAt(0);
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
}
