/**
 * Payload of CONNECT and ACCEPT → the connection's ends. Invariant: two processes that hold the
 * two ends of one connection get the same text for the same address, whichever socket family
 * each of them uses (an IPv4-mapped IPv6 address is shown as IPv4).
 */
import { textOf, uint16BE, uint32BE } from "../lib/bytes.ts";
import type { Endpoints, SocketAddress } from "../model/connection.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import { addressBytes } from "./layout.ts";

const IPV6_GROUPS = 8;
const IPV6_BYTES = 16;
/** Longest name of an AF_UNIX socket (sun_path). */
const UNIX_PATH_BYTES_MAX = 108;
const UNNAMED: Endpoints = { transport: "unix", remote: undefined, local: undefined };

/** Ends of the connection that a CONNECT or ACCEPT opens; undefined = malformed. */
export function endpointsOf(message: HookMessage): Endpoints | undefined {
  const { payload } = message;
  if ((message.flags & MessageFlag.unix) !== 0) return unixEndpoints(message);
  switch (payload.length) {
    case addressBytes.ipv4Remote:
      return { transport: "tcp", remote: ipv4At(payload, 0), local: undefined };
    case addressBytes.ipv4Both:
      return {
        transport: "tcp",
        remote: ipv4At(payload, 0),
        local: ipv4At(payload, addressBytes.ipv4Remote),
      };
    case addressBytes.ipv6Remote:
      return { transport: "tcp", remote: ipv6At(payload, 0), local: undefined };
    case addressBytes.ipv6Both:
      return {
        transport: "tcp",
        remote: ipv6At(payload, 0),
        local: ipv6At(payload, addressBytes.ipv6Remote),
      };
    default:
      return undefined;
  }
}

/** The path is the listener's: the far end of a CONNECT, the near end of an ACCEPT. */
function unixEndpoints(message: HookMessage): Endpoints | undefined {
  const { payload } = message;
  if (payload.length > UNIX_PATH_BYTES_MAX) return undefined;
  const address = unixAddress(payload);
  if (address === undefined) return UNNAMED;
  return message.type === MessageType.accept
    ? { transport: "unix", remote: undefined, local: address }
    : { transport: "unix", remote: address, local: undefined };
}

/** Abstract names begin with NUL, shown as "@" as ss(8) does; a path may carry its closing NUL. */
function unixAddress(payload: Uint8Array): SocketAddress | undefined {
  if (payload.length === 0) return undefined;
  if (payload[0] === 0) {
    if (payload.length === 1) return undefined;
    return { address: `@${textOf(payload, 1, payload.length)}`, port: 0 };
  }
  const end = payload.indexOf(0);
  return { address: textOf(payload, 0, end < 0 ? payload.length : end), port: 0 };
}

function ipv4At(bytes: Uint8Array, at: number): SocketAddress {
  return { address: ipv4Text(bytes, at), port: uint16BE(bytes, at + 4) };
}

function ipv6At(bytes: Uint8Array, at: number): SocketAddress {
  return { address: ipv6Text(bytes, at), port: uint16BE(bytes, at + IPV6_BYTES) };
}

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
