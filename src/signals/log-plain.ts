/**
 * Lines for people: the level and the time that the head of the line states. The body stays the
 * whole line. A level word counts only where headers put it, so that "no error found" has none:
 *   in capitals      at the start, behind "] ) | > : , ;" or " - ", or behind a time of day
 *   in any case      alone in brackets ("[error]", "[core:error]"), or as "error:" at the start,
 *                    behind "name: ", "] ", " - ", a time of day, or "PHP "
 * Beside words: glog and klog ("E0102 03:04:05.678"), Ruby's logger ("I, [2026-..."), Redis
 * ("12:M 02 Jan 2026 03:04:05.678 #"), PostgreSQL's "LOG:  ".
 * Invariant: only the first HEAD_CHARS characters of the first line are looked at; linear.
 */
import { noAttributes, type ParsedLine } from "./log-attributes.ts";
import {
  LEVEL_WORD_CHARS_MAX,
  levelInitials,
  Severity,
  severityOfLetter,
  severityOfWord,
} from "./log-severity.ts";
import { commonLogTimeAt, digitsAt, isoTimeAt } from "./log-time.ts";

const HEAD_CHARS = 160;

interface Level {
  readonly text: string;
  readonly severityNumber: number;
}

/** Never fails: a line without level and time is its body alone. */
export function parsePlainLine(text: string): ParsedLine {
  const level = prefixLevel(text) ?? wordLevel(text);
  return {
    body: text,
    severityNumber: level?.severityNumber ?? 0,
    severityText: level?.text,
    unixTimeNs: headTime(text),
    attributes: noAttributes,
    attributesCut: 0,
  };
}

/** A time with a zone at the start, in brackets or not, or an access log's time. */
function headTime(text: string): bigint | undefined {
  const start = text[0] === "[" ? 1 : 0;
  if (isDigit(text.charCodeAt(start))) {
    const time = isoTimeAt(text, start) ?? commonLogTimeAt(text, start);
    if (time !== undefined) return time.unixNs;
  }
  const bracket = text.indexOf("[");
  if (bracket < 0 || bracket > HEAD_CHARS) return undefined;
  return commonLogTimeAt(text, bracket + 1)?.unixNs;
}

function prefixLevel(text: string): Level | undefined {
  const first = text.charCodeAt(0);
  if (isDigit(first)) return redisLevel(text);
  const letter = text[0] ?? "";
  const second = text.charCodeAt(1);
  const glog = isDigit(second) && digitsAt(text, 1, 4) >= 0 && text[5] === " " && text[8] === ":";
  const ruby = text.startsWith(", [", 1) && isDigit(text.charCodeAt(4));
  if (!glog && !ruby) return undefined;
  const severityNumber = severityOfLetter(letter);
  return severityNumber === 0 ? undefined : { text: letter, severityNumber };
}

/** Redis: "<pid>:<role> <day> <month> <year> <time> <. - * or #> <message>". */
function redisLevel(text: string): Level | undefined {
  const colon = text.indexOf(":");
  if (colon < 1 || colon > 8 || text[colon + 2] !== " ") return undefined;
  const mark = colon + 28;
  if (!"XCSM".includes(text[colon + 1] ?? "-") || text[mark - 1] !== " ") return undefined;
  if (text[mark + 1] !== " " || text[mark - 8] !== ":" || text[mark - 11] !== ":") return undefined;
  const symbol = text[mark] ?? "";
  const severityNumber = redisMarks.get(symbol);
  return severityNumber === undefined ? undefined : { text: symbol, severityNumber };
}

/** Debug, verbose, notice and warning of redis.conf's loglevel. */
const redisMarks: ReadonlyMap<string, number> = new Map([
  [".", Severity.debug],
  ["-", Severity.debug2],
  ["*", Severity.info],
  ["#", Severity.warn],
]);

