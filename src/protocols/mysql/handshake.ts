/**
 * The packets that open a connection (MySQL internals manual, "Connection Phase": HandshakeV10,
 * SSLRequest, HandshakeResponse41; MariaDB documentation, "Connecting"). Invariant: of what
 * authenticates (scrambles, passwords, tokens, also the user's name) nothing is read.
 */
import { indexOfByte, textOf } from "../../lib/bytes.ts";
import { mysqlLimits } from "./limits.ts";
import {
  Capability,
  encodedInteger,
  encodedWidth,
  HEADER_BYTES,
  ServerStatus,
  uint16LE,
  uint24LE,
  uint32LE,
} from "./packets.ts";
import type { Greeting } from "./types.ts";

const PROTOCOL_VERSION = 10;
/** Scramble, filler, capabilities, character set, status, capabilities, length, reserved. */
const GREETING_REST_BYTES = 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10;
const VERSION_BYTES_MIN = 3;
/** Capabilities, largest packet, character set, reserved. */
export const RESPONSE_PREFIX_BYTES = 32;

/** The payload's bytes: [from, end). */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly end: number;
}

/** "more": too few bytes to tell; undefined: no greeting. */
export function readGreeting(payload: Payload, seen: number): Greeting | "more" | undefined {
  const { bytes, from, end } = payload;
  if (seen > from && bytes[from] !== PROTOCOL_VERSION) return undefined;
  if (end - from > mysqlLimits.handshakeBytesMax) return undefined;
  const versionEnd = indexOfByte(bytes, 0, from, seen);
  const versionSeen = (versionEnd < 0 ? seen : versionEnd) - from - 1;
  if (versionSeen > mysqlLimits.versionCharsMax) return undefined;
  for (let index = from + 1; index < from + 1 + versionSeen; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 || byte > 0x7e) return undefined;
  }
  if (versionEnd < 0) return seen < end ? "more" : undefined;
  if (versionSeen < VERSION_BYTES_MIN || !isDigit(bytes[from + 1] ?? 0)) return undefined;
  if (versionEnd + 1 + GREETING_REST_BYTES > end) return undefined;
  if (seen < end) return "more";
  return greetingOf(payload, versionEnd);
}

function greetingOf({ bytes, from }: Payload, versionEnd: number): Greeting | undefined {
  const filler = versionEnd + 1 + 4 + 8;
  if (bytes[filler] !== 0) return undefined;
  const upper = uint16LE(bytes, filler + 6);
  const capabilities = (uint16LE(bytes, filler + 1) | (upper << 16)) >>> 0;
  if ((capabilities & Capability.protocol41) === 0) return undefined;
  // Six reserved bytes, then those that MariaDB uses for its own capabilities.
  for (let index = filler + 9; index < filler + 15; index++) {
    if (bytes[index] !== 0) return undefined;
  }
  const version = textOf(bytes, from + 1, versionEnd);
  const extended = uint32LE(bytes, filler + 15);
  const isMariaDb =
    /mariadb/i.test(version) || ((capabilities & Capability.mysql) === 0 && extended !== 0);
  const status = uint16LE(bytes, filler + 4);
  const literal = (status & ServerStatus.noBackslashEscapes) !== 0;
  return { capabilities, isMariaDb, backslash: literal ? "literal" : "escape" };
}

export interface ClientHello {
  readonly capabilities: number;
  /** The client speaks MariaDB's extensions, which it does with MariaDB only. */
  readonly isMariaDb: boolean;
  /** TLS begins behind this packet. */
  readonly encrypts: boolean;
  readonly database: string | undefined;
  readonly program: string | undefined;
}

/** Whether the first bytes of a client's packet can be its answer to a greeting. */
export function mayBeClientHello({ bytes, from, end }: Payload, seen: number): boolean {
  const size = end - from;
  if (size < RESPONSE_PREFIX_BYTES || size > mysqlLimits.handshakeBytesMax) return false;
  if (seen - from < RESPONSE_PREFIX_BYTES) return true;
  const capabilities = uint32LE(bytes, from);
  if ((capabilities & Capability.protocol41) === 0) return false;
  for (let index = from + 9; index < from + 28; index++) if (bytes[index] !== 0) return false;
  const isEncrypting = (capabilities & Capability.ssl) !== 0;
  return size > RESPONSE_PREFIX_BYTES || isEncrypting;
}

