/** The header of the binary protocol's packets (memcached's doc/protocol-binary.txt, section 2). */
import type { Side } from "../../model/connection.ts";
import { memcachedLimits } from "./limits.ts";
import { isStatus, Opcode, type Operation, operationOf, type Presence, Status } from "./opcodes.ts";

export const HEADER_BYTES = 24;
export const Magic = { request: 0x80, response: 0x81 } as const;

export interface Header {
  readonly opcode: number;
  readonly keyBytes: number;
  readonly extrasBytes: number;
  readonly dataType: number;
  /** Of an answer; a request has the number of a partition there. */
  readonly status: number;
  /** Extras, key and value. */
  readonly bodyBytes: number;
  readonly opaque: number;
}

/** HEADER_BYTES are there. */
export function headerAt(bytes: Uint8Array, at: number): Header {
  return {
    opcode: bytes[at + 1] ?? 0,
    keyBytes: number(bytes, at + 2, 2),
    extrasBytes: bytes[at + 4] ?? 0,
    dataType: bytes[at + 5] ?? 0,
    status: number(bytes, at + 6, 2),
    bodyBytes: number(bytes, at + 8, 4),
    opaque: number(bytes, at + 12, 4),
  };
}

function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** Whether the lengths contradict neither each other nor what is possible at all. */
export function isConsistent({ keyBytes, extrasBytes, bodyBytes }: Header): boolean {
  return keyBytes + extrasBytes <= bodyBytes && bodyBytes <= memcachedLimits.valueBytesMax;
}

/** Whether the header is exactly as the operation's packets are. */
export function isShape(header: Header, side: Side): boolean {
  const operation = operationOf(header.opcode);
  if (operation === undefined || header.dataType !== 0 || !isConsistent(header)) return false;
  return side === "request" ? isRequest(header, operation) : isResponse(header, operation);
}

function isRequest(header: Header, { extras, key, value }: Operation): boolean {
  const { keyBytes, extrasBytes } = header;
  if (keyBytes > memcachedLimits.keyBytesMax || !extras.includes(extrasBytes)) return false;
  return isPresent(key, keyBytes) && isPresent(value, valueBytes(header));
}

function isPresent(presence: Presence, length: number): boolean {
  if (presence === "any") return true;
  return presence === "none" ? length === 0 : length > 0;
}

function isResponse(header: Header, operation: Operation): boolean {
  const { keyBytes, extrasBytes, opcode, status } = header;
  if (!isStatus(status) || keyBytes > memcachedLimits.keyBytesMax) return false;
  if (keyBytes > 0 && !operation.repeatsKey && opcode !== Opcode.stat) return false;
  const isTold = operation.getsValue || opcode === Opcode.touch;
  const withFlags = isTold && status === Status.none;
  return extrasBytes === (withFlags ? 4 : 0);
}

export function valueBytes({ bodyBytes, keyBytes, extrasBytes }: Header): number {
  return bodyBytes - keyBytes - extrasBytes;
}
