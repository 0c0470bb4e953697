/** Addresses as text. The caller has checked that their bytes are there. */
import { uint16BE, uint32BE } from "./bytes.ts";

const IPV6_GROUPS = 8;

/** Text of the 4 bytes at `at`. */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function isIpv4Mapped(bytes: Uint8Array, at: number): boolean {
  return (
    uint32BE(bytes, at) === 0 && uint32BE(bytes, at + 4) === 0 && uint32BE(bytes, at + 8) === 0xffff
  );
}

/**
 * Text of the 16 bytes at `at` by RFC 5952: lower case, no leading zeros, the first of the longest
 * runs of two or more zero groups written "::"; an IPv4-mapped address as IPv4.
 */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  if (isIpv4Mapped(bytes, at)) return ipv4Text(bytes, at + 12);
  const run = longestZeroRun(bytes, at);
  let text = "";
  for (let group = 0; group < IPV6_GROUPS; group++) {
    if (group === run.start) {
      text += "::";
      group = run.start + run.length - 1;
      continue;
    }
    if (text !== "" && !text.endsWith(":")) text += ":";
    text += uint16BE(bytes, at + 2 * group).toString(16);
  }
  return text;
}

/** start is -1 when no two groups in a row are zero. */
function longestZeroRun(bytes: Uint8Array, at: number): { start: number; length: number } {
  let start = -1;
  let length = 1;
  let current = 0;
  for (let group = 0; group < IPV6_GROUPS; group++) {
    current = uint16BE(bytes, at + 2 * group) === 0 ? current + 1 : 0;
    if (current > length) {
      length = current;
      start = group - current + 1;
    }
  }
  return { start, length };
}
