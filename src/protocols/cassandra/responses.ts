/**
 * What an answer says ("CQL binary protocol", section 4.2). Invariant: rows, error texts and
 * warnings are passed over; a count is told only when everything before it had its form.
 */
import { cassandraLimits } from "./limits.ts";
import { Opcode } from "./messages.ts";
import type { BodyReader } from "./reader.ts";
import { shortBytes } from "./requests.ts";
import type { Response } from "./types.ts";

type Draft = { -readonly [Key in keyof Response]: Response[Key] };

export function emptyResponse(warnings: number): Draft {
  return {
    code: undefined,
    rows: undefined,
    warnings,
    newKeyspace: undefined,
    preparedId: undefined,
    keyspace: undefined,
    table: undefined,
  };
}

const Kind = { rows: 2, setKeyspace: 3, prepared: 4 } as const;

/** The body of an answer; the reader stands behind its head. */
export function responseOf(
  header: { readonly opcode: number; readonly version: number },
  reader: BodyReader,
  warnings: number,
): Response {
  const response = emptyResponse(warnings);
  if (header.opcode === Opcode.error) {
    const code = reader.int();
    if (reader.ok) response.code = code;
    return response;
  }
  if (header.opcode !== Opcode.result) return response;
  const kind = reader.int();
  if (kind === Kind.rows) readRows(reader, response);
  else if (kind === Kind.setKeyspace) {
    response.newKeyspace = reader.string(cassandraLimits.nameBytesMax) || undefined;
  } else if (kind === Kind.prepared) readPrepared(reader, header.version, response);
  return response;
}

const Metadata = { global: 1, morePages: 2, none: 4, changed: 8 } as const;

/** <metadata><rows_count>… */
function readRows(reader: BodyReader, response: Draft): void {
  const flags = reader.int();
  const columns = reader.int();
  if ((flags & Metadata.morePages) !== 0) reader.skipBytes();
  if ((flags & Metadata.changed) !== 0) shortBytes(reader);
  if ((flags & Metadata.none) === 0) readColumns(reader, flags, { columns, response });
  const rows = reader.int();
  if (reader.ok && rows >= 0) response.rows = rows;
}

/** <id>[<result_metadata_id>]<metadata> of what is to be bound. */
function readPrepared(reader: BodyReader, version: number, response: Draft): void {
  const id = shortBytes(reader);
  if (reader.ok && id !== "") response.preparedId = id;
  if (version >= 5) shortBytes(reader);
  const flags = reader.int();
  const columns = reader.int();
  if (version >= 4) {
    const keys = reader.int();
    if (keys < 0 || keys > cassandraLimits.columnsMax) return;
    reader.skip(2 * keys);
  }
  if ((flags & Metadata.none) === 0) readColumns(reader, flags, { columns, response });
}

interface Columns {
  readonly columns: number;
  readonly response: Draft;
}

/** The table, once for all columns or with each, and each column's name and type. */
function readColumns(reader: BodyReader, flags: number, { columns, response }: Columns): void {
  if (columns < 0 || columns > cassandraLimits.columnsMax) {
    reader.ok = false;
    return;
  }
  const isGlobal = (flags & Metadata.global) !== 0;
  if (isGlobal) {
    const keyspace = reader.string(cassandraLimits.nameBytesMax);
    const table = reader.string(cassandraLimits.nameBytesMax);
    if (reader.ok && keyspace !== "" && table !== "") {
      response.keyspace = keyspace;
      response.table = table;
    }
  }
  for (let column = 0; column < columns && reader.ok; column++) {
    if (!isGlobal) {
      reader.skipString();
      reader.skipString();
    }
    reader.skipString();
    skipType(reader, 0);
  }
}

const Type = { custom: 0, list: 0x20, map: 0x21, set: 0x22, udt: 0x30, tuple: 0x31 } as const;

/** [option]: types nest. */
function skipType(reader: BodyReader, depth: number): void {
  if (depth > cassandraLimits.typeDepthMax) {
    reader.ok = false;
    return;
  }
  const type = reader.short();
  if (type === Type.custom) reader.skipString();
  else if (type === Type.list || type === Type.set) skipType(reader, depth + 1);
  else if (type === Type.map) {
    skipType(reader, depth + 1);
    skipType(reader, depth + 1);
  } else if (type === Type.udt || type === Type.tuple) skipFields(reader, type, depth);
}

function skipFields(reader: BodyReader, type: number, depth: number): void {
  if (type === Type.udt) {
    reader.skipString();
    reader.skipString();
  }
  const fields = reader.short();
  for (let field = 0; field < fields && reader.ok; field++) {
    if (type === Type.udt) reader.skipString();
    skipType(reader, depth + 1);
  }
}
