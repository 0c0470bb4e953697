/**
 * What the PostgreSQL protocol keeps of a connection. Invariant: everything here is bounded by
 * postgresqlLimits, and nothing holds a password, a parameter's value or a row.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { Ordered } from "../doubt.ts";
import type { Backslash, SqlDescription } from "../sql/index.ts";

export const postgresqlLimits = {
  /** Longest part of a message that must be seen at once: a text with its header and name. */
  frameBytesMax: 12_288,
  inFlightMax: 1_024,
  /** Messages of one connection that wait for their answers. */
  pendingMax: 4_096,
  /** The server refuses a longer start-up packet (MAX_STARTUP_PACKET_LENGTH). */
  startupBytesMax: 10_000,
  /** Of a statement's or portal's name; longer names are cut. */
  nameBytesMax: 256,
  /** Of a start-up parameter's value. */
  parameterCharsMax: 128,
  /** Prepared statements of one connection, and the characters of their texts together. */
  statementsMax: 512,
  statementCharsMax: 131_072,
  portalsMax: 512,
  /** Of an ErrorResponse: its code stands before the message, the rest is not read. */
  errorBytesMax: 1_024,
  tagBytesMax: 256,
} as const;

/** The text of a simple query or of Parse; the raw text is let go when it is described. */
export interface Statement {
  readonly description: SqlDescription;
  /** At most so many characters are kept of it. */
  readonly chars: number;
  /** The text was longer than what is kept of one. */
  readonly truncated: boolean;
}

export interface Failure {
  readonly sqlState: string;
  /** CommandComplete did not come because of this; CLOCK_MONOTONIC ns of its last byte. */
  readonly endNs: number;
}

export type TransactionStatus = "idle" | "active" | "failed";

/**
 * query: a simple query. execute: one Execute of the extended protocol. prepare: Parse, Bind or
 * Describe without Execute. The other two are messages of their own.
 */
export type Operation = "query" | "execute" | "prepare" | "functionCall" | "cancel";

export interface PostgresqlDetail {
  readonly operation: Operation;
  /** undefined when it was prepared before capture began, or was lost. */
  readonly statement: Statement | undefined;
  /** The database of the start-up packet; the user's name when it names none. */
  readonly database: string | undefined;
  readonly applicationName: string | undefined;
  /** Status before the request; undefined when other requests are still unanswered. */
  readonly transaction: TransactionStatus | undefined;
  /** Set while the answer arrives. */
  sqlState: string | undefined;
  returnedRows: number | undefined;
  affectedRows: number | undefined;
  /** The server skipped it because something before it in the pipeline had failed. */
  aborted: boolean;
}

/** One message that matters to pairing. Bodies that do not matter make no frame. */
export interface PostgresqlFrame {
  /** Of Frontend or Backend, by the side. */
  readonly type: number;
  readonly startNs: number;
  /** Of the last byte that was looked at: the message's last one except for long bodies. */
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  /** Name of a statement (Parse, Close S, Describe S) or portal; "" is the unnamed one. */
  readonly name: string;
  /** Bind: the statement's name. Close, Describe: "S" or "P". */
  readonly target: string;
  /** Query, Parse: text. CommandComplete: tag. ReadyForQuery: status. Error: SQLSTATE. */
  readonly text: string;
  /** Query, Parse: the text is only the beginning. Error: the connection ends (FATAL, PANIC). */
  readonly flag: boolean;
}

/** Messages that belong to one Execute, or to none when Sync or Flush comes first. */
export interface Group {
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  statement: Statement | undefined;
  /** A traceparent in the comment of a text that came with this group. */
  traceparent: string | undefined;
  exchange: Exchange<PostgresqlDetail> | undefined;
  /** One of its messages failed before the exchange was opened. */
  failure: Failure | undefined;
  /** Messages of the group without an answer. */
  unanswered: number;
}

export type PendingKind =
  | "startup"
  | "query"
  | "functionCall"
  | "parse"
  | "bind"
  | "describe"
  | "close"
  | "execute"
  | "sync";

/** A request message that the server has not answered. */
export interface Pending {
  readonly kind: PendingKind;
  readonly group: Group | undefined;
  /** query, functionCall: what the answer belongs to. The others have it in their group. */
  exchange: Exchange<PostgresqlDetail> | undefined;
  /** parse: the statement's name, and what the name meant before, for when Parse fails. */
  readonly name: string;
  readonly previous: Statement | undefined;
}

/** What the entry's answer belongs to, which the entry and its group then forget. */
export function takeExchange(entry: Pending): Exchange<PostgresqlDetail> | undefined {
  const exchange = entry.group === undefined ? entry.exchange : entry.group.exchange;
  entry.exchange = undefined;
  if (entry.group !== undefined) entry.group.exchange = undefined;
  return exchange;
}

/**
 * Why answers cannot be paired for now. joined: capture began in the middle. request, response:
 * bytes of that side were lost. See doubt.ts.
 */
export type Doubt = "joined" | "request" | "response";

/** A request's shape, or an answer's. */
export interface Shape {
  parses: number;
  binds: number;
  /** First word of the only statement or of the first tag; "" when it says nothing. */
  verb: string;
  /** An error: the rest of the answer does not come. */
  failed: boolean;
}

export interface InStep {
  readonly order: Ordered;
  asking: Shape;
  answering: Shape;
}

export interface PostgresqlState {
  /** SSLRequest and GSSENCRequest whose one-byte answer is due. */
  encryptionAnswers: number;
  /** DataRow messages since the last statement ended. */
  rows: number;
  /** By the server's standard_conforming_strings; unknown while answers may have been missed. */
  backslash: Backslash;
  /** The user's name when the start-up packet names no database. */
  database: string | undefined;
  applicationName: string | undefined;
  /** Of the last ReadyForQuery. */
  transaction: TransactionStatus | undefined;

  readonly statements: Map<string, Statement>;
  /** Characters of the texts in statements. */
  statementChars: number;
  /** Names prepared in doubt: whether Parse succeeded is known at the next ReadyForQuery. */
  readonly unconfirmed: Set<string>;
  readonly portals: Map<string, Statement | undefined>;

  readonly pending: Pending[];
  /** Pending entries that ReadyForQuery answers. */
  pendingSyncs: number;
  group: Group | undefined;
  /** The server discards requests until the next Sync. */
  skipping: boolean;
  /** The server reads CopyData; it ignores Sync until CopyDone or CopyFail. */
  copyIn: boolean;
  /** An answer was seen that belongs to no known request. */
  strayAnswer: boolean;

  doubt: Doubt | undefined;
  /** Joined in the middle: what must be shown of a client that asks from an event loop. */
  inStep: InStep | undefined;
  /** The client sends requests without waiting for ReadyForQuery. */
  pipelines: boolean;
  /** resync() has passed over answer bytes since the last loss or request that ended a doubt. */
  answerDropped: boolean;
  /** The last request message was one that ReadyForQuery answers. */
  atBoundary: boolean;
  /** While in doubt: requests seen that ReadyForQuery has not answered. */
  outstanding: number;
}
