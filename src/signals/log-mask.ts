/**
 * Secrets in log text are replaced before a record leaves this process. Masked are:
 *   - values of names that end in password, passwd, pwd, passphrase, secret, token, api key,
 *     access key, secret key, private key, authorization, cookie (in any case, with "_", "-", "."
 *     or nothing between words), written name=value, name: value or "name":"value";
 *   - credentials behind "Bearer " and "Basic ";
 *   - user:password@ in URLs;
 *   - JSON web tokens, AWS access key ids, and keys of GitHub, GitLab, Slack, Stripe, Google and
 *     OpenAI by their prefixes;
 *   - PEM blocks of private keys;
 *   - payment card numbers: 13 to 19 digits in one run or in groups, with an issuer's prefix and
 *     a right Luhn digit.
 * A secret that a program spreads over several log calls is not recognised.
 * Invariant: one pass; every character is looked at a bounded number of times.
 */
import { cardNumberEnd } from "./log-mask-card.ts";

export const MASK = "REDACTED";
const URL_MASK = "REDACTED:REDACTED";

const SPACE = 32;
const BACKSLASH = 92;
const NAME_CHARS_MAX = 64;
const AUTHORITY_CHARS_MAX = 512;
const PEM_HEADER_CHARS_MAX = 64;

/** What can begin at a character; 0 for nearly all of them. */
const Trigger = { none: 0, equals: 1, colon: 2, digit: 3, dash: 4, letter: 5 } as const;

interface KeyPrefix {
  readonly prefix: string;
  /** The least characters that follow it. */
  readonly charsMin: number;
  /** An authentication scheme: what follows it is masked, the scheme stays. */
  readonly scheme: boolean;
}

const keyPrefixes: readonly KeyPrefix[] = [
  ...["Bearer ", "bearer ", "BEARER ", "Basic ", "basic "].map((prefix) => scheme(prefix)),
  ...["AKIA", "ASIA", "rk_live_", "sk_live_"].map((prefix) => key(prefix, 16)),
  ...["xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "glpat-"].map((prefix) => key(prefix, 20)),
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map((prefix) => key(prefix, 36)),
  key("eyJ", 20),
  key("AIza", 35),
  key("github_pat_", 40),
  key("sk-", 32),
];

function scheme(prefix: string): KeyPrefix {
  return { prefix, charsMin: 6, scheme: true };
}

function key(prefix: string, charsMin: number): KeyPrefix {
  return { prefix, charsMin, scheme: false };
}

/** keyPrefixes by their first character. */
const prefixesByInitial: readonly (readonly KeyPrefix[])[] = Array.from(
  { length: 128 },
  (_, code) => keyPrefixes.filter(({ prefix }) => prefix.charCodeAt(0) === code),
);

const triggers = triggerTable();

function triggerTable(): Uint8Array {
  const table = new Uint8Array(128);
  table[61] = Trigger.equals;
  table[58] = Trigger.colon;
  table[45] = Trigger.dash;
  for (let digit = 48; digit <= 57; digit++) table[digit] = Trigger.digit;
  for (const { prefix } of keyPrefixes) table[prefix.charCodeAt(0)] = Trigger.letter;
  return table;
}

/** The text with its secrets replaced; the same string when it holds none. */
export function maskSecrets(text: string): string {
  let masked = "";
  let copied = 0;
  let index = 0;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    const trigger = code < 128 ? (triggers[code] ?? Trigger.none) : Trigger.none;
    if (trigger === Trigger.none) {
      index++;
      continue;
    }
    secret.replacement = MASK;
    secret.end = 0;
    findSecret(text, index, trigger);
    if (secret.end > 0) {
      masked += text.slice(copied, secret.start) + secret.replacement;
      copied = secret.end;
    }
    index = Math.max(index + 1, secret.next, secret.end);
  }
  return copied === 0 ? text : masked + text.slice(copied);
}

/** Whether the name of a field says that its value is a secret. */
export function isSecretName(name: string): boolean {
  if (name.length > NAME_CHARS_MAX || !endsLikeSecretName(name, name.length)) return false;
  const plain = name.replace(/[-_.]/g, "").toLowerCase();
  return secretNames.some((secretName) => plain.endsWith(secretName));
}

