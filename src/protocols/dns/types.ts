/** What the files of this protocol share. */
import type { Exchange } from "../../model/exchange.ts";

/** RFC 1035 4.1.1. */
export interface Header {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly authenticated: boolean;
  /** The low four bits of the code; EDNS brings the rest. */
  readonly code: number;
  readonly questions: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additions: number;
}

/** In an update the zone (RFC 2136 2.3). */
export interface Question {
  /** As it was sent, without the dot at its end; "." is the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** What the records of a message say. */
export interface Records {
  readonly addresses: readonly string[];
  /** Other answers as text, the type first. */
  readonly others: readonly string[];
  /** Of the type SOA among the answers: serial of the first, and whether the last record is one. */
  readonly firstSerial: number | undefined;
  readonly lastSerial: number | undefined;
  /** Of the OPT record (RFC 6891 6.1.3): the high eight bits of the code. */
  readonly codeHigh: number;
  /** RFC 8914. */
  readonly extendedError: number | undefined;
  /** Not all records could be read: the message was cut. */
  readonly partial: boolean;
}

export interface DnsFrame {
  readonly header: Header;
  readonly question: Question | undefined;
  /** Of a response. */
  readonly records: Records | undefined;
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
}

/** The first message of an answer. */
export interface Answer {
  readonly header: Header;
  readonly records: Records;
}

export interface DnsDetail {
  readonly header: Header;
  readonly question: Question | undefined;
  /** The question was sent again, with the same id, while it was open. */
  resends: number;
  /** Bytes were lost while it was open: no answer says nothing. */
  doubtful: boolean;
  answer: Answer | undefined;
  /** Of a zone transfer: the version that it leads to. */
  firstSerial: number | undefined;
  /** Messages of the answer: a zone transfer has several. */
  messages: number;
  /** Answers in all of them. */
  answerCount: number;
}

export interface DnsState {
  /** TCP: one answer may take several messages. */
  readonly isStream: boolean;
  /** Open exchanges by id and question. */
  readonly pending: Map<string, Exchange<DnsDetail>>;
}
