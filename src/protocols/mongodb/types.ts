/**
 * What the MongoDB protocol keeps of a connection. Invariant: names, counts and codes only; no
 * document, and nothing of what a client sent to prove who it is.
 */
import type { Exchange } from "../../model/exchange.ts";

/** What a request asks for. */
export interface Command {
  /** As the client wrote it: find, insert; of the old opcodes the command that took its place. */
  readonly operation: string | undefined;
  readonly namespace: string | undefined;
  readonly collection: string | undefined;
  /** Statements of a write: documents, updates, deletes, ops. */
  readonly statements: number | undefined;
  /** Of a hello: client.application.name. */
  readonly applicationName: string | undefined;
  /** OP_QUERY or OP_GET_MORE for documents: the reply holds them, and no command's fields. */
  readonly forDocuments: boolean;
}

/** What an answer says. */
export interface Reply {
  /** Of the failure, of the first write that failed, or of the write concern. */
  readonly code: number | undefined;
  /** ok was 0, whether or not a code stood beside it. */
  readonly failed: boolean;
  readonly returned: number | undefined;
  readonly affected: number | undefined;
  /** What OP_REPLY's own header says; its documents may be anybody's. */
  readonly header: ReplyHeader | undefined;
}

export interface ReplyHeader {
  readonly code: number | undefined;
  readonly failed: boolean;
  readonly returned: number;
  /** Exhaust queries end with cursor 0. */
  readonly cursorOpen: boolean;
}

export interface RequestFrame {
  readonly kind: "request";
  readonly id: number;
  readonly startNs: number;
  /** Of the last byte that was looked at. */
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  /** False: the rest of the message is passed over, and a frame of kind "rest" ends it. */
  readonly whole: boolean;
  /** False: compressed in a way that could not be undone; whether it is answered is not known. */
  readonly readable: boolean;
  /** No answer is due. */
  readonly oneWay: boolean;
  /** OP_QUERY with the exhaust bit: replies follow until the cursor is 0. */
  readonly exhaust: boolean;
  readonly command: Command;
}

export interface ResponseFrame {
  readonly kind: "response";
  readonly id: number;
  readonly responseTo: number;
  readonly endNs: number;
  readonly whole: boolean;
  /** Another answer follows unasked. */
  readonly more: boolean;
  readonly reply: Reply;
}

/** The last byte of a message that was passed over. */
export interface RestFrame {
  readonly kind: "rest";
  readonly endNs: number;
}

export type MongodbFrame = RequestFrame | ResponseFrame | RestFrame;

export interface MongodbDetail {
  readonly command: Command;
  /** Of the hello that opened the connection. */
  readonly applicationName: string | undefined;
  /** Set while the answer arrives. */
  code: number | undefined;
  failed: boolean;
  returned: number | undefined;
  affected: number | undefined;
  /** Its answer may have been lost, or none may be due: that none came says nothing. */
  doubtful: boolean;
}

export interface Pending {
  readonly exchange: Exchange<MongodbDetail>;
  readonly exhaust: boolean;
}

export interface MongodbState {
  /** By the id that their answer names. */
  readonly pending: Map<number, Pending>;
  /** Id of the last message of a stream of answers that nobody waits for (a streaming hello). */
  pushed: number | undefined;
  /** Exchanges whose last message is being passed over. */
  requestRest: Exchange<MongodbDetail> | undefined;
  responseRest: Exchange<MongodbDetail> | undefined;
  /** Some pending ones are doubtful: the next request ends their wait. */
  hasDoubtful: boolean;
  applicationName: string | undefined;
}
