/** Builds packets of the protocol for tests. Invariant: lengths and numbers are always right. */

type Part = Uint8Array | string | number;

export function concat(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "string"
        ? Buffer.from(part)
        : typeof part === "number"
          ? Buffer.of(part)
          : part,
    ),
  );
}

/** Little-endian. */
export function integer(value: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, index) => Math.floor(value / 256 ** index) & 255);
}

export function encoded(value: number): Uint8Array {
  if (value < 0xfb) return integer(value, 1);
  if (value < 0x1_0000) return concat(0xfc, integer(value, 2));
  if (value < 0x100_0000) return concat(0xfd, integer(value, 3));
  return concat(0xfe, integer(value, 8));
}

export function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return concat(encoded(bytes.length), bytes);
}

export function packet(sequence: number, ...payload: readonly Part[]): Uint8Array {
  const bytes = concat(...payload);
  return concat(integer(bytes.length, 3), sequence, bytes);
}

/** Packets in a row, numbered from `first`. */
export function packets(first: number, ...payloads: readonly Uint8Array[]): Uint8Array {
  return concat(...payloads.map((payload, index) => packet((first + index) & 255, payload)));
}

/** protocol41, secureConnection, connectWithDb, pluginAuth and more. */
const BASE_CAPABILITIES = 0x0008_a208;
export const DEPRECATE_EOF = 0x0100_0000;
export const COMPRESS = 0x20;
export const ZSTD = 0x0400_0000;
export const TLS = 0x0800;
export const QUERY_ATTRIBUTES = 0x0800_0000;
export const SESSION_TRACK = 0x0080_0000;

export function greeting(capabilities = 0, version = "8.4.3"): Uint8Array {
  const all = (BASE_CAPABILITIES | capabilities) >>> 0;
  return packet(
    0,
    concat(10, `${version}\0`, integer(7, 4), "12345678\0", integer(all & 0xffff, 2), 45),
    concat(integer(2, 2), integer(all >>> 16, 2), 21, new Uint8Array(10), "123456789012\0"),
    "mysql_native_password\0",
  );
}

export function hello(capabilities = 0, database = "shop", sequence = 1): Uint8Array {
  const all = (BASE_CAPABILITIES | capabilities) >>> 0;
  return packet(
    sequence,
    concat(integer(all, 4), integer(0xff_ffff, 4), 45, new Uint8Array(23), "bob\0"),
    concat(20, new Uint8Array(20).fill(0x51), `${database}\0`, "mysql_native_password\0"),
  );
}

export const sslRequest = (capabilities = 0) =>
  packet(
    1,
    integer(BASE_CAPABILITIES | TLS | capabilities, 4),
    integer(0xff_ffff, 4),
    45,
    new Uint8Array(23),
  );

export const AUTOCOMMIT = 2;
export const IN_TRANSACTION = 1;
export const MORE_RESULTS = 8;
export const CURSOR = 0x40;

export const okBody = (affected = 0, status = AUTOCOMMIT, lead = 0): Uint8Array =>
  concat(lead, encoded(affected), 0, integer(status, 2), integer(0, 2));
export const eofBody = (status = AUTOCOMMIT): Uint8Array =>
  concat(0xfe, integer(0, 2), integer(status, 2));
export const errorBody = (code: number, state = "42S02"): Uint8Array =>
  concat(0xff, integer(code, 2), `#${state}value 4711 is wrong`);
export const columnBody = (name = "a"): Uint8Array =>
  concat(
    text("def"),
    text(""),
    text("t"),
    text("t"),
    text(name),
    text(name),
    12,
    new Uint8Array(12),
  );
export const rowBody = (value = "x"): Uint8Array => text(value);

export const ok = (affected = 0, status = AUTOCOMMIT) => packet(1, okBody(affected, status));
export const error = (code: number, state?: string) => packet(1, errorBody(code, state));

/** A result set of one column in the old style, numbered from `first`. */
export function resultSet(rows: readonly string[], status = AUTOCOMMIT, first = 1): Uint8Array {
  const body = [
    Uint8Array.of(1),
    columnBody(),
    eofBody(status),
    ...rows.map(rowBody),
    eofBody(status),
  ];
  return packets(first, ...body);
}

/** The same without EOF. */
export function newResultSet(rows: readonly string[], status = AUTOCOMMIT, first = 1): Uint8Array {
  const body = [Uint8Array.of(1), columnBody(), ...rows.map(rowBody), okBody(0, status, 0xfe)];
  return packets(first, ...body);
}

export const command = (code: number, ...rest: readonly Part[]) => packet(0, code, ...rest);
export const query = (sql: string) => command(0x03, sql);
export const ping = command(0x0e);
export const prepare = (sql: string) => command(0x16, sql);
export const execute = (id: number, flags = 0, ...rest: readonly Part[]) =>
  command(0x17, integer(id, 4), flags, integer(1, 4), ...rest);
export const close = (id: number) => command(0x19, integer(id, 4));
export const fetchRows = (id: number, count: number) =>
  command(0x1c, integer(id, 4), integer(count, 4));

/** The answer to a prepare: definitions of `parameters` and `columns`. */
export function prepared(
  id: number,
  counts: { readonly parameters: number; readonly columns: number },
  style: "eof" | "none" = "eof",
): Uint8Array {
  const { parameters, columns } = counts;
  const head = concat(0, integer(id, 4), integer(columns, 2), integer(parameters, 2), 0, 0, 0);
  const block = (count: number) =>
    count === 0
      ? []
      : [
          ...Array.from({ length: count }, () => columnBody()),
          ...(style === "eof" ? [eofBody()] : []),
        ];
  return packets(1, head, ...block(parameters), ...block(columns));
}

/** A compressed packet, stored or squeezed by `squeeze`. */
export function compressed(
  sequence: number,
  plain: Uint8Array,
  squeeze?: (plain: Uint8Array) => Uint8Array,
): Uint8Array {
  const body = squeeze === undefined ? plain : squeeze(plain);
  const before = squeeze === undefined ? 0 : plain.length;
  return concat(integer(body.length, 3), sequence, integer(before, 3), body);
}
