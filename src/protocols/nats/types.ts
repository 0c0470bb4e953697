/**
 * What the NATS protocol keeps of a connection. Invariant: everything here is bounded by
 * natsLimits, and nothing holds a credential, a payload or a header but the trace context and the
 * message's id.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";

/**
 * publish: a message. request: one with a reply subject of this connection. pull: a request for
 * messages of a JetStream consumer. delivery: MSG. settle: an acknowledgement that is itself
 * confirmed. connect: CONNECT. notice: -ERR.
 */
export type Kind = "publish" | "request" | "pull" | "delivery" | "settle" | "connect" | "notice";

export interface NatsDetail {
  kind: Kind;
  operation: string;
  readonly subject: string;
  /** Of a delivery: what was subscribed to. */
  readonly pattern: string;
  /** Queue group, or the JetStream consumer. */
  readonly group: string;
  /** Stream of JetStream, where it is named. */
  readonly stream: string;
  readonly bodyBytes: number | undefined;
  readonly messageId: string;
  readonly redelivered: boolean;
  settlement: string;
  /** A pull found no message. */
  empty: boolean;
  /** Why it failed; "" = it did not. */
  code: string;
  text: string;
  /** When the message itself had come or gone; CLOCK_MONOTONIC ns. */
  readonly messageNs: number;
}

export type NatsExchange = Exchange<NatsDetail>;

export type Operation =
  | "INFO"
  | "CONNECT"
  | "PUB"
  | "HPUB"
  | "SUB"
  | "UNSUB"
  | "MSG"
  | "HMSG"
  | "PING"
  | "PONG"
  | "+OK"
  | "-ERR"
  | "END";

/** A control line, with what is read of the message behind it. */
export interface NatsFrame {
  /** END: the direction has ended. */
  readonly operation: Operation;
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly subject: string;
  readonly reply: string;
  readonly sid: string;
  /** SUB: queue group. -ERR: its text. */
  readonly text: string;
  readonly bodyBytes: number;
  /** First bytes of the payload of what can be an acknowledgement or an answer. */
  readonly head: string;
  readonly headers: Headers;
  /** CONNECT. */
  readonly verbose: boolean;
}

export interface Headers {
  /** Of the status line; "" = none. */
  readonly status: string;
  readonly description: string;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly messageId: string;
  /** Nats-Service-Error-Code. */
  readonly errorCode: string;
}

export interface Subscription {
  readonly subject: string;
  readonly queue: string;
  /** Whether messages with a reply subject are answered or acknowledged. */
  answers: boolean | undefined;
  /** Of them, those that wait while that is undefined. */
  unanswered: number;
  received: number;
  /** By UNSUB: how many it takes altogether; Infinity = no limit. */
  most: number;
}

/** A message that was delivered with a reply subject. */
export interface Delivered {
  readonly exchange: NatsExchange;
  readonly sid: string;
}

/** Pull requests with one inbox. */
export interface Pull {
  exchange: NatsExchange | undefined;
  /** Two were under way at once: whose a message is cannot be told. */
  overlaps: boolean;
  /** One may have been lost: the next answer may be its. */
  unsure: boolean;
}

export interface NatsState {
  readonly midstream: boolean;
  /** Requests may have been sent that were not seen. */
  missed: boolean;
  readonly passing: Record<Side, NatsFrame | undefined>;
  readonly subscriptions: Map<string, Subscription>;
  /** How many inboxes that is known for, exactly and by a wildcard at the end. */
  readonly subjects: Map<string, number>;
  /** Requests by their reply subjects. */
  readonly requests: Map<string, NatsExchange>;
  /** Messages by the subjects on which they are to be answered. */
  readonly delivered: Map<string, Delivered>;
  readonly pulls: Map<string, Pull>;
  connect: NatsExchange | undefined;
  verbose: boolean;
  /** What +OK is due for, in order; undefined where no exchange waits for it. */
  readonly due: (NatsExchange | undefined)[];
  /** Some +OK or what it answers were lost. */
  dueUnsure: boolean;
  /** A PING whose PONG ends that. */
  pings: number;
  open: number;
}
