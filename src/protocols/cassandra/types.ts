/**
 * What the CQL protocol keeps of a connection. Invariant: everything here is bounded by
 * cassandraLimits, and nothing holds a value, a row or what proves who somebody is.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { SqlDescription } from "../sql/index.ts";
import type { Framing } from "./segments.ts";

/** A text described at once: the raw text is not kept. */
export interface Statement {
  readonly description: SqlDescription;
  /** The text was longer than what is kept of one. */
  readonly truncated: boolean;
  /** Of a prepared one: what the server says that it is about. */
  readonly keyspace: string | undefined;
  readonly table: string | undefined;
}

/** One statement of a request: its text, or the id of a prepared one. */
export interface Asked {
  readonly text: string;
  readonly truncated: boolean;
  /** "" when it is a text. */
  readonly id: string;
  /** Values are sent beside the text. */
  readonly bound: boolean;
}

export interface Request {
  /** QUERY, PREPARE, EXECUTE: one. BATCH: as many as are looked at. */
  readonly statements: readonly Asked[];
  /** Of a batch, however many are looked at; undefined for everything else. */
  readonly batchSize: number | undefined;
  readonly consistency: string | undefined;
  readonly pageSize: number | undefined;
  /** Version 5: sent with the request. */
  readonly keyspace: string | undefined;
  /** STARTUP: APPLICATION_NAME. */
  readonly applicationName: string | undefined;
}

export interface Response {
  readonly code: number | undefined;
  readonly rows: number | undefined;
  readonly warnings: number;
  /** SetKeyspace. */
  readonly newKeyspace: string | undefined;
  /** Prepared. */
  readonly preparedId: string | undefined;
  /** What the metadata says that rows, or a prepared statement, are of. */
  readonly keyspace: string | undefined;
  readonly table: string | undefined;
}

export interface RequestFrame {
  readonly kind: "request";
  readonly opcode: number;
  readonly stream: number;
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly request: Request;
}

export interface ResponseFrame {
  readonly kind: "response";
  readonly opcode: number;
  readonly stream: number;
  readonly endNs: number;
  /** False: the rest of the message is passed over, and a frame of kind "rest" ends it. */
  readonly whole: boolean;
  readonly response: Response;
}

/** rest: the last byte of a passed-over message. gap: messages were in it that nobody saw. */
export interface OtherFrame {
  readonly kind: "rest" | "gap" | "ended";
  readonly endNs: number;
}

export type CassandraFrame = RequestFrame | ResponseFrame | OtherFrame;

export interface CassandraDetail {
  readonly opcode: number;
  readonly statement: Statement | undefined;
  readonly batchSize: number | undefined;
  readonly consistency: string | undefined;
  readonly pageSize: number | undefined;
  readonly applicationName: string | undefined;
  namespace: string | undefined;
  collection: string | undefined;
  /** Set while the answer arrives. */
  code: number | undefined;
  rows: number | undefined;
  warnings: number;
  /** Its answer may have been lost: that none came says nothing. */
  doubtful: boolean;
}

export interface Pending {
  readonly exchange: Exchange<CassandraDetail>;
  /** Since it was asked, requests were lost: one of them may have had the same stream. */
  requestsLost: boolean;
}

/** Answered after a loss of answers: true once the next request shows that none was lost. */
export interface Candidate {
  readonly exchange: Exchange<CassandraDetail>;
  readonly endNs: number;
}

/** What is under way in one direction. */
export interface Lane {
  /** Bytes of an envelope that come in further segments. */
  remaining: number;
  /** What to say when what is skipped has passed. */
  afterSkip: "nothing" | "rest" | "gap";
}

export interface CassandraState {
  framing: Framing;
  /** How messages come, is to be found out by the next ones. */
  framingUnknown: boolean;
  /** STARTUP's COMPRESSION; undefined while no STARTUP was seen. */
  compression: "none" | "lz4" | "snappy" | undefined;
  readonly lanes: Readonly<Record<"request" | "response", Lane>>;
  keyspace: string | undefined;
  applicationName: string | undefined;
  readonly pending: Map<number, Pending>;
  readonly candidates: Candidate[];
  /** The answer whose rest is being passed over. */
  answering: Exchange<CassandraDetail> | undefined;
  readonly prepared: Map<string, Statement>;
  preparedChars: number;
  /** Texts that came with values, as they are told: programs send the same ones again. */
  readonly boundTexts: Map<string, SqlDescription>;
}
