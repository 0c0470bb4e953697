/**
 * What the stages of this protocol hand to each other. Invariant: nothing here refers to the bytes
 * of a view, and nothing holds a key, a value, a token or a password.
 */
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeStart } from "../contract.ts";
import type { Facts, TopicNames } from "./facts.ts";

export interface KafkaDetail {
  readonly key: number;
  readonly version: number;
  readonly clientId: string | undefined;
  readonly transaction: string | undefined;
  /** Its own, or for a fetch the connection's. */
  group: string | undefined;
  /** A broker that fetches for itself; -1 = a client. */
  readonly replica: number;
  /** Of the first topic; undefined when only its id is known. */
  topic: string | undefined;
  /** 16 bytes as Latin-1 characters. */
  topicId: string | undefined;
  topics: number;
  partitions: number;
  partition: number;
  offset: number | undefined;
  /** undefined: it moves no messages, or their number is not known. */
  messages: number | undefined;
  batches: number | undefined;
  compression: number | undefined;
  cluster: string | undefined;
  /** The first error code that is not 0. */
  error: number;
  /** A fetch that brought neither messages nor an error. */
  empty: boolean;
  /** Fetches before this one that were empty; undefined when that is not known. */
  emptyBefore: number | undefined;
  /** Bytes of the answers were lost while it waited: its own may have been among them. */
  mayBeLost: boolean;
}

export interface RequestFrame extends ExchangeStart<KafkaDetail> {
  readonly kind: "request";
  readonly correlation: number;
  /** acks=0: no answer is due. */
  readonly oneWay: boolean;
  /** False when the rest of it is being skipped. */
  readonly complete: boolean;
  readonly endNs: number;
}

/** The end of a one-way request whose rest was skipped. */
export interface RequestEndFrame {
  readonly kind: "request_end";
  readonly endNs: number;
}

/** What a SASL mechanism says between SaslHandshake 0 and the first request. */
export interface TokenFrame {
  readonly kind: "token";
  readonly isAnswer: boolean;
}

export interface ResponseFrame {
  readonly kind: "response";
  readonly correlation: number;
  readonly endNs: number;
  readonly facts: Facts;
}

export interface OrphanFrame {
  readonly kind: "orphan";
}

export type KafkaFrame = RequestFrame | RequestEndFrame | TokenFrame | ResponseFrame | OrphanFrame;

export interface Pending {
  readonly correlation: number;
  readonly key: number;
  readonly version: number;
  /** undefined for a SASL token. */
  readonly exchange: Exchange<KafkaDetail> | undefined;
}

/** Where parsing of one direction stands. */
export interface Lane {
  /** Bytes were lost: nothing is believed until a frame is found. */
  seeking: boolean;
  /** Told when the rest of its bytes has been skipped. */
  held: ResponseFrame | RequestEndFrame | undefined;
}

export interface KafkaState {
  readonly isServer: boolean;
  readonly request: Lane;
  readonly response: Lane;
  /** Requests without an answer, in the order in which they were sent. */
  readonly pending: Pending[];
  /** A one-way request whose end is not here yet. */
  oneWay: Exchange<KafkaDetail> | undefined;
  /** Behind SaslHandshake 0: frames without a header may follow. */
  tokens: boolean;
  readonly asked: Facts;
  readonly answered: Facts;
  /** Shared by all connections. */
  readonly topicNames: TopicNames;
  cluster: string | undefined;
  /** The consumer group of whose membership this connection speaks. */
  group: string | undefined;
  /** Since the last fetch that brought something; undefined after a loss. */
  emptyFetches: number | undefined;
}