/** The whole packet's content; undefined when it is not one. */
export function readClientHello(payload: Payload): ClientHello | undefined {
  if (!mayBeClientHello(payload, payload.end)) return undefined;
  const { bytes, from, end } = payload;
  const capabilities = uint32LE(bytes, from);
  const isMariaDb = (capabilities & Capability.mysql) === 0 && uint32LE(bytes, from + 28) !== 0;
  const hello = { capabilities, isMariaDb, encrypts: false, database: undefined };
  if (end - from === RESPONSE_PREFIX_BYTES) {
    return { ...hello, encrypts: true, program: undefined };
  }
  const nameEnd = indexOfByte(bytes, 0, from + RESPONSE_PREFIX_BYTES, end);
  if (nameEnd < 0) return undefined;
  return { ...hello, ...readSession({ bytes, from: nameEnd + 1, end }, capabilities) };
}

interface Session {
  readonly database: string | undefined;
  readonly program: string | undefined;
}

const nothing: Session = { database: undefined, program: undefined };

/** What follows the user's name: authentication, database, plugin's name, attributes. */
export function readSession(payload: Payload, capabilities: number): Session {
  const { bytes, end } = payload;
  let at = behindAuthentication(payload, capabilities);
  if (at < 0) return nothing;
  let database: string | undefined;
  if ((capabilities & Capability.connectWithDb) !== 0) {
    const nameEnd = indexOfByte(bytes, 0, at, end);
    if (nameEnd < 0) return nothing;
    database = databaseOf(bytes, at, nameEnd);
    at = nameEnd + 1;
  }
  if ((capabilities & Capability.pluginAuth) !== 0) {
    const nameEnd = indexOfByte(bytes, 0, at, end);
    if (nameEnd < 0) return { database, program: undefined };
    at = nameEnd + 1;
  }
  const has = (capabilities & Capability.connectAttributes) !== 0;
  return { database, program: has ? programOf(bytes, at, end) : undefined };
}

/** COM_CHANGE_USER: name, authentication, database, character set, plugin, attributes. */
export function readChangeUser(payload: Payload, capabilities: number | undefined): Session {
  const { bytes, from, end } = payload;
  const nameEnd = indexOfByte(bytes, 0, from, end);
  if (nameEnd < 0) return nothing;
  const at = nameEnd + 2 + (bytes[nameEnd + 1] ?? 0);
  const databaseEnd = at < end ? indexOfByte(bytes, 0, at, end) : -1;
  if (databaseEnd < 0) return nothing;
  const database = databaseOf(bytes, at, databaseEnd);
  const known = capabilities ?? 0;
  const pluginEnd = indexOfByte(bytes, 0, databaseEnd + 3, end);
  const has = (known & Capability.pluginAuth) !== 0 && (known & Capability.connectAttributes) !== 0;
  const program = has && pluginEnd >= 0 ? programOf(bytes, pluginEnd + 1, end) : undefined;
  return { database, program };
}

function behindAuthentication({ bytes, from, end }: Payload, capabilities: number): number {
  if ((capabilities & Capability.lengthEncodedAuth) !== 0) {
    const length = encodedInteger(bytes, from, end);
    const at = from + encodedWidth(bytes[from] ?? 0) + length;
    return length < 0 || at > end ? -1 : at;
  }
  if ((capabilities & Capability.secureConnection) !== 0) {
    const at = from + 1 + (bytes[from] ?? 0);
    return at > end ? -1 : at;
  }
  const passwordEnd = indexOfByte(bytes, 0, from, end);
  return passwordEnd < 0 ? -1 : passwordEnd + 1;
}

export function databaseOf(bytes: Uint8Array, from: number, end: number): string | undefined {
  const name = textOf(bytes, from, Math.min(end, from + 4 * mysqlLimits.databaseCharsMax));
  return name === "" ? undefined : name.slice(0, mysqlLimits.databaseCharsMax);
}

const PROGRAM_NAME = "program_name";

/** Attributes are a length, then names and values with theirs. */
function programOf(bytes: Uint8Array, from: number, end: number): string | undefined {
  const length = encodedInteger(bytes, from, end);
  if (length < 0) return undefined;
  let at = from + encodedWidth(bytes[from] ?? 0);
  const last = Math.min(end, at + length);
  let name: string | undefined;
  while (at < last) {
    const size = encodedInteger(bytes, at, last);
    const start = at + encodedWidth(bytes[at] ?? 0);
    if (size < 0 || start + size > last) return undefined;
    if (name === PROGRAM_NAME) {
      const value = textOf(
        bytes,
        start,
        Math.min(start + size, start + mysqlLimits.programCharsMax),
      );
      return value === "" ? undefined : value;
    }
    const isName = name === undefined;
    name = isName ? textOf(bytes, start, Math.min(start + size, start + 64)) : undefined;
    at = start + size;
  }
  return undefined;
}

/** Whether a packet with this header begins at index; its payload. */
export function payloadAt(bytes: Uint8Array, index: number): Payload {
  const from = index + HEADER_BYTES;
  return { bytes, from, end: from + uint24LE(bytes, index) };
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
