/**
 * What the MySQL protocol keeps of a connection. Invariant: everything here is bounded by
 * mysqlLimits, and nothing holds a password, a parameter's value, a row or a file's name.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import type { Backslash, SqlDescription, SqlDialect } from "../sql/index.ts";
import type { AnswerKind } from "./packets.ts";

/** A text, described at once: the raw text is not kept. */
export interface Statement {
  readonly description: SqlDescription;
  /** The text was longer than what is kept of one. */
  readonly truncated: boolean;
  /** Values that each execution sends; counted when it is first asked for. */
  parameters: number | undefined;
}

export interface MysqlDetail {
  readonly command: number;
  /** undefined when it was prepared before capture began, or was lost. */
  readonly statement: Statement | undefined;
  /** Sets of parameters that one command executes it with; undefined when that is not known. */
  readonly sets: number | undefined;
  readonly isMariaDb: boolean;
  readonly database: string | undefined;
  /** program_name of the client's connection attributes. */
  readonly program: string | undefined;
  /** Sent in a transaction, as the answer before said; undefined when that is not known. */
  readonly inTransaction: boolean | undefined;
  /** Set while the answer arrives. */
  errorCode: number | undefined;
  sqlState: string | undefined;
  returnedRows: number | undefined;
  affectedRows: number | undefined;
}

/** Where in an answer the next packet stands. */
export type Phase =
  | "first"
  /** Definitions of columns, of which `left` are to come. */
  | "columns"
  /** EOF, where the connection has it, or the first row. */
  | "columnsEnd"
  | "rows"
  /** Definitions behind the answer to a prepare, of which `left` are to come. */
  | "parameters"
  | "parametersEnd"
  | "prepared"
  | "preparedEnd"
  /** The client sends a file. */
  | "infile";

/** A command, and how far its answer has come. */
export interface Entry {
  readonly answer: AnswerKind;
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly detail: MysqlDetail;
  /** COM_INIT_DB, COM_CHANGE_USER, or a USE: what the database is when it succeeds. */
  readonly nextDatabase: string | undefined;
  /** All answers were pairable when it was sent; otherwise it is told as truncated at once. */
  readonly pairable: boolean;
  exchange: Exchange<MysqlDetail> | undefined;
  phase: Phase;
  left: number;
  /** Of a prepare: definitions of columns that follow those of parameters. */
  columns: number;
  /** The sequence number of the answer's next packet. */
  sequence: number;
}

/** What match() has to do. */
export type MysqlFrame =
  | { readonly what: "request"; readonly entry: Entry; readonly endNs: number }
  | {
      readonly what: "answer";
      readonly entry: Entry;
      readonly endNs: number;
      readonly outcome: Outcome;
    }
  /** These can no longer be paired; orphan: what was seen answered none of them. */
  | {
      readonly what: "givenUp";
      readonly entries: readonly Entry[];
      readonly endNs: number;
      readonly orphan: boolean;
    };

/** What a server has said of itself before TLS began, or before a client answered. */
export interface Greeting {
  readonly capabilities: number;
  readonly isMariaDb: boolean;
  readonly backslash: Backslash;
}

/** The bytes of a direction behind its compression. */
export interface Inner {
  bytes: Uint8Array;
  start: number;
  end: number;
  skip: number;
}

/** Per direction: a payload that goes on in the next packet. */
export interface SideState {
  continues: boolean;
  readonly inner: Inner;
  /** The sequence number of the next compressed packet; -1 = any. */
  outerSequence: number;
}

/** opening: greeting and authentication. commands: the rest. */
export type Stage = "opening" | "commands";

export interface MysqlState {
  stage: Stage;
  greeting: Greeting | undefined;
  /** Of both ends; undefined when the opening was not seen. */
  capabilities: number | undefined;
  /** undefined: not seen yet which style the connection has. */
  deprecateEof: boolean | undefined;
  /** undefined: not known yet, because the opening was not seen. */
  compressed: boolean | undefined;
  isMariaDb: boolean;
  database: string | undefined;
  program: string | undefined;
  backslash: Backslash;
  doubleQuotes: SqlDialect["doubleQuotes"];
  inTransaction: boolean | undefined;

  readonly sides: Readonly<Record<Side, SideState>>;
  readonly statements: Map<number, Statement>;
  statementChars: number;
  /** What MariaDB's statement number -1 means. */
  lastPrepared: Statement | undefined;

  pending: Entry[];
  /** An answer has ended that an EOF may follow, because the style is not known. */
  mayEndTwice: boolean;
  /** Answers cannot be paired. See doubt.ts. */
  doubt: boolean;
  /** The client sends commands without waiting for answers. */
  pipelines: boolean;
  /** An answer was paired since the last doubt. */
  proven: boolean;
}
