/**
 * Opcodes, flags and the header of an envelope (Cassandra, "CQL binary protocol", v3 to v5, section
 * 2). Invariant: a length is used only through headerAt().
 */
import { checkedLength, uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import { cassandraLimits } from "./limits.ts";

export const HEADER_BYTES = 9;

export const Opcode = {
  error: 0x00,
  startup: 0x01,
  ready: 0x02,
  authenticate: 0x03,
  options: 0x05,
  supported: 0x06,
  query: 0x07,
  result: 0x08,
  prepare: 0x09,
  execute: 0x0a,
  register: 0x0b,
  event: 0x0c,
  batch: 0x0d,
  authChallenge: 0x0e,
  authResponse: 0x0f,
  authSuccess: 0x10,
} as const;

const requestOpcodes = opcodeSet(0x01, 0x05, 0x07, 0x09, 0x0a, 0x0b, 0x0d, 0x0f);
const responseOpcodes = opcodeSet(0x00, 0x02, 0x03, 0x06, 0x08, 0x0c, 0x0e, 0x10);

function opcodeSet(...opcodes: readonly number[]): Uint8Array {
  const set = new Uint8Array(256);
  for (const opcode of opcodes) set[opcode] = 1;
  return set;
}

export const Flag = {
  compressed: 0x01,
  tracing: 0x02,
  customPayload: 0x04,
  warning: 0x08,
  beta: 0x10,
} as const;
const FLAGS_KNOWN = 0x1f;

export const VERSION_MIN = 3;
export const VERSION_MAX = 5;
const RESPONSE_BIT = 0x80;

export interface Header {
  readonly version: number;
  readonly flags: number;
  /** Negative: the server's own, such as events. */
  readonly stream: number;
  readonly opcode: number;
  readonly bodyBytes: number;
}

/** The header at `at`, of which nine bytes must be there; undefined when it is none of `side`. */
export function headerAt(bytes: Uint8Array, at: number, side: Side): Header | undefined {
  if (!mayBeginHeader(bytes, at, side)) return undefined;
  const opcode = bytes[at + 4] ?? 0;
  if ((side === "request" ? requestOpcodes : responseOpcodes)[opcode] !== 1) return undefined;
  const bodyBytes = checkedLength(uint32BE(bytes, at + 5), 0, cassandraLimits.bodyBytesMax);
  if (bodyBytes < 0) return undefined;
  const stream = (uint16BE(bytes, at + 2) << 16) >> 16;
  if (side === "request" && stream < 0) return undefined;
  const version = (bytes[at] ?? 0) & 0x7f;
  return { version, flags: bytes[at + 1] ?? 0, stream, opcode, bodyBytes };
}

const openingOpcodes = opcodeSet(0x01, 0x02, 0x03, 0x05, 0x06);

/**
 * Whether it can come without a segment around it: of version 5 only what opens a connection does,
 * besides its beta, whose messages say so ("CQL binary protocol v5", section 2). In a compressed
 * segment the heads of others stand as they are, too, but their bodies need not.
 */
export function standsAlone({ version, flags, opcode }: Header): boolean {
  return version < 5 || (flags & Flag.beta) !== 0 || openingOpcodes[opcode] === 1;
}

/** Version, direction and flags: the first two bytes. */
export function mayBeginHeader(bytes: Uint8Array, at: number, side: Side): boolean {
  const first = bytes[at] ?? 0;
  const version = first & 0x7f;
  const isResponse = (first & RESPONSE_BIT) !== 0;
  if (version < VERSION_MIN || version > VERSION_MAX) return false;
  return isResponse === (side === "response") && ((bytes[at + 1] ?? 0) & ~FLAGS_KNOWN) === 0;
}

/** By their numbers on the wire (section 3, [consistency]). */
const consistencies = [
  ...["any", "one", "two", "three", "quorum", "all"],
  ...["local_quorum", "each_quorum", "serial", "local_serial", "local_one"],
] as const;

export function consistencyOf(number: number): string | undefined {
  return consistencies[number];
}
