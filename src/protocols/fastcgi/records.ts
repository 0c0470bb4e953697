/** Records (FastCGI specification 1.0, section 3.3): eight bytes of header, content, padding. */
import { uint16BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";

export const HEADER_BYTES = 8;

export const RecordType = {
  beginRequest: 1,
  abortRequest: 2,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  data: 8,
  getValues: 9,
  getValuesResult: 10,
  unknownType: 11,
} as const;

const VERSION = 1;
const REQUEST_TYPES = [1, 2, 4, 5, 8, 9];
const RESPONSE_TYPES = [3, 6, 7, 10, 11];
const REQUEST_MASK = maskOf(REQUEST_TYPES);
const RESPONSE_MASK = maskOf(RESPONSE_TYPES);
/** Types of records of the connection itself, whose request id is 0. */
const MANAGEMENT_MASK = maskOf([9, 10, 11]);
/** BEGIN_REQUEST, END_REQUEST and UNKNOWN_TYPE have a content of eight bytes. */
const FIXED_MASK = maskOf([1, 3, 11]);
const FIXED_BYTES = 8;

function maskOf(types: readonly number[]): number {
  return types.reduce((mask, type) => mask | (1 << type), 0);
}

/** Whether a record of that side begins at `at`; its header is here. */
export function isHeader(bytes: Uint8Array, at: number, side: Side): boolean {
  const type = bytes[at + 1] ?? 0;
  if (bytes[at] !== VERSION || type > RecordType.unknownType) return false;
  const bit = 1 << type;
  if (((side === "request" ? REQUEST_MASK : RESPONSE_MASK) & bit) === 0) return false;
  if ((requestIdAt(bytes, at) === 0) !== ((MANAGEMENT_MASK & bit) !== 0)) return false;
  if ((FIXED_MASK & bit) !== 0 && contentBytesAt(bytes, at) !== FIXED_BYTES) return false;
  return type !== RecordType.abortRequest || contentBytesAt(bytes, at) === 0;
}

export function requestIdAt(bytes: Uint8Array, at: number): number {
  return uint16BE(bytes, at + 2);
}

export function contentBytesAt(bytes: Uint8Array, at: number): number {
  return uint16BE(bytes, at + 4);
}

/** Header, content and padding. */
export function recordBytesAt(bytes: Uint8Array, at: number): number {
  return HEADER_BYTES + contentBytesAt(bytes, at) + (bytes[at + 6] ?? 0);
}
