/**
 * How far the oldest command's answer has come (MySQL internals manual, "Text Resultset", "Binary
 * Protocol Resultset", "COM_STMT_PREPARE Response"; MariaDB documentation, "Result Set Packets").
 * Invariant: a packet that the answer cannot have there ends the pairing of everything open.
 */
import type { Outcome } from "../../model/exchange.ts";
import type { FrameSink } from "../contract.ts";
import {
  type Completion,
  EOF,
  ERROR,
  isOldEof,
  isProgress,
  LOCAL_INFILE,
  OK,
  readError,
  readOk,
  readOldEof,
} from "./answers.ts";
import { enterDoubt } from "./doubt.ts";
import {
  Capability,
  Command,
  encodedInteger,
  encodedWidth,
  PAYLOAD_BYTES_MAX,
  type Packet,
  ServerStatus,
  uint16LE,
  uint32LE,
} from "./packets.ts";
import { forgetStatements, rememberStatement } from "./statements.ts";
import type { Entry, MysqlFrame, MysqlState } from "./types.ts";

/** What an answer's packet is read with. */
export interface Reading {
  readonly packet: Packet;
  readonly entry: Entry;
  readonly state: MysqlState;
  readonly out: FrameSink<MysqlFrame>;
}

const AUTHENTICATION_MORE = 0x01;
const PREPARE_BYTES_MIN = 12;
const COLUMNS_MAX = 65_535;

export function readAnswer(reading: Reading): void {
  const { packet, entry } = reading;
  if (isProgress(packet)) return;
  if (packet.bytes[packet.from] === ERROR) {
    failed(reading);
    return;
  }
  switch (entry.phase) {
    case "first":
      first(reading);
      return;
    case "columnsEnd":
      columnsEnd(reading);
      return;
    case "rows":
      rows(reading);
      return;
    case "parametersEnd":
    case "preparedEnd":
      preparedEnd(reading);
      return;
    case "infile":
      mismatch(reading);
      return;
    default:
      definition(reading);
  }
}

function first(reading: Reading): void {
  const { packet, entry, out } = reading;
  const lead = packet.bytes[packet.from];
  switch (entry.answer) {
    case "ok":
      if (lead === EOF && isOldEof(packet)) finish(reading, readOldEof(packet));
      else if (lead === OK) ok(reading);
      else mismatch(reading);
      return;
    case "authentication":
      if (lead === OK) ok(reading);
      else if (lead !== EOF && lead !== AUTHENTICATION_MORE) mismatch(reading);
      return;
    case "text":
      close(reading, "complete");
      return;
    case "stream":
      close(reading, "one_way");
      out.handOver("opaque");
      return;
    case "prepare":
      prepared(reading);
      return;
    default:
      result(reading);
  }
}

/** The beginning of one of the results of a query. */
function result(reading: Reading): void {
  const { packet, entry } = reading;
  const { bytes, from, size, seen } = packet;
  const lead = bytes[from] ?? 0;
  if (lead === OK && size >= 7) {
    ok(reading);
    return;
  }
  if (lead === LOCAL_INFILE && entry.detail.command === Command.query) {
    entry.phase = "infile";
    return;
  }
  const count = columnCount(bytes, from, { size, seen });
  if (count < 0) {
    mismatch(reading);
    return;
  }
  entry.detail.returnedRows ??= 0;
  entry.left = count;
  entry.phase = count === 0 ? "columnsEnd" : "columns";
  if (count === 0 && reading.state.deprecateEof === true) entry.phase = "rows";
}

/**
 * Definitions to come. Beside the number there may be a byte that says whether any follow: before
 * it in MySQL, behind it in MariaDB.
 */
function columnCount(
  bytes: Uint8Array,
  from: number,
  { size, seen }: { readonly size: number; readonly seen: number },
): number {
  const flagFirst = size > 1 && (bytes[from] ?? 0) <= 1 && !isMariaDbCount(bytes, from, size);
  const at = flagFirst ? from + 1 : from;
  const width = encodedWidth(bytes[at] ?? 0);
  const count = encodedInteger(bytes, at, seen);
  const rest = from + size - at - width;
  if (count < 1 || count > COLUMNS_MAX || rest < 0 || rest > (flagFirst ? 0 : 1)) return -1;
  const flag = flagFirst ? bytes[from] : rest === 1 ? bytes[at + width] : 1;
  if (flag !== undefined && flag > 1) return -1;
  return flag === 0 ? 0 : count;
}

/** One column, and whether its definition follows. */
function isMariaDbCount(bytes: Uint8Array, from: number, size: number): boolean {
  return size === 2 && bytes[from] === 1 && (bytes[from + 1] ?? 0) <= 1;
}

/** A definition has passed. */
function definition(reading: Reading): void {
  const { entry } = reading;
  entry.left--;
  if (entry.left === 0) definitionsEnd(reading);
}

/** The last one of a block of definitions has passed. */
function definitionsEnd(reading: Reading): void {
  const { entry, state } = reading;
  const { deprecateEof } = state;
  if (entry.phase === "columns") {
    entry.phase = deprecateEof === true ? "rows" : "columnsEnd";
  } else if (entry.phase === "parameters") {
    if (deprecateEof === true) afterParameters(reading);
    else if (deprecateEof === false || entry.columns > 0) entry.phase = "parametersEnd";
    else endUncertain(reading);
  } else if (deprecateEof === false) entry.phase = "preparedEnd";
  else endUncertain(reading);
}

/** Whether an EOF follows is known when it does, or when the next command comes first. */
function endUncertain(reading: Reading): void {
  reading.state.mayEndTwice = reading.state.deprecateEof === undefined;
  close(reading, "complete");
}

