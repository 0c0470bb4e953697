/** Values that CQL writes without quotes: UUIDs, durations and the numbers that are words. */
import { Keywords } from "./keywords.ts";

/** Longest ISO 8601 duration that is looked at. */
const DURATION_CHARS_MAX = 64;
const UUID_CHARS = 36;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const isoDuration = /^P(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?)/i;
const NAN = "NAN";
const INFINITY = "INFINITY";
const wordNumbers = new Keywords([NAN, INFINITY]);

/**
 * Length of the value that begins at the index, 0 when it is a word or a plain number. What is
 * looked at is bounded.
 */
export function bareValueLength(text: string, start: number, isWordPart: WordTest): number {
  if (text.charCodeAt(start + 8) === 0x2d && uuid.test(text.slice(start, start + UUID_CHARS))) {
    return UUID_CHARS;
  }
  const first = text.charCodeAt(start) | 0x20;
  const length =
    first === 0x70
      ? durationLength(text, start)
      : first === 0x6e || first === 0x69
        ? wordNumberLength(text, start)
        : 0;
  const end = start + length;
  const ends = end >= text.length || !isWordPart(text.charCodeAt(end));
  return length > 0 && ends ? length : 0;
}

type WordTest = (code: number) => boolean;

function durationLength(text: string, start: number): number {
  // P and a digit, or PT: what other words do not begin with.
  const following = text.charCodeAt(start + 1);
  const isDigit = following >= 0x30 && following <= 0x39;
  if (!isDigit && (following | 0x20) !== 0x74) return 0;
  const found = isoDuration.exec(text.slice(start, start + DURATION_CHARS_MAX));
  return found === null || found[0].length < 3 ? 0 : found[0].length;
}

function wordNumberLength(text: string, start: number): number {
  if (wordNumbers.at(text, start, start + NAN.length) !== "") return NAN.length;
  return wordNumbers.at(text, start, start + INFINITY.length) === "" ? 0 : INFINITY.length;
}
