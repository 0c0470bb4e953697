/**
 * Names with ids in them (queues, subjects), made fit for span names. Invariant: linear in the
 * name's length, and a name without an id stays as it is.
 */

const PLACEHOLDER = "{id}";
/** Longer names are cut before they are looked at. */
const NAME_CHARS_MAX = 512;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const SEPARATOR = /([.:/])/;
const INNER_SEPARATOR = /([-_])/;
const DIGITS = /^[0-9]+$/;
const HEX = /^(?=.*[0-9])[0-9a-f]{8,}$/i;
/** Base 32, 58, 62 and 64 as id generators write them. */
const RANDOM = /^(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z]{16,}$/;
/** A number between dashes is an id from so many digits on: "shard-12" is a name. */
const INNER_DIGITS_MIN = 3;

/**
 * The name with {id} for each number, hash, UUID and random word in it; undefined when it has
 * none. Parts are separated by dots, colons and slashes; within one, by dashes and underscores.
 */
export function nameTemplateOf(name: string): string | undefined {
  if (!/[0-9]/.test(name)) return undefined;
  const cut = name.slice(0, NAME_CHARS_MAX);
  const parts = cut.replace(UUID, PLACEHOLDER).split(SEPARATOR);
  const template = parts.map(partTemplate).join("");
  return template === name ? undefined : template;
}

function partTemplate(part: string): string {
  if (DIGITS.test(part)) return PLACEHOLDER;
  return part.split(INNER_SEPARATOR).map(innerTemplate).join("");
}

function innerTemplate(word: string): string {
  const isNumber = DIGITS.test(word) && word.length >= INNER_DIGITS_MIN;
  return isNumber || HEX.test(word) || RANDOM.test(word) ? PLACEHOLDER : word;
}