/** Cheap test of the last two letters of the name that ends at `end`. */
function endsLikeSecretName(text: string, end: number): boolean {
  const last = text.charCodeAt(end - 1) | 32;
  const before = text.charCodeAt(end - 2) | 32;
  if (last === 101) return before === 105 || before === 115; // cookie, passphrase
  if (last === 100) return before === 114 || before === 119; // password, passwd, pwd
  if (last === 110) return before === 101 || before === 111; // token, authorization
  return (last === 116 || last === 121) && before === 101; // secret, key
}

const secretNames = [
  "password",
  "passwd",
  "pwd",
  "passphrase",
  "secret",
  "token",
  "apikey",
  "accesskey",
  "secretkey",
  "privatekey",
  "authorization",
  "cookie",
];

/** What findSecret() found: text[start..end) is to be replaced; end 0 = nothing. */
const secret = { start: 0, end: 0, next: 0, replacement: MASK };

function found(start: number, end: number, replacement = MASK): void {
  secret.start = start;
  secret.end = end;
  secret.replacement = replacement;
}

/** Looks at what begins at `index`; sets secret.next to where the scan may go on. */
function findSecret(text: string, index: number, trigger: number): void {
  secret.next = index + 1;
  if (trigger === Trigger.letter) findKey(text, index);
  else if (trigger === Trigger.digit) findCard(text, index);
  else if (trigger === Trigger.dash) findPrivateKey(text, index);
  else if (text.startsWith("://", index)) findUser(text, index + 3);
  else findNamedValue(text, index);
}

function findCard(text: string, index: number): void {
  let runEnd = index + 1;
  while (isDigit(text.charCodeAt(runEnd))) runEnd++;
  secret.next = runEnd;
  const end = cardNumberEnd(text, index, runEnd);
  if (end > 0) found(index, end);
}

function findKey(text: string, index: number): void {
  if (index > 0 && isKeyChar(text.charCodeAt(index - 1))) return;
  for (const { prefix, charsMin, scheme } of prefixesByInitial[text.charCodeAt(index)] ?? []) {
    if (!text.startsWith(prefix, index)) continue;
    const start = index + prefix.length;
    const end = keyEnd(text, start);
    if (end - start < charsMin) return;
    if (scheme) {
      if (looksRandom(text, start, end)) found(start, end);
      return;
    }
    secret.next = end;
    // The parts of a JSON web token are parted by dots.
    if (prefix !== "eyJ" || text.slice(start, end).includes(".")) found(index, end);
    return;
  }
}

/** Index behind the characters of a key or token at `start`. */
function keyEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && isTokenChar(text.charCodeAt(end))) end++;
  return end;
}

/** Tells a token from the word in "Bearer authentication required". */
function looksRandom(text: string, start: number, end: number): boolean {
  if (end - start >= 24) return true;
  let lower = false;
  let upper = false;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (isDigit(code) || code === 61) return true;
    if (code >= 97 && code <= 122) lower = true;
    else if (code >= 65 && code <= 90 && index > start) upper = true;
  }
  return lower && upper;
}

/** "-----BEGIN RSA PRIVATE KEY-----" up to its END line, or to the end of the text without one. */
function findPrivateKey(text: string, index: number): void {
  if (!text.startsWith("-----BEGIN ", index)) return;
  const headerEnd = text.indexOf("-----", index + 11);
  const header = text.slice(index + 11, headerEnd);
  if (headerEnd < 0 || header.length > PEM_HEADER_CHARS_MAX) return;
  if (!header.endsWith("PRIVATE KEY")) return;
  const footer = text.indexOf("-----END ", headerEnd);
  const footerEnd = footer < 0 ? -1 : text.indexOf("-----", footer + 9);
  found(index, footerEnd < 0 ? text.length : footerEnd + 5);
}

/** user:password@host behind "://". */
function findUser(text: string, start: number): void {
  const stop = Math.min(text.length, start + AUTHORITY_CHARS_MAX);
  let at = -1;
  let colon = false;
  let index = start;
  for (; index < stop; index++) {
    const code = text.charCodeAt(index);
    if (code === 64) at = index;
    else if (code === 58) colon ||= at < 0;
    else if (code <= 32 || code === 47 || code === 63 || code === 35 || code === 34) break;
  }
  if (at > start && colon) found(start, at, URL_MASK);
}

