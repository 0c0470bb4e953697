/**
 * MongoDB wire protocol: header, opcodes and flags (MongoDB manual, "MongoDB Wire Protocol").
 * Invariant: a length is used only through headerOf().
 */
import { checkedLength } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import { int32LE } from "./bson.ts";
import { mongodbLimits } from "./limits.ts";

export const HEADER_BYTES = 16;

export const Opcode = {
  reply: 1,
  update: 2001,
  insert: 2002,
  query: 2004,
  getMore: 2005,
  delete: 2006,
  killCursors: 2007,
  compressed: 2012,
  message: 2013,
} as const;

const requestOpcodes: ReadonlySet<number> = new Set(
  Object.values(Opcode).filter((opcode) => opcode !== Opcode.reply),
);
const responseOpcodes: ReadonlySet<number> = new Set([
  Opcode.reply,
  Opcode.message,
  Opcode.compressed,
]);

/** Fewest bytes of each message beside its header. */
const BODY_BYTES_MIN = 8;

/** Of OP_MSG. Bits below 16 that are not known have to be refused. */
export const MessageFlag = { checksum: 1, moreToCome: 2, exhaustAllowed: 1 << 16 } as const;
export const MESSAGE_FLAGS_REFUSED = 0xfffc;
export const CHECKSUM_BYTES = 4;
/** Of OP_QUERY. */
export const QUERY_EXHAUST = 1 << 6;
/** Of OP_REPLY. */
export const ReplyFlag = { cursorNotFound: 1, queryFailure: 2 } as const;

export interface Header {
  readonly size: number;
  readonly id: number;
  readonly responseTo: number;
  readonly opcode: number;
}

/** The header at `at`, of which 16 bytes must be there; undefined when it is none of `side`. */
export function headerOf(bytes: Uint8Array, at: number, side: Side): Header | undefined {
  const opcode = int32LE(bytes, at + 12);
  if (!isOpcodeOf(opcode, side)) return undefined;
  const least = HEADER_BYTES + BODY_BYTES_MIN;
  const size = checkedLength(int32LE(bytes, at), least, mongodbLimits.messageBytesMax);
  if (size < 0) return undefined;
  return { size, id: int32LE(bytes, at + 4), responseTo: int32LE(bytes, at + 8), opcode };
}

export function isOpcodeOf(opcode: number, side: Side): boolean {
  return (side === "request" ? requestOpcodes : responseOpcodes).has(opcode);
}
