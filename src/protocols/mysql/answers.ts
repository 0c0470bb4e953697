/**
 * OK, EOF and error packets (MySQL internals manual, "Generic Response Packets"). Invariant: an
 * error's message, which quotes values, is not read.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { databaseOf } from "./handshake.ts";
import { encodedInteger, encodedWidth, type Packet, ServerStatus, uint16LE } from "./packets.ts";

export const OK = 0x00;
export const ERROR = 0xff;
export const EOF = 0xfe;
export const LOCAL_INFILE = 0xfb;
const EOF_BYTES = 5;
const OK_BYTES_MIN = 7;
const PROGRESS_CODE = 0xffff;

export interface Completion {
  readonly affectedRows: number;
  readonly status: number;
  /** The database, when the server says that it has changed; "" = none is chosen any more. */
  readonly database: string | undefined;
}

/** EOF of the old style: warnings and status. */
export function isOldEof({ bytes, from, size }: Packet): boolean {
  return size === EOF_BYTES && bytes[from] === EOF;
}

export function readOldEof({ bytes, from }: Packet): Completion {
  return { affectedRows: 0, status: uint16LE(bytes, from + 3), database: undefined };
}

/** An OK packet, also one that stands where EOF stood; undefined when it is not well formed. */
export function readOk(packet: Packet, hasSessionTrack: boolean): Completion | undefined {
  const { bytes, from, seen, size } = packet;
  if (size < OK_BYTES_MIN) return undefined;
  const affected = encodedInteger(bytes, from + 1, seen);
  const insertAt = from + 1 + encodedWidth(bytes[from + 1] ?? 0);
  const insertWidth = encodedWidth(bytes[insertAt] ?? 0);
  const at = insertAt + insertWidth;
  if (insertWidth === 0 || encodedWidth(bytes[from + 1] ?? 0) === 0 || at + 4 > seen) {
    return undefined;
  }
  const status = uint16LE(bytes, at);
  const changed = hasSessionTrack && (status & ServerStatus.sessionStateChanged) !== 0;
  const database = changed ? trackedDatabase(bytes, at + 4, seen) : undefined;
  return { affectedRows: affected, status, database };
}

const TRACK_SCHEMA = 1;

/** Behind the human-readable text: entries of a type and its data, each with its length. */
function trackedDatabase(bytes: Uint8Array, from: number, end: number): string | undefined {
  const said = encodedInteger(bytes, from, end);
  const listAt = from + encodedWidth(bytes[from] ?? 0) + said;
  const length = said < 0 ? -1 : encodedInteger(bytes, listAt, end);
  if (length < 0) return undefined;
  let at = listAt + encodedWidth(bytes[listAt] ?? 0);
  const last = Math.min(end, at + length);
  while (at < last) {
    const type = bytes[at];
    const size = encodedInteger(bytes, at + 1, last);
    const start = at + 1 + encodedWidth(bytes[at + 1] ?? 0);
    if (size < 0 || start + size > last) return undefined;
    if (type === TRACK_SCHEMA) {
      const name = encodedInteger(bytes, start, last);
      const nameAt = start + encodedWidth(bytes[start] ?? 0);
      if (name < 0 || nameAt + name > start + size) return undefined;
      return databaseOf(bytes, nameAt, nameAt + name) ?? "";
    }
    at = start + size;
  }
  return undefined;
}

export interface Failure {
  readonly code: number;
  readonly sqlState: string | undefined;
}

/** MariaDB tells how far a statement is by a packet that begins like an error. */
export function isProgress({ bytes, from, seen }: Packet): boolean {
  return seen - from >= 3 && bytes[from] === ERROR && uint16LE(bytes, from + 1) === PROGRESS_CODE;
}

const HASH = 0x23;

export function readError({ bytes, from, seen }: Packet): Failure | undefined {
  if (seen - from < 3) return undefined;
  const code = uint16LE(bytes, from + 1);
  const hasState = seen - from >= 9 && bytes[from + 3] === HASH;
  return { code, sqlState: hasState ? latin1Of(bytes, from + 4, from + 9) : undefined };
}
