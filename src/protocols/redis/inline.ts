/** Splits an inline command into its words as the server does (sdssplitargs). */
import { redisLimits } from "./limits.ts";

export interface Part {
  readonly from: number;
  readonly to: number;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;

/**
 * The words of bytes[start..end), without quotes when they are quoted as a whole; escapes stay as
 * they are. undefined when a quote does not end, or ends in the middle of a word: the server
 * refuses that, and so does it binary data.
 */
export function inlineArguments(bytes: Uint8Array, start: number, end: number): Part[] | undefined {
  const parts: Part[] = [];
  let index = start;
  for (;;) {
    while (index < end && isSpace(bytes[index] ?? 0)) index++;
    if (index >= end) return parts;
    const from = index;
    let quoted = false;
    while (index < end && !isSpace(bytes[index] ?? 0)) {
      const byte = bytes[index] ?? 0;
      if (byte < SPACE) return undefined;
      if (byte === QUOTE || byte === APOSTROPHE) {
        index = closingQuote(bytes, index, end);
        if (index < 0) return undefined;
        quoted = bytes[from] === byte;
      } else index++;
    }
    if (parts.length >= redisLimits.inlineBytesMax / 2) return undefined;
    parts.push(quoted ? { from: from + 1, to: index - 1 } : { from, to: index });
  }
}

/** Index behind the quote that closes the one at `start`; -1 when there is none. */
function closingQuote(bytes: Uint8Array, start: number, end: number): number {
  const quote = bytes[start];
  for (let index = start + 1; index < end; index++) {
    if (bytes[index] === BACKSLASH) index++;
    else if (bytes[index] === quote) {
      const behind = index + 1;
      return behind >= end || isSpace(bytes[behind] ?? 0) ? behind : -1;
    }
  }
  return -1;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === 0x09;
}
