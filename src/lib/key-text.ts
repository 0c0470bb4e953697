/**
 * Keys of key-value stores as they may be told: names stay, what looks like an id, an address or a
 * token is hidden. Invariant: the text holds nothing but letters, digits, "_-." and separators.
 */
import { latin1Of } from "./bytes.ts";

const HIDDEN = "?";
/** A part of a key with so many digits, or so long, is an id or a token. */
const KEY_DIGITS_MIN = 4;
const KEY_PART_MAX = 23;
const ZERO = 0x30;
const NINE = 0x39;

/** Which bytes may stand in a told word, and which separate the parts of a key. */
const wordBytes = bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.");
const separators = bytesOf(":/|{}#,");

function bytesOf(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

export function isWordByte(byte: number): boolean {
  return wordBytes[byte] === 1;
}

/** The key with its parts hidden that look like ids: numbers, tokens, what is no plain word. */
export function keyText(bytes: Uint8Array, start: number, end: number): string {
  if (end === start) return HIDDEN;
  let text = "";
  let from = start;
  let digits = 0;
  let plain = true;
  for (let index = start; index <= end; index++) {
    const byte = bytes[index] ?? 0;
    if (index < end && separators[byte] === 0) {
      if (wordBytes[byte] === 0) plain = false;
      else if (byte >= ZERO && byte <= NINE) digits++;
      continue;
    }
    const length = index - from;
    const isId = digits >= KEY_DIGITS_MIN || length > KEY_PART_MAX || digits === length;
    if (length > 0) text += !plain || isId ? HIDDEN : latin1Of(bytes, from, index);
    if (index < end) text += String.fromCharCode(byte);
    from = index + 1;
    digits = 0;
    plain = true;
  }
  return text;
}
