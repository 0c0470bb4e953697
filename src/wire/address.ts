/**
 * Payload of CONNECT and ACCEPT → the connection's ends. Invariant: two processes that hold the
 * two ends of one connection get the same text for the same address, whichever socket family
 * each of them uses (an IPv4-mapped IPv6 address is shown as IPv4).
 */
import { textOf, uint16BE } from "../lib/bytes.ts";
import { ipv4Text, ipv6Text } from "../lib/ip-text.ts";
import type { Datagram, Endpoints, SocketAddress } from "../model/connection.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import { addressBytes, DATAGRAM_PEER_BYTES } from "./layout.ts";

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

/** What a DATAGRAM_SOCKET says; undefined = malformed. */
export function datagramEndpointsOf({ payload }: HookMessage): Endpoints | undefined {
  const remoteBytes = bytesOfRemote(payload.length);
  if (remoteBytes === undefined) return undefined;
  const remote = remoteBytes === 0 ? undefined : addressAt(payload, 0, remoteBytes);
  const own = addressAt(payload, remoteBytes, payload.length);
  return { transport: "udp", remote, local: isAny(own) ? undefined : own };
}

/** The address in front of the local one; undefined: neither form. */
function bytesOfRemote(length: number): number | undefined {
  if (length === addressBytes.ipv4Remote || length === addressBytes.ipv6Remote) return 0;
  if (length === addressBytes.ipv4Both || length === addressBytes.ipv6Both) return length / 2;
  return undefined;
}

/** A socket that listens everywhere: which of the host's addresses was meant is not known. */
function isAny({ address }: SocketAddress): boolean {
  return address === "0.0.0.0" || address === "::";
}

function addressAt(bytes: Uint8Array, start: number, end: number): SocketAddress {
  return end - start === addressBytes.ipv4Remote ? ipv4At(bytes, start) : ipv6At(bytes, start);
}

/** A DATAGRAM_OUT or DATAGRAM_IN; undefined = malformed. */
export function datagramOf({ payload }: HookMessage): Datagram | undefined {
  const peerBytes = payload[0];
  if (peerBytes === undefined) return undefined;
  const start = DATAGRAM_PEER_BYTES + peerBytes;
  if (start > payload.length) return undefined;
  if (peerBytes === 0) return { peer: undefined, bytes: payload.subarray(start) };
  if (peerBytes !== addressBytes.ipv4Remote && peerBytes !== addressBytes.ipv6Remote) {
    return undefined;
  }
  return {
    peer: addressAt(payload, DATAGRAM_PEER_BYTES, start),
    bytes: payload.subarray(start),
  };
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
