/**
 * Payment card numbers in text (ISO/IEC 7812-1). Invariant: only a number with an issuer's prefix
 * that stands alone and has a right check digit is one, so that epoch times, ids and decimals are
 * left alone: those that begin with 1, 7, 8, 9 or 0 never match.
 */

const POINT = 46;
const DIGITS_MIN = 13;
const DIGITS_MAX = 19;
const GROUP_DIGITS_MIN = 3;
const GROUP_DIGITS_MAX = 7;

/**
 * Index behind the card number whose first run of digits is text[start..runEnd), or 0. The number
 * is one run, or several with the same single space or dash between them.
 */
export function cardNumberEnd(text: string, start: number, runEnd: number): number {
  const runDigits = runEnd - start;
  const before = text.charCodeAt(start - 1);
  if (runDigits > DIGITS_MAX || before === POINT || !standsAlone(before)) return 0;
  if (runDigits >= DIGITS_MIN) return isCard(text, start, runEnd) ? runEnd : 0;
  const separator = text.charCodeAt(runEnd);
  // All groupings in use begin with four digits: 4-4-4-4, 4-6-5, 4-4-4-4-3.
  if (runDigits !== 4 || (separator !== 32 && separator !== 45)) return 0;
  let end = runEnd;
  let digits = runDigits;
  while (text.charCodeAt(end) === separator) {
    let groupEnd = end + 1;
    while (groupEnd <= end + GROUP_DIGITS_MAX && isDigit(text.charCodeAt(groupEnd))) groupEnd++;
    const groupDigits = groupEnd - end - 1;
    if (groupDigits < GROUP_DIGITS_MIN || digits + groupDigits > DIGITS_MAX) break;
    digits += groupDigits;
    end = groupEnd;
  }
  return digits >= DIGITS_MIN && isCard(text, start, end) ? end : 0;
}

function isCard(text: string, start: number, end: number): boolean {
  if (!hasIssuerPrefix(text, start)) return false;
  const after = text.charCodeAt(end);
  const decimal = after === POINT && isDigit(text.charCodeAt(end + 1));
  return !decimal && standsAlone(after) && hasLuhnDigit(text, start, end);
}

/** 3 (American Express, Diners, JCB), 4 (Visa), 5 and 2221-2720 (Mastercard), 6 (others). */
function hasIssuerPrefix(text: string, start: number): boolean {
  const first = text.charCodeAt(start) - 48;
  if (first >= 3 && first <= 6) return true;
  const four = Number(text.slice(start, start + 4));
  return first === 2 && four >= 2221 && four <= 2720;
}

/** The Luhn check (ISO/IEC 7812-1 annex B). */
function hasLuhnDigit(text: string, start: number, end: number): boolean {
  let sum = 0;
  let double = false;
  for (let index = end - 1; index >= start; index--) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) continue;
    const weighted = double ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
    double = !double;
  }
  return sum % 10 === 0;
}

/** A letter, a digit or "_" beside a number shows that it is a part of something else. */
function standsAlone(code: number): boolean {
  if (Number.isNaN(code) || code > 127) return true;
  const lower = code | 32;
  const letter = lower >= 97 && lower <= 122;
  return !isDigit(code) && !letter && code !== 95;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
