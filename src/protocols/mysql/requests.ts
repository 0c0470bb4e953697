/**
 * Commands (MySQL internals manual, "Command Phase"). Invariant: each command that has an answer
 * becomes exactly one entry; this depends on the request bytes alone, so that both ends of a
 * connection count alike.
 */
import { textOf } from "../../lib/bytes.ts";
import { type FrameSink, ParseError, type ParseStatus } from "../contract.ts";
import { sqlLimits, traceparentOf } from "../sql/index.ts";
import { readAttributes } from "./attributes.ts";
import { bulkSets } from "./bulk.ts";
import { enterDoubt, forgetWhatChanges, leaveDoubt } from "./doubt.ts";
import { databaseOf, readChangeUser } from "./handshake.ts";
import { mysqlLimits } from "./limits.ts";
import { Capability, Command, commandFacts, type Packet, uint32LE } from "./packets.ts";
import {
  forgetStatement,
  LAST_PREPARED,
  parametersOf,
  statementOf,
  usedDatabase,
} from "./statements.ts";
import type { Entry, MysqlDetail, MysqlFrame, MysqlState, Phase, Statement } from "./types.ts";

type Sink = FrameSink<MysqlFrame>;

const EXECUTE_BYTES = 10;
const FLAG_PARAMETER_COUNT = 0x08;

/** How much of a command's payload has to be there at once. */
export function commandBytes(command: number, size: number): number {
  switch (command) {
    case Command.query:
    case Command.stmtPrepare:
      return Math.min(size, 1 + mysqlLimits.attributesBytesMax + sqlLimits.textMax);
    case Command.stmtExecute:
      return Math.min(size, EXECUTE_BYTES + mysqlLimits.attributesBytesMax);
    case Command.stmtBulkExecute:
      return size <= mysqlLimits.bulkBytesMax ? size : EXECUTE_BYTES;
    case Command.initDb:
    case Command.changeUser:
      return Math.min(size, mysqlLimits.handshakeBytesMax);
    default:
      return Math.min(size, EXECUTE_BYTES);
  }
}

interface Read {
  readonly statement?: Statement | undefined;
  readonly nextDatabase?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** Of parameters, in one command. */
  readonly sets?: number | undefined;
  /** It belongs to the prepare before it. */
  readonly follows?: boolean;
}

/** A command of which commandBytes() are there; < 0 = it cannot be one. */
export function readCommand(packet: Packet, state: MysqlState, out: Sink): ParseStatus {
  const { bytes, from, size } = packet;
  const command = bytes[from] ?? 0;
  const facts = commandFacts(command);
  if (facts === undefined) return ParseError.malformed;
  if (hasId(command) && size < 5) return ParseError.malformed;
  if (facts.answer === "none") {
    if (command === Command.stmtClose) forgetStatement(state, uint32LE(bytes, from + 1));
    return 1;
  }
  push(packet, read(command, packet, state), { state, out });
  return 1;
}

function hasId(command: number): boolean {
  return (
    (command >= Command.stmtExecute && command <= Command.stmtReset) ||
    command === Command.stmtFetch ||
    command === Command.stmtBulkExecute
  );
}

function read(command: number, packet: Packet, state: MysqlState): Read {
  const { bytes, from, seen } = packet;
  switch (command) {
    case Command.query:
      return readQuery(packet, state);
    case Command.stmtPrepare: {
      const statement = readText(packet, from + 1, { state, prepared: true });
      state.lastPrepared = statement;
      return { statement };
    }
    case Command.stmtExecute:
      return { ...identified(bytes, from, state), ...readExecute(packet) };
    case Command.stmtBulkExecute:
      return readBulk(packet, state);
    case Command.stmtFetch:
    case Command.stmtReset:
      return identified(bytes, from, state);
    case Command.initDb:
      return { nextDatabase: databaseOf(bytes, from + 1, seen) };
    case Command.changeUser: {
      const said = readChangeUser({ bytes, from: from + 1, end: seen }, state.capabilities);
      return { nextDatabase: said.database };
    }
    default:
      return {};
  }
}

function identified(bytes: Uint8Array, from: number, state: MysqlState): Read {
  const id = uint32LE(bytes, from + 1);
  if (id === LAST_PREPARED) return { statement: state.lastPrepared, follows: true };
  return { statement: state.statements.get(id) };
}

function readBulk({ bytes, from, seen, size }: Packet, state: MysqlState): Read {
  const said = identified(bytes, from, state);
  const { statement } = said;
  if (statement === undefined || statement.truncated || seen < from + size) return said;
  return { ...said, sets: bulkSets(bytes, { from, end: seen }, parametersOf(statement, state)) };
}

