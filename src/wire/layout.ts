/**
 * Layout of a message as libolly/include/olly_wire.h states it. Invariant: every number here is
 * compared with the C header by test/contract/wire-layout.test.ts.
 */

export const WIRE_VERSION = 1;

/** Offsets in struct olly_header; integers are little-endian. */
export const headerOffset = {
  type: 0,
  flags: 1,
  sequence: 2,
  pid: 4,
  tid: 8,
  fd: 12,
  payloadLength: 16,
  wireLength: 20,
  timestamp: 24,
} as const;

export const HEADER_BYTES = 32;

/** Lengths of CONNECT and ACCEPT payloads: address then port, network order, no padding. */
export const addressBytes = {
  ipv4Remote: 6,
  ipv4Both: 12,
  ipv6Remote: 18,
  ipv6Both: 36,
} as const;

/** Offsets in struct olly_lookup, the head of the LOOKUP payload. */
export const lookupOffset = {
  duration: 0,
  result: 8,
  error: 12,
  nameBytes: 16,
  addresses: 18,
  family: 19,
  flags: 20,
} as const;

export const LOOKUP_BYTES = 24;

export const lookup = {
  nameBytesMax: 1_024,
  addressesMax: 16,
  /** Bit of flags: the answer had more addresses. */
  flagMore: 0x01,
} as const;

/** In front of a datagram: the length of its peer's address. */
export const DATAGRAM_PEER_BYTES = 1;

/** Bounds of the PROCESS payload. */
export const processHello = {
  argsMax: 8,
  stringBytesMax: 256,
} as const;
