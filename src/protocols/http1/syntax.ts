/**
 * The grammar of HTTP/1 at the level of bytes (RFC 9110 section 5.6, RFC 9112 section 2).
 * Invariant: no byte outside [start, end) is looked at, and nothing throws on content.
 */
import { latin1Of, textOf } from "../../lib/bytes.ts";

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const COMMA = 44;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;

const TCHAR = tableOf(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** tchar of RFC 9110 section 5.6.2: what methods and field names are made of. */
export function isTokenByte(byte: number): boolean {
  return TCHAR[byte] === 1;
}

/** Optional white space, and the line ends that obs-fold leaves inside a value. */
export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR || byte === LF;
}

/** Value of a hexadecimal digit, -1 for anything else. */
export function hexDigitOf(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Whether bytes[start..end) are exactly this text of ASCII characters. */
export function sameText(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let index = start; index < end; index++) {
    if (bytes[index] !== text.charCodeAt(index - start)) return false;
  }
  return true;
}

/** As sameText, without regard to case; the text is in lowercase. */
export function sameTextAnyCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string,
): boolean {
  if (end - start !== text.length) return false;
  for (let index = start; index < end; index++) {
    let byte = bytes[index] ?? 0;
    if (byte >= 65 && byte <= 90) byte |= 0x20;
    if (byte !== text.charCodeAt(index - start)) return false;
  }
  return true;
}

/** Text of a target or a field value: ASCII at low cost, UTF-8 otherwise; folded lines joined. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let plain = true;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= 128 || byte === LF) {
      plain = false;
      break;
    }
  }
  if (plain) return latin1Of(bytes, start, end);
  return textOf(bytes, start, end).replace(/[ \t]*\r?\n[ \t]+/g, " ");
}
