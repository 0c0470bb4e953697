/**
 * Packets, commands and flags of the MySQL client/server protocol (MySQL internals manual,
 * "Client/Server Protocol"; MariaDB documentation, "Client/Server Protocol"). Invariant: a length
 * that reaches beyond what is there is told as -1, never used.
 */

/** A 3-byte length and a sequence number. */
export const HEADER_BYTES = 4;
/** A payload of this length goes on in the next packet. */
export const PAYLOAD_BYTES_MAX = 0xff_ffff;

export const Command = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  registerSlave: 0x15,
  stmtPrepare: 0x16,
  stmtExecute: 0x17,
  stmtSendLongData: 0x18,
  stmtClose: 0x19,
  stmtReset: 0x1a,
  setOption: 0x1b,
  stmtFetch: 0x1c,
  binlogDumpGtid: 0x1e,
  resetConnection: 0x1f,
  clone: 0x20,
  /** MariaDB's COM_STMT_BULK_EXECUTE. */
  stmtBulkExecute: 0xfa,
} as const;

/** How the answer to a command is built. */
export type AnswerKind =
  /** OK or an error, from old servers EOF. */
  | "ok"
  /** OK, an error, a request for a file, or a result set; more of them may follow. */
  | "result"
  | "prepare"
  /** Rows without their definitions. */
  | "rows"
  /** Definitions without rows. */
  | "fields"
  /** One packet of text. */
  | "text"
  | "authentication"
  /** Packets without an end. */
  | "stream"
  | "none";

interface CommandFacts {
  readonly name: string;
  readonly answer: AnswerKind;
}

const facts: readonly (CommandFacts | undefined)[] = (() => {
  const list: (CommandFacts | undefined)[] = new Array(256).fill(undefined);
  const add = (code: number, name: string, answer: AnswerKind) => {
    list[code] = { name: `COM_${name}`, answer };
  };
  add(Command.quit, "QUIT", "none");
  add(Command.initDb, "INIT_DB", "ok");
  add(Command.query, "QUERY", "result");
  add(Command.fieldList, "FIELD_LIST", "fields");
  add(Command.createDb, "CREATE_DB", "ok");
  add(Command.dropDb, "DROP_DB", "ok");
  add(Command.refresh, "REFRESH", "ok");
  add(Command.shutdown, "SHUTDOWN", "ok");
  add(Command.statistics, "STATISTICS", "text");
  add(Command.processInfo, "PROCESS_INFO", "result");
  add(Command.processKill, "PROCESS_KILL", "ok");
  add(Command.debug, "DEBUG", "ok");
  add(Command.ping, "PING", "ok");
  add(Command.changeUser, "CHANGE_USER", "authentication");
  add(Command.binlogDump, "BINLOG_DUMP", "stream");
  add(Command.tableDump, "TABLE_DUMP", "stream");
  add(Command.registerSlave, "REGISTER_SLAVE", "ok");
  add(Command.stmtPrepare, "STMT_PREPARE", "prepare");
  add(Command.stmtExecute, "STMT_EXECUTE", "result");
  add(Command.stmtSendLongData, "STMT_SEND_LONG_DATA", "none");
  add(Command.stmtClose, "STMT_CLOSE", "none");
  add(Command.stmtReset, "STMT_RESET", "ok");
  add(Command.setOption, "SET_OPTION", "ok");
  add(Command.stmtFetch, "STMT_FETCH", "rows");
  add(Command.binlogDumpGtid, "BINLOG_DUMP_GTID", "stream");
  add(Command.resetConnection, "RESET_CONNECTION", "ok");
  add(Command.clone, "CLONE", "stream");
  add(Command.stmtBulkExecute, "STMT_BULK_EXECUTE", "result");
  return list;
})();

/** undefined = no command of the protocol. */
export function commandFacts(command: number): CommandFacts | undefined {
  return facts[command];
}

/** Capability flags; the higher ones are written as powers because they exceed 31 bits. */
export const Capability = {
  /** CLIENT_MYSQL: what speaks MariaDB's extensions leaves it out. */
  mysql: 1,
  connectWithDb: 1 << 3,
  compress: 1 << 5,
  protocol41: 1 << 9,
  ssl: 1 << 11,
  secureConnection: 1 << 15,
  pluginAuth: 1 << 19,
  connectAttributes: 1 << 20,
  lengthEncodedAuth: 1 << 21,
  sessionTrack: 1 << 23,
  deprecateEof: 1 << 24,
  zstd: 1 << 26,
  queryAttributes: 1 << 27,
} as const;

export const ServerStatus = {
  inTransaction: 0x0001,
  moreResults: 0x0008,
  cursorExists: 0x0040,
  noBackslashEscapes: 0x0200,
  sessionStateChanged: 0x4000,
  /** MariaDB's. */
  ansiQuotes: 0x8000,
} as const;

export function uint16LE(bytes: Uint8Array, index: number): number {
  return (bytes[index] ?? 0) | ((bytes[index + 1] ?? 0) << 8);
}

export function uint24LE(bytes: Uint8Array, index: number): number {
  return uint16LE(bytes, index) | ((bytes[index + 2] ?? 0) << 16);
}

export function uint32LE(bytes: Uint8Array, index: number): number {
  return (uint24LE(bytes, index) | ((bytes[index + 3] ?? 0) << 24)) >>> 0;
}

/** Bytes that a length-encoded integer takes, by its first one; 0 = it is none. */
export function encodedWidth(first: number): number {
  if (first < 0xfb) return 1;
  if (first === 0xfc) return 3;
  if (first === 0xfd) return 4;
  return first === 0xfe ? 9 : 0;
}

/**
 * The length-encoded integer at index; -1 when there is none before end, or it is larger than
 * numbers are exact.
 */
export function encodedInteger(bytes: Uint8Array, index: number, end: number): number {
  if (index >= end) return -1;
  const first = bytes[index] ?? 0;
  const width = encodedWidth(first);
  if (width === 0 || index + width > end) return -1;
  if (width === 1) return first;
  if (width === 3) return uint16LE(bytes, index + 1);
  if (width === 4) return uint24LE(bytes, index + 1);
  const value = uint32LE(bytes, index + 1) + uint32LE(bytes, index + 5) * 2 ** 32;
  return Number.isSafeInteger(value) ? value : -1;
}

/** A packet as far as it is in a view. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** First byte of the payload; [from, seen) is in the view. */
  readonly from: number;
  readonly seen: number;
  /** Length of the whole payload. */
  readonly size: number;
  readonly sequence: number;
  /** CLOCK_MONOTONIC ns of the packet's first byte, and of the last one that is in the view. */
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
}
