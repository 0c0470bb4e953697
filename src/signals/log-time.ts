/**
 * The time that a line states, as Unix nanoseconds. Only a time with a zone, or an epoch number,
 * says when something happened; a local time without a zone is not used. Invariant: linear, and
 * undefined for whatever does not fit exactly.
 */

const SECONDS_PER_DAY = 86_400;
const NS_PER_SECOND = 1_000_000_000n;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

/** Where the time that was read last ended: callers go on there. */
export interface TimeMatch {
  readonly unixNs: bigint;
  /** Index behind the time and its zone. */
  readonly end: number;
}

/** The number of `count` digits at `index`, or -1. */
export function digitsAt(text: string, index: number, count: number): number {
  let value = 0;
  for (let offset = 0; offset < count; offset++) {
    const digit = text.charCodeAt(index + offset) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Days from 1970-01-01 in the Gregorian calendar; undefined for a date that does not exist. */
function daysOf(year: number, month: number, day: number): number | undefined {
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const date = Date.UTC(year, month - 1, day);
  return new Date(date).getUTCDate() === day ? date / (SECONDS_PER_DAY * 1000) : undefined;
}

/** Seconds of hh:mm:ss at `index`, 60 allowed for a leap second; -1 when it is none. */
function secondsAt(text: string, index: number): number {
  const hours = digitsAt(text, index, 2);
  const minutes = digitsAt(text, index + 3, 2);
  const seconds = digitsAt(text, index + 6, 2);
  const valid =
    hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds <= 60;
  if (!valid || text[index + 2] !== ":" || text[index + 5] !== ":") return -1;
  return hours * 3600 + minutes * 60 + seconds;
}

interface Zone {
  readonly offsetSeconds: number;
  readonly end: number;
}

const UTC_NAMES = ["UTC", "GMT", "Z"];

/** Z, +hh:mm, +hhmm, +hh, UTC or GMT at `index`, after at most one space. */
function zoneAt(text: string, index: number): Zone | undefined {
  const start = text[index] === " " ? index + 1 : index;
  for (const name of UTC_NAMES) {
    if (text.startsWith(name, start) && !isWord(text.charCodeAt(start + name.length))) {
      return { offsetSeconds: 0, end: start + name.length };
    }
  }
  const sign = text[start] === "+" ? 1 : text[start] === "-" ? -1 : 0;
  const hours = digitsAt(text, start + 1, 2);
  if (sign === 0 || hours < 0 || hours > 14) return undefined;
  const colon = text[start + 3] === ":" ? 1 : 0;
  const minutes = digitsAt(text, start + 3 + colon, 2);
  if (minutes >= 60 || (minutes < 0 && colon === 1)) return undefined;
  const end = minutes < 0 ? start + 3 : start + 5 + colon;
  // Neither "03:04:05 -12 items" nor "03:04:05 -123456" states a zone.
  if ((minutes < 0 && start > index) || isWord(text.charCodeAt(end))) return undefined;
  return { offsetSeconds: sign * (hours * 3600 + Math.max(0, minutes) * 60), end };
}

function isWord(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
}

interface Fraction {
  readonly ns: number;
  readonly end: number;
}

/** The decimal fraction of a second behind "." or ","; digits beyond nanoseconds are ignored. */
function fractionAt(text: string, index: number): Fraction {
  const separator = text[index];
  if (separator !== "." && separator !== ",") return { ns: 0, end: index };
  let ns = 0;
  let unit = 100_000_000;
  let end = index + 1;
  for (; end < text.length; end++) {
    const digit = text.charCodeAt(end) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    ns += digit * unit;
    unit = Math.floor(unit / 10);
  }
  return end === index + 1 ? { ns: 0, end: index } : { ns, end };
}

/** ISO 8601 and RFC 3339 with a zone at `index`: 2026-01-02T03:04:05[.6](Z|+01:00| +0100| UTC). */
export function isoTimeAt(text: string, index: number): TimeMatch | undefined {
  if (text[index + 4] !== "-" || text[index + 7] !== "-") return undefined;
  const separator = text[index + 10];
  if (separator !== "T" && separator !== " " && separator !== "t") return undefined;
  const year = digitsAt(text, index, 4);
  const month = digitsAt(text, index + 5, 2);
  const days = daysOf(year, month, digitsAt(text, index + 8, 2));
  const seconds = secondsAt(text, index + 11);
  if (days === undefined || seconds < 0) return undefined;
  const fraction = fractionAt(text, index + 19);
  const zone = zoneAt(text, fraction.end);
  if (zone === undefined) return undefined;
  return { unixNs: unixNsOf(days, seconds - zone.offsetSeconds, fraction.ns), end: zone.end };
}

/** The common log format's time at `index`: 02/Jan/2026:03:04:05 +0000. */
export function commonLogTimeAt(text: string, index: number): TimeMatch | undefined {
  if (text[index + 2] !== "/" || text[index + 6] !== "/" || text[index + 11] !== ":") {
    return undefined;
  }
  const month = MONTHS.indexOf(text.slice(index + 3, index + 6));
  if (month < 0 || month % 3 !== 0) return undefined;
  const year = digitsAt(text, index + 7, 4);
  const days = daysOf(year, month / 3 + 1, digitsAt(text, index, 2));
  const seconds = secondsAt(text, index + 12);
  const zone = zoneAt(text, index + 20);
  if (days === undefined || seconds < 0 || zone === undefined) return undefined;
  return { unixNs: unixNsOf(days, seconds - zone.offsetSeconds, 0), end: zone.end };
}

/** True for "Jan " ... "Dec " at `index`. */
export function isMonthAt(text: string, index: number): boolean {
  if (text[index + 3] !== " ") return false;
  const month = MONTHS.indexOf(text.slice(index, index + 3));
  return month >= 0 && month % 3 === 0;
}

function unixNsOf(days: number, seconds: number, ns: number): bigint {
  return BigInt(days * SECONDS_PER_DAY + seconds) * NS_PER_SECOND + BigInt(ns);
}

/**
 * An epoch number in seconds, milliseconds, microseconds or nanoseconds, told apart by size: each
 * range covers the years 1973 to 5138 of its unit and the ranges do not overlap. Numbers beyond
 * 2^53 have lost up to 256 ns when JSON was parsed.
 */
export function epochTime(value: number): bigint | undefined {
  if (value >= 1e8 && value < 1e11) return scaled(value, 1e9);
  if (value >= 1e11 && value < 1e14) return scaled(value, 1e6);
  if (value >= 1e14 && value < 1e17) return scaled(value, 1e3);
  if (value >= 1e17 && value < 1e20) return BigInt(Math.round(value));
  return undefined;
}

/** value * nsPerUnit, with the fraction kept to the microsecond. */
function scaled(value: number, nsPerUnit: number): bigint {
  const whole = Math.floor(value);
  const ns = Math.round(((value - whole) * nsPerUnit) / 1e3) * 1e3;
  return BigInt(whole) * BigInt(nsPerUnit) + BigInt(ns);
}

/** A structured line's time field: ISO 8601 with a zone, or an epoch number, also as text. */
export function unixTimeOf(value: unknown): bigint | undefined {
  if (typeof value === "number") return epochTime(value);
  if (typeof value !== "string" || value.length > 40) return undefined;
  const iso = isoTimeAt(value, 0);
  if (iso !== undefined) return iso.end === value.length ? iso.unixNs : undefined;
  const numeric = Number(value);
  return value.length >= 9 && numeric > 0 ? epochTime(numeric) : undefined;
}