/** The first word of the head that is a level by its spelling and its place. */
function wordLevel(text: string): Level | undefined {
  const stop = Math.min(text.length, HEAD_CHARS);
  let index = 0;
  while (index < stop) {
    const code = text.charCodeAt(index);
    if (code === NEWLINE) return undefined;
    if (!isWord(code)) {
      index++;
      continue;
    }
    const start = index++;
    while (index < stop && isWord(text.charCodeAt(index))) index++;
    const chars = index - start;
    if (chars < 3 || chars > LEVEL_WORD_CHARS_MAX) continue;
    if (levelInitials[code] !== 1 && code !== UPPER_L) continue;
    const word = text.slice(start, index);
    const severityNumber = severityAt(text, start, word);
    if (severityNumber > 0) return { text: word, severityNumber };
  }
  return undefined;
}

function severityAt(text: string, start: number, word: string): number {
  const end = start + word.length;
  if (word === "LOG") return text.startsWith(":  ", end) ? Severity.info : 0;
  const severityNumber = severityOfWord(word);
  if (severityNumber === 0) return 0;
  const capitals = word === word.toUpperCase();
  if (!capitals && onlyInCapitals.has(word.toUpperCase())) return 0;
  const before = start === 0 ? "" : (text[start - 1] ?? "");
  const stands = capitals
    ? standsInCapitals(text, start, end)
    : standsInLowerCase(text, start, end);
  return stands || isBracketed(text, before, end) ? severityNumber : 0;
}

/** Ordinary English words that are levels only where they are shouted. */
const onlyInCapitals: ReadonlySet<string> = new Set(["FINE", "CONFIG", "FINER", "FINEST", "NOTE"]);

/** "[error]", "[info ]", "[core:error]" */
function isBracketed(text: string, before: string, end: number): boolean {
  if (before !== "[" && before !== ":") return false;
  let index = end;
  while (text[index] === " " && index < end + LEVEL_WORD_CHARS_MAX) index++;
  return text[index] === "]";
}

const AFTER_CAPITALS = " :[-|\t,/()]>";
const BEFORE_CAPITALS = "[(<|:,";
const BEHIND_CAPITALS = "])|>:,;";

function standsInCapitals(text: string, start: number, end: number): boolean {
  if (end < text.length && !AFTER_CAPITALS.includes(text[end] ?? "") && text[end] !== "\n") {
    return false;
  }
  if (start === 0) return true;
  const before = text[start - 1] ?? "";
  if (before !== " " && before !== "\t") return BEFORE_CAPITALS.includes(before);
  const previous = previousText(text, start);
  if (previous < 0) return true;
  if (BEHIND_CAPITALS.includes(text[previous] ?? "")) return true;
  return isLoneDash(text, previous) || endsWithTime(text, previous);
}

function standsInLowerCase(text: string, start: number, end: number): boolean {
  const colon = text[end] === ":" && (text[end + 1] === " " || end + 1 === text.length);
  if (start === 0) return colon;
  const before = text[start - 1] ?? "";
  if (before !== " " && before !== "\t") return false;
  const previous = previousText(text, start);
  if (previous < 0) return colon;
  const last = text[previous];
  if (last === "P" && previous === 2 && text.startsWith("PHP ")) return true;
  if (endsWithTime(text, previous)) return colon || (before === "\t" && text[end] === "\t");
  return colon && (last === ":" || last === "]" || isLoneDash(text, previous));
}

/** Index of the last character before `index` that is no blank, or -1. */
function previousText(text: string, index: number): number {
  let previous = index - 1;
  while (previous >= 0 && (text[previous] === " " || text[previous] === "\t")) previous--;
  return previous;
}

function isLoneDash(text: string, index: number): boolean {
  return text[index] === "-" && (index === 0 || text[index - 1] === " ");
}

/** Whether the word that ends at `last` begins with a digit and holds a colon: 03:04:05.678Z */
function endsWithTime(text: string, last: number): boolean {
  let colon = false;
  let index = last;
  for (; index >= 0 && text[index] !== " " && text[index] !== "\t"; index--) {
    if (text[index] === ":") colon = true;
  }
  return colon && isDigit(text.charCodeAt(index + 1));
}

const NEWLINE = 10;
/** Of PostgreSQL's LOG, which is a level nowhere else. */
const UPPER_L = 76;

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Letters, digits and "_". */
function isWord(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);
}
