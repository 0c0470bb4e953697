/**
 * Names of a message. Invariant: nothing outside the message is read, and a hostile name ends: each
 * pointer leads to in front of the one before it, and their number is bounded.
 */
import { latin1Of, uint16BE } from "../../lib/bytes.ts";
import { dnsLimits } from "./limits.ts";

/** A message within the bytes of a view: bytes[start..end). */
export interface Message {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The name that was read last behind a pointer: records of one message share it. */
  readonly recent?: RecentName;
}

export interface RecentName {
  /** What the pointer led to; -1 = none was read. */
  target: number;
  text: string;
}

const POINTER = 0xc0;
const POINTER_MASK = 0x3fff;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const PLAIN_MIN = 0x21;
const PLAIN_MAX = 0x7e;
const DIGITS = 3;
const QUOTE = 0x22;
const SPACE = 0x20;

/** Index behind the name at `at`, or -1. What a pointer leads to is not looked at. */
export function skipName({ bytes, end }: Message, at: number): number {
  let index = at;
  while (index < end) {
    const length = bytes[index] ?? 0;
    if (length === 0) return index + 1;
    if ((length & POINTER) === POINTER) return index + 2 <= end ? index + 2 : -1;
    if (length > dnsLimits.labelBytesMax) return -1;
    index += 1 + length;
    if (index - at >= dnsLimits.nameBytesMax) return -1;
  }
  return -1;
}

/** Plain names are put together here: one text is made of all labels. */
const scratch = new Uint8Array(dnsLimits.nameBytesMax + 1);

/** The name at `at`, RFC 1035 4.1.4, in the form of 5.1 without the dot at its end; "." = root. */
export function nameAt(message: Message, at: number): string | undefined {
  const { bytes, start, end, recent } = message;
  const isPointer = at + 2 <= end && ((bytes[at] ?? 0) & POINTER) === POINTER;
  if (recent === undefined || !isPointer) return readName(message, at);
  const target = start + (uint16BE(bytes, at) & POINTER_MASK);
  if (target >= at) return undefined;
  if (target === recent.target) return recent.text;
  const text = readName(message, at);
  if (text !== undefined) {
    recent.target = target;
    recent.text = text;
  }
  return text;
}

function readName(message: Message, at: number): string | undefined {
  const { bytes, start, end } = message;
  let isPlain = true;
  let escaped = "";
  let index = at;
  let before = at;
  let pointers = 0;
  let total = 0;
  while (index < end) {
    const length = bytes[index] ?? 0;
    if (length === 0) {
      if (total === 0) return ".";
      return isPlain ? latin1Of(scratch, 0, total - 1) : escaped;
    }
    if ((length & POINTER) === POINTER) {
      if (index + 2 > end) return undefined;
      const target = start + (uint16BE(bytes, index) & POINTER_MASK);
      if (target >= before || ++pointers > dnsLimits.pointersMax) return undefined;
      before = target;
      index = target;
      continue;
    }
    const next = index + 1 + length;
    const fits = next <= end && length <= dnsLimits.labelBytesMax;
    if (!fits || total + 1 + length >= dnsLimits.nameBytesMax) return undefined;
    if (isPlain && !copyLabel(bytes, index + 1, next, total)) {
      isPlain = false;
      escaped = total === 0 ? "" : latin1Of(scratch, 0, total - 1);
    }
    if (!isPlain) {
      const label = escapedOf(bytes, index + 1, next);
      escaped = total === 0 ? label : `${escaped}.${label}`;
    }
    total += 1 + length;
    index = next;
  }
  return undefined;
}

/** Puts a label and a dot into the scratch; false = it has characters that need escapes. */
function copyLabel(bytes: Uint8Array, start: number, end: number, to: number): boolean {
  let at = to;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < PLAIN_MIN || byte > PLAIN_MAX || byte === DOT || byte === BACKSLASH) return false;
    scratch[at++] = byte;
  }
  scratch[at] = DOT;
  return true;
}

/** RFC 1035 5.1: \X for a character that means something, \DDD for one that cannot be shown. */
function escapedOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < PLAIN_MIN || byte > PLAIN_MAX) text += `\\${String(byte).padStart(DIGITS, "0")}`;
    else if (byte === DOT || byte === BACKSLASH) text += `\\${String.fromCharCode(byte)}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}

/** A string between quotes (RFC 1035 5.1), without them. */
export function quotedOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < SPACE || byte > PLAIN_MAX) text += `\\${String(byte).padStart(DIGITS, "0")}`;
    else if (byte === QUOTE || byte === BACKSLASH) text += `\\${String.fromCharCode(byte)}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}
