/**
 * Names with ids in them (queues, subjects), made fit for span names. Invariant: linear in the
 * name's length, and a name without an id stays as it is.
 */

const PLACEHOLDER = "{id}";
/** Longer names are cut before they are looked at. */
const NAME_CHARS_MAX = 512;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const UUID_CHARS = 36;
const HEX_CHARS_MIN = 8;
/** Base 32, 58, 62 and 64 as id generators write them. */
const RANDOM_CHARS_MIN = 16;
/** A number between dashes is an id from so many digits on: "shard-12" is a name. */
const INNER_DIGITS_MIN = 3;

/** What a character is; a word with any other one in it is no id. */
const DIGIT = 1;
const HEX_LETTER = 2;
const LETTER = 4;
const INNER_SEPARATOR = 8;
const SEPARATOR = 16;
const OTHER = 32;
const kinds = new Uint8Array(128);
for (const [kind, characters] of [
  [DIGIT, "0123456789"],
  [LETTER, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ"],
  [HEX_LETTER, "abcdefABCDEF"],
  [INNER_SEPARATOR, "-_"],
  [SEPARATOR, ".:/"],
] as const) {
  for (const character of characters) kinds[character.charCodeAt(0)] = kind;
}

/**
 * The name with {id} for each number, hash, UUID and random word in it; undefined when it has
 * none. Parts are separated by dots, colons and slashes; within one, by dashes and underscores.
 */
export function nameTemplateOf(name: string): string | undefined {
  if (!/[0-9]/.test(name)) return undefined;
  const cut = name.length > NAME_CHARS_MAX ? name.slice(0, NAME_CHARS_MAX) : name;
  const text = cut.length < UUID_CHARS ? cut : cut.replace(UUID, PLACEHOLDER);
  let template = "";
  let copied = 0;
  let start = 0;
  let seen = 0;
  let before = SEPARATOR;
  for (let index = 0; index <= text.length; index++) {
    const kind = index === text.length ? SEPARATOR : kindOf(text.charCodeAt(index));
    if (kind < INNER_SEPARATOR) {
      seen |= kind === 0 ? OTHER : kind;
      continue;
    }
    const isPart = before === SEPARATOR && kind === SEPARATOR;
    if ((seen & DIGIT) !== 0 && isId(seen, index - start, isPart)) {
      template += text.slice(copied, start) + PLACEHOLDER;
      copied = index;
    }
    start = index + 1;
    seen = 0;
    before = kind;
  }
  template += text.slice(copied);
  return template === name ? undefined : template;
}

function kindOf(code: number): number {
  return code < 128 ? (kinds[code] ?? 0) : 0;
}

/** Of a word with a digit in it: by the characters that were seen, and how many they are. */
function isId(seen: number, length: number, isPart: boolean): boolean {
  if (seen === DIGIT) return isPart || length >= INNER_DIGITS_MIN;
  if ((seen & OTHER) !== 0) return false;
  return length >= ((seen & LETTER) === 0 ? HEX_CHARS_MIN : RANDOM_CHARS_MIN);
}
