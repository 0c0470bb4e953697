/**
 * What a request asks for ("CQL binary protocol", section 4.1). Invariant: of values that are sent
 * beside a text nothing is read but their lengths; of AUTH_RESPONSE nothing at all.
 */
import { latin1Of, textOf } from "../../lib/bytes.ts";
import { sqlLimits } from "../sql/index.ts";
import { cassandraLimits } from "./limits.ts";
import { consistencyOf, Opcode } from "./messages.ts";
import type { BodyReader } from "./reader.ts";
import type { Asked, Request } from "./types.ts";

type Draft = { -readonly [Key in keyof Request]: Request[Key] };

const noStatements: readonly Asked[] = [];

/** Compression is of STARTUP; it goes to the state, because parsing needs it. */
export interface Startup {
  readonly compression: "none" | "lz4" | "snappy";
}

export function emptyRequest(): Draft {
  return {
    statements: noStatements,
    batchSize: undefined,
    consistency: undefined,
    pageSize: undefined,
    keyspace: undefined,
    applicationName: undefined,
  };
}

/** The body of a request other than STARTUP; the reader stands at its beginning. */
export function requestOf(opcode: number, version: number, reader: BodyReader): Request {
  const request = emptyRequest();
  if (opcode === Opcode.query) {
    const asked = longString(reader);
    const bound = readParameters(reader, version, request);
    request.statements = [{ ...asked, bound }];
  } else if (opcode === Opcode.prepare) {
    request.statements = [{ ...longString(reader), bound: true }];
    if (version >= 5 && (reader.int() & 1) !== 0) request.keyspace = nameOf(reader);
  } else if (opcode === Opcode.execute) {
    const id = shortBytes(reader);
    if (version >= 5) shortBytes(reader);
    readParameters(reader, version, request);
    request.statements = [{ text: "", truncated: false, id, bound: true }];
  } else if (opcode === Opcode.batch) readBatch(reader, version, request);
  return request;
}

/** [long string]: as much of it as is kept. */
function longString(reader: BodyReader): Asked {
  const length = reader.int();
  const start = reader.at;
  if (length < 0) reader.ok = false;
  const seen = reader.ok ? Math.min(length, reader.end - start, sqlLimits.textMax) : 0;
  const truncated = seen < length;
  const end = truncated ? wholeCharacters(reader.bytes, start, start + seen) : start + seen;
  reader.skip(length);
  return { text: textOf(reader.bytes, start, end), truncated, id: "", bound: false };
}

/** `end`, or the beginning of the UTF-8 sequence that does not end before it. */
function wholeCharacters(bytes: Uint8Array, from: number, end: number): number {
  let lead = end - 1;
  while (lead > from && end - lead < 4 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead--;
  const first = bytes[lead] ?? 0;
  const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return lead + length > end ? lead : end;
}

/** [short bytes] as a key: each byte a character. */
export function shortBytes(reader: BodyReader): string {
  const length = reader.short();
  if (!reader.skip(length) || length > cassandraLimits.idBytesMax) return "";
  return latin1Of(reader.bytes, reader.at - length, reader.at);
}

function nameOf(reader: BodyReader): string | undefined {
  const name = reader.string(cassandraLimits.nameBytesMax);
  return name === "" ? undefined : name;
}

const Parameter = {
  values: 0x01,
  pageSize: 0x04,
  pagingState: 0x08,
  serialConsistency: 0x10,
  timestamp: 0x20,
  names: 0x40,
  keyspace: 0x80,
} as const;

/** <query_parameters>; whether values are among them. */
function readParameters(reader: BodyReader, version: number, request: Draft): boolean {
  request.consistency = readConsistency(reader);
  const flags = version >= 5 ? reader.int() : reader.byte();
  const hasValues = (flags & Parameter.values) !== 0;
  if (hasValues) skipValues(reader, (flags & Parameter.names) !== 0);
  if ((flags & Parameter.pageSize) !== 0) {
    const size = reader.int();
    if (reader.ok && size > 0) request.pageSize = size;
  }
  if ((flags & Parameter.pagingState) !== 0) reader.skipBytes();
  readTail(reader, flags, request);
  return hasValues;
}

/** What queries and batches have in common behind that. */
function readTail(reader: BodyReader, flags: number, request: Draft): void {
  if ((flags & Parameter.serialConsistency) !== 0) reader.short();
  if ((flags & Parameter.timestamp) !== 0) reader.skip(8);
  if ((flags & Parameter.keyspace) !== 0) request.keyspace = nameOf(reader);
}

function readConsistency(reader: BodyReader): string | undefined {
  const number = reader.short();
  return reader.ok ? consistencyOf(number) : undefined;
}

function skipValues(reader: BodyReader, named: boolean): void {
  const count = reader.short();
  for (let item = 0; item < count && reader.ok; item++) {
    if (named) reader.skipString();
    reader.skipBytes();
  }
}

/** Type, count, and for each statement: kind, text or id, values. */
function readBatch(reader: BodyReader, version: number, request: Draft): void {
  reader.byte();
  const count = reader.short();
  if (!reader.ok) return;
  request.batchSize = count;
  const statements: Asked[] = [];
  for (let item = 0; item < count && reader.ok; item++) {
    const isPrepared = reader.byte() === 1;
    const asked: Asked = isPrepared
      ? { text: "", truncated: false, id: shortBytes(reader), bound: true }
      : longString(reader);
    const { at } = reader;
    const bound = isPrepared || reader.short() > 0;
    reader.at = at;
    skipValues(reader, false);
    if (reader.ok && statements.length < cassandraLimits.batchTextsMax) {
      statements.push({ ...asked, bound });
    }
  }
  request.statements = statements;
  request.consistency = readConsistency(reader);
  const flags = version >= 5 ? reader.int() : reader.byte();
  readTail(reader, flags, request);
}

/** STARTUP: a map of options. */
export function startupOf(reader: BodyReader, request: Draft): Startup {
  const items = reader.short();
  let compression: Startup["compression"] = "none";
  for (let item = 0; item < Math.min(items, cassandraLimits.itemsMax) && reader.ok; item++) {
    const key = reader.string(cassandraLimits.nameBytesMax).toUpperCase();
    const value = reader.string(cassandraLimits.applicationBytesMax);
    if (key === "APPLICATION_NAME" && value !== "") request.applicationName = value;
    if (key !== "COMPRESSION") continue;
    const name = value.toLowerCase();
    if (name === "lz4" || name === "snappy") compression = name;
  }
  return { compression };
}
