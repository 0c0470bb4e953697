/**
 * What one segment of a path is by its shape alone: the first half of how a route is learnt.
 * Invariant: linear, without regular expressions, and the same for the same text.
 */

/** Longer ones are nobody's route. */
const WORD_CHARS_MAX = 64;
/** Letters and digits in one run: words of routes are shorter, tokens and keys are not. */
const RUN_CHARS_MAX = 31;
const RANDOM_CHARS_MIN = 16;
const MIXED_CHARS_MIN = 8;
const MIXED_DIGITS_MIN = 2;
const MIXED_CHANGES_MIN = 3;
/** "getUserProfile" changes its case once in five letters, what is random in four. */
const LETTERS_PER_CASE_CHANGE = 4;
const HASH_CHARS_MIN = 8;
/** A number between dashes is an id from so many digits on: "step-12" is a word. */
const NUMBER_DIGITS_MIN = 3;
const DIGITS_IN_WORD_MAX = 3;
const VERSION_CHARS_MAX = 12;
const UUID_CHARS = 36;
const EXTENSION_CHARS_MAX = 5;

export const Placeholder = {
  id: "{id}",
  uuid: "{uuid}",
  hash: "{hash}",
  token: "{token}",
  date: "{date}",
  ip: "{ip}",
  email: "{email}",
  /** Not by its shape, but because there were too many different ones; or no plain text at all. */
  name: "{name}",
  /** Everything behind the first segments of a long path. */
  rest: "*",
} as const;

/** Extensions of what is served as it is: one file is like the other. */
const staticExtensions: ReadonlySet<string> = new Set(
  (
    "avif avi bmp br bz2 css csv doc docx eot exe flac gif gz ico jpeg jpg js jar map md mjs mov " +
    "mp3 mp4 mpeg mpg odt ogg otf pdf png ppt pptx rar svg swf tar tgz tif tiff ttf txt wasm wav " +
    "webm webp woff woff2 xls xlsx xz zip zst 7z"
  ).split(" "),
);

/** Labels of which there are only so many; everything else that a segment becomes is a word. */
const fixedLabels: ReadonlySet<string> = new Set<string>([
  ...Object.values(Placeholder),
  ...[...staticExtensions].map((extension) => `{file}.${extension}`),
]);

export function isWord(label: string): boolean {
  return !fixedLabels.has(label);
}

const DASH = 0x2d;
const NINE = 0x39;
const CAPITAL_Z = 0x5a;

const Char = { other: 0, digit: 1, hex: 2, letter: 3, separator: 4 } as const;

const classes = new Uint8Array(128);
for (const character of "-_.~@+,:=!$&'()*") classes[character.charCodeAt(0)] = Char.separator;
for (const character of "0123456789") classes[character.charCodeAt(0)] = Char.digit;
for (let code = 0x61; code <= 0x7a; code++) {
  const kind = code <= 0x66 ? Char.hex : Char.letter;
  classes[code] = kind;
  classes[code - 0x20] = kind;
}

/** What was seen in a segment, as bits. */
const Seen = { other: 1, digit: 2, hex: 4, letter: 8, separator: 16, id: 32, token: 64 } as const;
const seenOfClass = [Seen.other, Seen.digit, Seen.hex, Seen.letter, Seen.separator] as const;

/** The placeholder for a segment, as plainSegment() gives it, or the word itself. */
export function labelOf(segment: string): string {
  const { length } = segment;
  if (length > WORD_CHARS_MAX) return Placeholder.token;
  if (length === UUID_CHARS && isUuid(segment)) return Placeholder.uuid;
  const seen = look(segment);
  if ((seen & Seen.other) !== 0 || length === 0) return Placeholder.name;
  const at = segment.indexOf("@");
  if (at > 0 && segment.indexOf(".", at) > at + 1) return Placeholder.email;
  if ((seen & Seen.digit) !== 0) {
    const known = numericLabel(segment, seen);
    if (known !== undefined) return known;
  }
  const dot = segment.lastIndexOf(".");
  if (dot > 0 && isExtension(segment, dot + 1)) return fileLabel(segment, dot);
  if ((seen & Seen.token) !== 0) return Placeholder.token;
  return (seen & Seen.id) === 0 ? segment : Placeholder.id;
}

/** Of a segment with a digit; undefined = neither a number nor a hash nor a version. */
function numericLabel(segment: string, seen: number): string | undefined {
  const { length } = segment;
  const isHex = (seen & Seen.letter) === 0;
  if (isDate(segment, seen)) return Placeholder.date;
  if (isIp(segment, seen)) return Placeholder.ip;
  if ((seen & (Seen.letter | Seen.hex)) === 0) return Placeholder.id;
  if (isHex && (seen & Seen.separator) === 0 && length >= HASH_CHARS_MIN) return Placeholder.hash;
  return isVersion(segment) ? segment : undefined;
}

/** "{file}.css" of what is static, "{id}.json", or the word: "index.php". */
function fileLabel(segment: string, dot: number): string {
  const extension = segment.slice(dot + 1).toLowerCase();
  if (staticExtensions.has(extension)) return `{file}.${extension}`;
  const stem = segment.slice(0, dot);
  const label = labelOf(stem);
  return label === stem ? segment : `${label}.${extension}`;
}