/** name=value, name = value, name: value, "name":"value", 'name' => 'value' around text[index]. */
function findNamedValue(text: string, index: number): void {
  let nameEnd = index;
  if (text.charCodeAt(nameEnd - 1) === SPACE) nameEnd--;
  const quoted = isQuote(text.charCodeAt(nameEnd - 1));
  if (quoted) nameEnd--;
  // JSON inside a JSON string: \"name\":
  if (quoted && text[nameEnd - 1] === "\\") nameEnd--;
  if (!endsLikeSecretName(text, nameEnd)) return;
  let nameStart = nameEnd;
  const nameStop = Math.max(0, nameEnd - NAME_CHARS_MAX);
  while (nameStart > nameStop && isNameChar(text.charCodeAt(nameStart - 1))) nameStart--;
  const name = text.slice(nameStart, nameEnd);
  if (!isSecretName(name)) return;
  const colon = text[index] === ":";
  // A path such as auth::token::verify names no value.
  if (colon && text[index + 1] === ":") return;
  const start = valueStart(text, index);
  if (isQuote(text.charCodeAt(start))) {
    const end = quotedEnd(text, start);
    if (end > start + 1) found(start + 1, end);
    return;
  }
  const enclosing = text.charCodeAt(nameStart - 1);
  const end =
    colon && isHeaderName(name) ? headerEnd(text, start, enclosing) : bareEnd(text, start);
  if (end > start && !harmless.has(text.slice(start, Math.min(end, start + 10)))) found(start, end);
}

/** Authorization and Cookie headers go on to the end of their line. */
function isHeaderName(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.endsWith("authorization") || lower.endsWith("cookie");
}

/** Index of the value's first character or of its quote, behind "=", "==", "=>" or ":". */
function valueStart(text: string, index: number): number {
  let start = index + 1;
  const stop = index + 5;
  while (start < stop) {
    const code = text.charCodeAt(start);
    // A backslash before a quote, as in JSON inside a JSON string, and "=", ">" and spaces.
    const escaping = code === BACKSLASH && isQuote(text.charCodeAt(start + 1));
    if (code !== SPACE && code !== 61 && code !== 62 && !escaping) return start;
    start++;
  }
  return start;
}

/** Values that tell that there is no secret. */
const harmless: ReadonlySet<string> = new Set([
  "null",
  "None",
  "none",
  "nil",
  "undefined",
  "true",
  "false",
  "True",
  "False",
]);

/** Index of the quote (or of its backslash) that closes the one at `open`; else the text's end. */
function quotedEnd(text: string, open: number): number {
  const quote = text.charCodeAt(open);
  const escapedQuote = text.charCodeAt(open - 1) === BACKSLASH;
  for (let index = open + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) return index;
    if (code !== BACKSLASH) continue;
    if (escapedQuote && text.charCodeAt(index + 1) === quote) return index;
    index++;
  }
  return text.length;
}

/** A bare value ends at white space or at what parts it from the next one. */
function bareEnd(text: string, start: number): number {
  let end = start;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code <= 32 || isQuote(code) || BARE_STOPS.includes(text[end] ?? "")) break;
  }
  return end;
}

const BARE_STOPS = ",;&)]}>";

/** A header ends with its line, or with the quote that encloses name and value. */
function headerEnd(text: string, start: number, enclosing: number): number {
  let end = start;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 10 || (code === enclosing && isQuote(code))) break;
  }
  return end;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

/** Double or single quote. */
function isQuote(code: number): boolean {
  return code === 34 || code === 39;
}

/** - . _ and alphanumerics. */
function isNameChar(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 45 || code === 46 || code === 95;
}

/** What, standing before a key, shows that the key is the middle of something longer. */
function isKeyChar(code: number): boolean {
  return isDigit(code) || isLetter(code) || code === 95 || code === 45;
}

/** Characters of base64, base64url and JWT: alphanumerics - . _ ~ + / = */
function isTokenChar(code: number): boolean {
  return isNameChar(code) || code === 126 || code === 43 || code === 47 || code === 61;
}
