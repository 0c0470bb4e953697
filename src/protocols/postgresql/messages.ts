/**
 * Message types of the PostgreSQL frontend/backend protocol 3 and the lengths that each can have
 * (manual, section "Message Formats"). Invariant: a header with an unknown type or a length outside
 * of its type's bounds is never taken for a message.
 */
import { checkedLength, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";

/** Bytes of the type and the length that counts itself. */
export const HEADER_BYTES = 5;

function code(character: string): number {
  return character.charCodeAt(0);
}

/** What the client sends. */
export const Frontend = {
  query: code("Q"),
  parse: code("P"),
  bind: code("B"),
  describe: code("D"),
  execute: code("E"),
  close: code("C"),
  sync: code("S"),
  flush: code("H"),
  functionCall: code("F"),
  copyData: code("d"),
  copyDone: code("c"),
  copyFail: code("f"),
  password: code("p"),
  terminate: code("X"),
  /** The untyped packets that open a connection. */
  startup: 0,
  cancel: 1,
} as const;

/** What the server sends. */
export const Backend = {
  authentication: code("R"),
  backendKeyData: code("K"),
  parameterStatus: code("S"),
  readyForQuery: code("Z"),
  parseComplete: code("1"),
  bindComplete: code("2"),
  closeComplete: code("3"),
  noData: code("n"),
  parameterDescription: code("t"),
  rowDescription: code("T"),
  dataRow: code("D"),
  commandComplete: code("C"),
  emptyQuery: code("I"),
  portalSuspended: code("s"),
  error: code("E"),
  notice: code("N"),
  notification: code("A"),
  copyIn: code("G"),
  copyOut: code("H"),
  copyBoth: code("W"),
  copyData: code("d"),
  copyDone: code("c"),
  functionResponse: code("V"),
  negotiateVersion: code("v"),
} as const;

/** Largest length field: the server refuses more (MaxAllocSize). */
const LENGTH_MAX = 0x3fffffff;
/** Largest message of a type that carries no data; libpq's own bound is 30,000. */
const SHORT_MAX = 65_540;
const FORMATS_MAX = 4 + 1 + 2 + 2 * 65_535;

type Bounds = readonly [min: number, max: number];
const empty: Bounds = [4, 4];

const frontendBounds: readonly (readonly [number, Bounds])[] = [
  [Frontend.query, [5, LENGTH_MAX]],
  [Frontend.parse, [8, LENGTH_MAX]],
  [Frontend.bind, [12, LENGTH_MAX]],
  [Frontend.describe, [6, SHORT_MAX]],
  [Frontend.execute, [9, SHORT_MAX]],
  [Frontend.close, [6, SHORT_MAX]],
  [Frontend.sync, empty],
  [Frontend.flush, empty],
  [Frontend.functionCall, [14, LENGTH_MAX]],
  [Frontend.copyData, [4, LENGTH_MAX]],
  [Frontend.copyDone, empty],
  [Frontend.copyFail, [5, SHORT_MAX]],
  [Frontend.password, [4, SHORT_MAX]],
  [Frontend.terminate, empty],
];

const backendBounds: readonly (readonly [number, Bounds])[] = [
  [Backend.authentication, [8, SHORT_MAX]],
  [Backend.backendKeyData, [12, 4 + 4 + 256]],
  [Backend.parameterStatus, [6, SHORT_MAX]],
  [Backend.readyForQuery, [5, 5]],
  [Backend.parseComplete, empty],
  [Backend.bindComplete, empty],
  [Backend.closeComplete, empty],
  [Backend.noData, empty],
  [Backend.parameterDescription, [6, 4 + 2 + 4 * 65_535]],
  [Backend.rowDescription, [6, LENGTH_MAX]],
  [Backend.dataRow, [6, LENGTH_MAX]],
  [Backend.commandComplete, [6, SHORT_MAX]],
  [Backend.emptyQuery, empty],
  [Backend.portalSuspended, empty],
  [Backend.error, [5, LENGTH_MAX]],
  [Backend.notice, [5, LENGTH_MAX]],
  [Backend.notification, [10, LENGTH_MAX]],
  [Backend.copyIn, [7, FORMATS_MAX]],
  [Backend.copyOut, [7, FORMATS_MAX]],
  [Backend.copyBoth, [7, FORMATS_MAX]],
  [Backend.copyData, [4, LENGTH_MAX]],
  [Backend.copyDone, empty],
  [Backend.functionResponse, [8, LENGTH_MAX]],
  [Backend.negotiateVersion, [12, SHORT_MAX]],
];

interface LengthTable {
  readonly min: Uint32Array;
  readonly max: Uint32Array;
}

function tableOf(bounds: readonly (readonly [number, Bounds])[]): LengthTable {
  // A type that does not exist has a minimum that no length reaches.
  const table = { min: new Uint32Array(256).fill(0xffffffff), max: new Uint32Array(256) };
  for (const [type, [min, max]] of bounds) {
    table.min[type] = min;
    table.max[type] = max;
  }
  return table;
}

const tables: Readonly<Record<Side, LengthTable>> = {
  request: tableOf(frontendBounds),
  response: tableOf(backendBounds),
};

/** True when a message of the side can have this type. */
export function isMessageType(type: number, side: Side): boolean {
  return tables[side].max[type] !== 0;
}

/**
 * Bytes of the message whose header is at index, its type included; -1 when the type is unknown or
 * the length impossible. The caller has checked that HEADER_BYTES are there.
 */
export function messageBytes(bytes: Uint8Array, index: number, side: Side): number {
  const type = bytes[index] ?? 0;
  const { min, max } = tables[side];
  const length = checkedLength(uint32BE(bytes, index + 1), min[type] ?? 1, max[type] ?? 0);
  return length < 0 ? -1 : length + 1;
}