function isExtension(segment: string, begin: number): boolean {
  const length = segment.length - begin;
  if (length < 1 || length > EXTENSION_CHARS_MAX) return false;
  let hasLetter = false;
  for (let at = begin; at < segment.length; at++) {
    const kind = classes[segment.charCodeAt(at)];
    if (kind === Char.separator) return false;
    if (kind !== Char.digit) hasLetter = true;
  }
  return hasLetter || staticExtensions.has(segment.slice(begin));
}

/** One look at every character: its kinds, and whether a run of letters and digits is an id. */
function look(segment: string): number {
  const { length } = segment;
  let seen = 0;
  let begin = 0;
  let runSeen = 0;
  let digits = 0;
  let digitsInRow = 0;
  let digitsInRowMax = 0;
  let changes = 0;
  let caseChanges = 0;
  let before = 0;
  for (let at = 0; at <= length; at++) {
    const code = at < length ? segment.charCodeAt(at) : DASH;
    const kind = code < 128 ? (classes[code] ?? Char.other) : Char.other;
    if (kind === Char.digit) {
      digits++;
      digitsInRow++;
      if (digitsInRow > digitsInRowMax) digitsInRowMax = digitsInRow;
      if (before > NINE) changes++;
    } else if (kind !== Char.separator) {
      digitsInRow = 0;
      if (before > 0 && before <= NINE) changes++;
      if (code <= CAPITAL_Z && before > CAPITAL_Z) caseChanges++;
    } else {
      const run = { length: at - begin, digits, changes, caseChanges, runSeen };
      seen |= runSeen | idOf(run, digitsInRowMax);
      if (at < length) seen |= Seen.separator;
      begin = at + 1;
      runSeen = digits = digitsInRow = digitsInRowMax = changes = caseChanges = before = 0;
      continue;
    }
    runSeen |= seenOfClass[kind] ?? Seen.other;
    before = code;
  }
  return seen;
}

/** Seen.id or Seen.token of a run of letters and digits, or 0. */
function idOf(run: Run, digitsInRowMax: number): number {
  const { length, digits } = run;
  if (digits === length) return length >= NUMBER_DIGITS_MIN ? Seen.id : 0;
  if (isRandom(run)) return Seen.token;
  return digitsInRowMax > DIGITS_IN_WORD_MAX ? Seen.id : 0;
}

interface Run {
  readonly length: number;
  readonly digits: number;
  /** From a letter to a digit and back. */
  readonly changes: number;
  /** From a small letter to a capital one. */
  readonly caseChanges: number;
  readonly runSeen: number;
}

function isRandom({ length, digits, changes, caseChanges, runSeen }: Run): boolean {
  if (length < MIXED_CHARS_MIN) return false;
  if (length > RUN_CHARS_MAX) return true;
  if (runSeen === (Seen.digit | Seen.hex)) return true;
  if (digits >= MIXED_DIGITS_MIN && changes >= MIXED_CHANGES_MIN) return true;
  if (length < RANDOM_CHARS_MIN) return false;
  return digits > 0 || caseChanges * LETTERS_PER_CASE_CHANGE >= length;
}

function isDigitAt(segment: string, at: number): boolean {
  const code = segment.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

/** YYYY-MM, YYYY-MM-DD, YYYY-MM-DDThh…, and weeks: YYYY-Www. */
function isDate(segment: string, seen: number): boolean {
  if (segment.length < 7 || segment[4] !== "-" || (seen & Seen.separator) === 0) return false;
  for (let at = 0; at < 4; at++) if (!isDigitAt(segment, at)) return false;
  if (segment[5] === "W") return isDigitAt(segment, 6);
  if (!isDigitAt(segment, 5) || !isDigitAt(segment, 6)) return false;
  if (segment.length === 7) return true;
  if (segment[7] !== "-" || !isDigitAt(segment, 8) || !isDigitAt(segment, 9)) return false;
  return segment.length === 10 || segment[10] === "T";
}

/** Four numbers with dots, or hexadecimal digits with colons; 10:30:00 is a time. */
function isIp(segment: string, seen: number): boolean {
  if ((seen & Seen.separator) === 0 || (seen & Seen.letter) !== 0) return false;
  let dots = 0;
  let colons = 0;
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at];
    if (character === ".") dots++;
    else if (character === ":") colons++;
    else if (classes[segment.charCodeAt(at)] === Char.separator) return false;
  }
  if (colons === 0) return dots === 3 && (seen & Seen.hex) === 0;
  return colons >= 2 && ((seen & Seen.hex) !== 0 || segment.includes("::"));
}

function isUuid(segment: string): boolean {
  for (let at = 0; at < UUID_CHARS; at++) {
    const code = segment.charCodeAt(at);
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (code !== DASH) return false;
      continue;
    }
    const kind = code < 128 ? classes[code] : Char.other;
    if (kind !== Char.digit && kind !== Char.hex) return false;
  }
  return true;
}

/** v1, v2.1, v1beta1, v2024-05-17: what an API calls its versions. */
function isVersion(segment: string): boolean {
  return segment[0] === "v" && isDigitAt(segment, 1) && segment.length <= VERSION_CHARS_MAX;
}
