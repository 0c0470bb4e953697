/**
 * Layout of the ring and of the control page as libolly/include/olly_wire.h states them. Invariant:
 * every number here is compared with the C header by test/contract/wire-layout.test.ts.
 */
import { limits } from "../limits.ts";

/** Offsets in struct olly_ring_header. */
export const ringOffset = {
  magic: 0,
  version: 4,
  dataBytes: 8,
  pid: 12,
  verdict: 16,
  head: 64,
  tail: 128,
  limit: 136,
  counters: 192,
} as const;

export const RING_VERSION = 1;
export const RING_MAGIC = 0x31524c4f;
export const RING_HEADER_BYTES = 4096;
export const RING_WORD_BYTES = 8;
/** Set in a word's length when the rest of the lap is unused. */
export const RING_PADDING = 0x80000000;
export const RING_COUNTERS = 16;
/** Header of the message inside a record. */
export const RECORD_HEADER_BYTES = 32;
export const RECORD_BYTES_MIN = RING_WORD_BYTES + RECORD_HEADER_BYTES;
export const RECORD_BYTES_MAX = RECORD_BYTES_MIN + limits.payloadBytesMax;

const STAMP_MASK = 0x6f6c6c79;

/**
 * Low 32 bits of position / 8 as an int32: positions are counted in words, because they pass 2^31
 * bytes soon and arithmetic on int32 is several times cheaper than on doubles.
 */
export function ringUnits(position: number): number {
  return (position / RING_WORD_BYTES) | 0;
}

/** OLLY_RING_STAMP as an int32: what the high half of a word holds when its record is committed. */
export function ringStamp(units: number): number {
  return units ^ STAMP_MASK;
}

/** Index into the counters, in the order of enum olly_counter. */
export const ringCounter = {
  ringFull: 0,
  unregistered: 1,
  agentGone: 2,
  fdLimit: 3,
  tlsUnpaired: 4,
  logBinary: 5,
  internal: 6,
  datagramFull: 7,
  confined: 8,
  childEnvironment: 9,
} as const;

/** Offsets in struct olly_control_page. */
export const controlOffset = {
  active: 0,
  resume: 1,
  version: 4,
  agentEpoch: 8,
  activation: 12,
  captureBytesMax: 16,
  switches: 20,
  children: 24,
  refusals: 28,
  ringWaitingBytes: 32,
  refused: 512,
} as const;

export const CONTROL_BYTES = 4096;

/** Tokens in the control page's `refused`. */
export const REFUSED_MAX = 64;

/** enum olly_verdict, what the agent writes into a ring's header. */
export const ringVerdict = { refused: 1 } as const;

/** enum olly_children: the environment that a program's children get. */
export const childrenMode = { inherit: 0, always: 1, never: 2 } as const;

/** Bits of the control page's switches. */
export const controlSwitch = { logCapture: 0x01 } as const;
