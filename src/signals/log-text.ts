/**
 * Bytes of a line → readable text. Invariant: what comes out holds no terminal control sequences,
 * and bytes that are not text never become a record.
 */
import { textOf } from "../lib/bytes.ts";

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const ESCAPE = 27;
const SPACE = 32;
const DELETE = 127;

/** More unprintable characters than one in this many make a line binary. */
const UNPRINTABLE_PART = 10;

const REPLACEMENT = 0xfffd;
const BELL = 7;
const BACKSLASH = 92;
const BRACKET = 91;
const CLOSING_BRACKET = 93;

/**
 * Text of bytes[start..end) without colour sequences, line ends as "\n", and without white space
 * at its end. undefined = not text: it holds a NUL, or more than a tenth is not printable.
 */
export function readableText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let unprintable = 0;
  let high = 0;
  let escapes = false;
  let returns = false;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= SPACE && byte < DELETE) continue;
    if (byte > DELETE) high++;
    else if (byte === ESCAPE) escapes = true;
    else if (byte === RETURN) returns = true;
    else if (byte === 0) return undefined;
    else if (byte !== TAB && byte !== NEWLINE) unprintable++;
  }
  const allowed = (end - start) / UNPRINTABLE_PART;
  if (unprintable > allowed) return undefined;
  let text = textOf(bytes, start, end);
  if (high > allowed && unprintable + replacements(text) > allowed) return undefined;
  if (escapes) text = withoutEscapes(text);
  if (returns) text = text.replaceAll("\r\n", "\n");
  return text.trimEnd();
}

/** How many characters stand for bytes that are not UTF-8. */
function replacements(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) === REPLACEMENT) count++;
  }
  return count;
}

/** Removes ECMA-48 control sequences (colours, cursor), operating system commands and the rest. */
export function withoutEscapes(text: string): string {
  let clean = "";
  let copied = 0;
  let start = text.indexOf("\x1b");
  while (start >= 0) {
    clean += text.slice(copied, start);
    copied = escapeEnd(text, start);
    start = text.indexOf("\x1b", copied);
  }
  return clean + text.slice(copied);
}

/** Index behind the escape sequence that begins at `start`; an unfinished one loses its head. */
function escapeEnd(text: string, start: number): number {
  const kind = text.charCodeAt(start + 1);
  if (kind === BRACKET) {
    let index = start + 2;
    while (index < text.length && isParameter(text.charCodeAt(index))) index++;
    const final = text.charCodeAt(index);
    return final >= 0x40 && final <= 0x7e ? index + 1 : index;
  }
  if (kind === CLOSING_BRACKET) return commandEnd(text, start + 2);
  return kind >= SPACE && kind < DELETE ? start + 2 : start + 1;
}

/** An operating system command ends with BEL or ESC \, at most 256 characters on. */
function commandEnd(text: string, start: number): number {
  const stop = Math.min(text.length, start + 256);
  for (let index = start; index < stop; index++) {
    const code = text.charCodeAt(index);
    if (code === BELL) return index + 1;
    if (code === ESCAPE) return text.charCodeAt(index + 1) === BACKSLASH ? index + 2 : index;
  }
  return start;
}

/** Parameter and intermediate bytes of a control sequence. */
function isParameter(code: number): boolean {
  return code >= 0x20 && code <= 0x3f;
}
