/** Addresses as text. The caller has checked that their bytes are there. */
import { latin1Of, uint16BE, uint32BE } from "./bytes.ts";

const IPV6_GROUPS = 8;

const IPV4_BYTES = 4;
const DOT = 0x2e;
const ZERO = 0x30;
/** The characters of an IPv4 address are put together here: one text is made of all of them. */
const scratch = new Uint8Array("255.255.255.255.".length);

/** Text of the 4 bytes at `at`. */
export function ipv4Text(bytes: Uint8Array, at: number): string {
  let end = 0;
  for (let index = at; index < at + IPV4_BYTES; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= 100) scratch[end++] = ZERO + Math.floor(byte / 100);
    if (byte >= 10) scratch[end++] = ZERO + (Math.floor(byte / 10) % 10);
    scratch[end++] = ZERO + (byte % 10);
    scratch[end++] = DOT;
  }
  return latin1Of(scratch, 0, end - 1);
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