/** EOF, where the connection has it between definitions and rows; otherwise the first row. */
function columnsEnd(reading: Reading): void {
  const { packet, entry, state } = reading;
  if (!isOldEof(packet)) {
    state.deprecateEof = true;
    entry.phase = "rows";
    rows(reading);
    return;
  }
  state.deprecateEof = false;
  const completion = readOldEof(packet);
  // The rows stay in the server until they are fetched.
  if ((completion.status & ServerStatus.cursorExists) !== 0) endResult(reading, completion);
  else entry.phase = "rows";
}

function rows(reading: Reading): void {
  const { packet, entry, state } = reading;
  const { bytes, from, size } = packet;
  if (bytes[from] !== EOF || size >= PAYLOAD_BYTES_MAX) {
    if (entry.answer !== "fields") {
      entry.detail.returnedRows = (entry.detail.returnedRows ?? 0) + 1;
    }
    return;
  }
  const completion = isOldEof(packet) ? readOldEof(packet) : readOk(packet, tracks(state));
  if (completion === undefined) mismatch(reading);
  else endResult(reading, completion);
}

function ok(reading: Reading): void {
  const { packet, entry, state } = reading;
  const completion = readOk(packet, tracks(state));
  if (completion === undefined) {
    mismatch(reading);
    return;
  }
  const { detail } = entry;
  if (entry.answer === "result" && completion.affectedRows >= 0) {
    detail.affectedRows = (detail.affectedRows ?? 0) + completion.affectedRows;
  }
  endResult(reading, completion);
}

function tracks({ capabilities }: MysqlState): boolean {
  return capabilities === undefined || (capabilities & Capability.sessionTrack) !== 0;
}

function endResult(reading: Reading, completion: Completion): void {
  const { entry, state } = reading;
  if (entry.answer === "rows") entry.detail.returnedRows ??= 0;
  if ((completion.status & ServerStatus.moreResults) !== 0 && entry.answer === "result") {
    applyStatus(state, completion);
    entry.phase = "first";
  } else finish(reading, completion);
}

/** The answer is whole and the command has succeeded. */
function finish(reading: Reading, completion: Completion): void {
  const { entry, state } = reading;
  const { command } = entry.detail;
  applyStatus(state, completion);
  if (command === Command.changeUser || command === Command.resetConnection) {
    forgetStatements(state);
  }
  if (completion.database === undefined) {
    if (command === Command.changeUser) state.database = entry.nextDatabase;
    else if (entry.nextDatabase !== undefined) state.database = entry.nextDatabase;
  }
  close(reading, "complete");
}

export function applyStatus(state: MysqlState, { status, database }: Completion): void {
  state.inTransaction = (status & ServerStatus.inTransaction) !== 0;
  state.backslash = (status & ServerStatus.noBackslashEscapes) !== 0 ? "literal" : "escape";
  state.doubleQuotes = (status & ServerStatus.ansiQuotes) !== 0 ? "identifier" : "string";
  if (database !== undefined) state.database = database === "" ? undefined : database;
}

function failed(reading: Reading): void {
  const { packet, entry } = reading;
  const failure = readError(packet);
  if (failure === undefined) {
    mismatch(reading);
    return;
  }
  entry.detail.errorCode = failure.code;
  entry.detail.sqlState = failure.sqlState;
  close(reading, "complete");
}

/** OK with the statement's number; definitions of its parameters and columns follow. */
function prepared(reading: Reading): void {
  const { packet, entry, state } = reading;
  const { bytes, from, seen, size } = packet;
  if (bytes[from] !== OK || size < PREPARE_BYTES_MIN || seen - from < PREPARE_BYTES_MIN) {
    mismatch(reading);
    return;
  }
  const { statement } = entry.detail;
  if (statement !== undefined) rememberStatement(state, uint32LE(bytes, from + 1), statement);
  const hasDefinitions = size === PREPARE_BYTES_MIN || bytes[from + PREPARE_BYTES_MIN] !== 0;
  entry.columns = hasDefinitions ? uint16LE(bytes, from + 5) : 0;
  entry.left = hasDefinitions ? uint16LE(bytes, from + 7) : 0;
  entry.phase = "parameters";
  if (entry.left === 0) afterParameters(reading);
}

function afterParameters(reading: Reading): void {
  const { entry } = reading;
  entry.left = entry.columns;
  entry.phase = "prepared";
  if (entry.left === 0) close(reading, "complete");
}

/** EOF behind a block of definitions, or what follows where the connection has none. */
function preparedEnd(reading: Reading): void {
  const { packet, entry, state } = reading;
  const isEof = isOldEof(packet);
  state.deprecateEof = !isEof;
  if (entry.phase === "preparedEnd") {
    if (isEof) close(reading, "complete");
    else mismatch(reading);
    return;
  }
  afterParameters(reading);
  if (!isEof && entry.phase === "prepared" && entry.left > 0) definition(reading);
}

function close(reading: Reading, outcome: Outcome): void {
  const { packet, entry, state, out } = reading;
  state.pending.shift();
  state.proven = true;
  out.frame({ what: "answer", entry, endNs: packet.endNs, outcome });
}

/** This cannot be the answer to the oldest command: some command was not seen. */
export function mismatch({ packet, state, out }: Omit<Reading, "entry">): void {
  // Nothing was paired since the client was taken for one that waits: it does not.
  if (!state.proven) state.pipelines = true;
  out.frame({ what: "givenUp", entries: enterDoubt(state), endNs: packet.endNs, orphan: true });
}