function readExecute({ bytes, from, seen, size }: Packet): Read {
  if (size < EXECUTE_BYTES || ((bytes[from + 5] ?? 0) & FLAG_PARAMETER_COUNT) === 0) return {};
  const place = { from: from + EXECUTE_BYTES, end: seen, hasSets: false };
  const attributes = readAttributes(bytes, place);
  return { traceparent: attributes?.traceparent, tracestate: attributes?.tracestate };
}

/** Where the opening was not seen, the attributes' count tells: no text begins so. */
function readQuery(packet: Packet, state: MysqlState): Read {
  const { bytes, from, seen } = packet;
  const known = state.capabilities;
  const mayHave = known === undefined || (known & Capability.queryAttributes) !== 0;
  const place = { from: from + 1, end: seen, hasSets: true };
  const attributes = mayHave ? readAttributes(bytes, place) : undefined;
  const textFrom = attributes?.end ?? from + 1;
  const statement = readText(packet, textFrom, { state, prepared: false });
  const { description } = statement;
  const mayUse = description.statements === 1 && !beginsWithOtherWord(lastText);
  const nextDatabase = mayUse ? usedDatabase(statement) : undefined;
  return {
    statement,
    nextDatabase,
    traceparent: attributes?.traceparent ?? traceparentOf(lastText),
    tracestate: attributes?.tracestate,
  };
}

/** Its first letter alone says that the statement is not USE. */
function beginsWithOtherWord(text: string): boolean {
  const letter = text.length === 0 ? 0 : text.charCodeAt(0) | 0x20;
  return letter >= 0x61 && letter <= 0x7a && letter !== 0x75;
}

/** Of the text that readText() has decoded last: only its comment is still wanted. */
let lastText = "";

function readText(
  { bytes, from, seen, size }: Packet,
  textFrom: number,
  { state, prepared }: { readonly state: MysqlState; readonly prepared: boolean },
): Statement {
  const limit = Math.min(seen, textFrom + sqlLimits.textMax);
  const truncated = limit < from + size;
  const end = truncated ? wholeCharacters(bytes, textFrom, limit) : limit;
  lastText = textOf(bytes, textFrom, end);
  return statementOf(lastText, state, { prepared, truncated });
}

/** `end`, or the beginning of the UTF-8 sequence that does not end before it. */
function wholeCharacters(bytes: Uint8Array, from: number, end: number): number {
  let lead = end - 1;
  while (lead > from && end - lead < 4 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead--;
  const first = bytes[lead] ?? 0;
  const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return lead + length > end ? lead : end;
}

const firstPhases: Readonly<Partial<Record<Entry["answer"], Phase>>> = {
  rows: "rows",
  fields: "rows",
};

interface Context {
  readonly state: MysqlState;
  readonly out: Sink;
}

function push(packet: Packet, said: Read, { state, out }: Context): void {
  const { bytes, from, startNs, endNs, tid, eventLoop, sequence } = packet;
  const command = bytes[from] ?? 0;
  const follows = said.follows === true;
  settle(state, follows);
  const { statement, traceparent, tracestate, nextDatabase } = said;
  const answer = commandFacts(command)?.answer ?? "ok";
  const detail: MysqlDetail = {
    command,
    statement,
    sets: said.sets,
    isMariaDb: state.isMariaDb,
    database: state.database,
    program: state.program,
    inTransaction: state.pending.length === 0 ? state.inTransaction : undefined,
    errorCode: undefined,
    sqlState: undefined,
    returnedRows: undefined,
    affectedRows: undefined,
  };
  const entry: Entry = {
    answer,
    startNs,
    tid,
    eventLoop,
    traceparent,
    tracestate,
    nextDatabase,
    detail,
    pairable: !state.doubt,
    exchange: undefined,
    phase: firstPhases[answer] ?? "first",
    left: 0,
    columns: 0,
    sequence: (sequence + 1) & 0xff,
  };
  if (state.doubt) forgetWhatChanges(state, entry);
  else state.pending.push(entry);
  out.frame({ what: "request", entry, endNs });
  if (state.pending.length <= mysqlLimits.pendingMax) return;
  out.frame({ what: "givenUp", entries: enterDoubt(state), endNs, orphan: false });
  state.pipelines = true;
}

/** What a new command says about the answers to those before it. */
function settle(state: MysqlState, follows: boolean): void {
  if (state.doubt) {
    // The answer to its prepare, which perhaps was not seen, comes first.
    if (!state.pipelines && !follows) leaveDoubt(state);
    return;
  }
  const last = state.pending.at(-1);
  if (last === undefined) {
    if (state.mayEndTwice) state.deprecateEof = true;
    state.mayEndTwice = false;
  } else if (!follows || last.answer !== "prepare") state.pipelines = true;
}
