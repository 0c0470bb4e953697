/**
 * What the AMQP 0-9-1 protocol keeps of a connection. Invariant: everything here is bounded by
 * amqpLimits, and nothing holds a credential, a body or a header but the trace context.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";

/**
 * publish: basic.publish. delivery: basic.deliver. get: basic.get with its message. settle: an
 * acknowledgement of a message that was got. returned: basic.return. method: a synchronous method.
 * notice: what the server says of itself and nobody answers.
 */
export type Kind = "publish" | "delivery" | "get" | "settle" | "returned" | "method" | "notice";

export type Settlement = "ack" | "nack" | "reject";

export interface AmqpDetail {
  readonly kind: Kind;
  /** As the protocol names it: publish, deliver, get, queue.declare. */
  readonly operation: string;
  exchange: string;
  routingKey: string;
  queue: string;
  deliveryTag: number | undefined;
  messageId: string;
  correlationId: string;
  bodyBytes: number | undefined;
  redelivered: boolean;
  /** basic.get found no message. */
  empty: boolean;
  /** How a delivery was acknowledged, or a publish confirmed. */
  settlement: Settlement | undefined;
  /** The message goes back to its queue. */
  requeued: boolean;
  /** Why it failed: the reply code of channel.close, connection.close or basic.return; "" = not. */
  code: string;
  text: string;
  /** Holds its index and makes no span unless it fails: the exchange before it says what failed. */
  quiet: boolean;
}

export type AmqpExchange = Exchange<AmqpDetail>;

export interface Properties {
  readonly bodyBytes: number;
  readonly messageId: string;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** The arguments of a method that matter to somebody; the others are passed over. */
export interface Arguments {
  queue: string;
  exchange: string;
  routingKey: string;
  consumerTag: string;
  deliveryTag: number;
  bits: number;
  code: number;
  text: string;
  /** Of close: the method that failed. */
  failed: number;
}

export interface AmqpFrame {
  readonly channel: number;
  /** Class and method; 0 for a content header or a piece of a body. */
  readonly method: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly arguments: Arguments | undefined;
  readonly properties: Properties | undefined;
  /** Of a piece of a body. */
  readonly bodyBytes: number;
}

/** A message whose method was seen, and whose header and body follow on its channel. */
export interface Content {
  readonly frame: AmqpFrame;
  readonly arguments: Arguments;
  exchange: AmqpExchange | undefined;
  /** Of a published message: its number among those that are confirmed. */
  readonly tag: number | undefined;
  /** Of the body; undefined before the header. */
  missing: number | undefined;
}

/** A synchronous method whose answer is due. */
export interface Pending {
  readonly method: number;
  readonly exchange: AmqpExchange;
  readonly arguments: Arguments;
}

export interface Consumer {
  readonly queue: string;
  /** undefined until an acknowledgement shows it: the consumer was begun before capture. */
  acknowledges: boolean | undefined;
  /** Of the first and the last delivery while that is undefined. */
  readonly firstTag: number;
  lastTag: number;
}

/**
 * Publisher confirms: a confirm names the place of a message among those published on the channel
 * since confirm.select, so all of them have to be counted.
 */
export interface Confirms {
  mode: "off" | "on" | "unknown";
  /** Of the next message; undefined while the count is not known. */
  nextTag: number | undefined;
  /** By their tags, ascending. */
  readonly open: Map<number, AmqpExchange>;
  /** While the count is not known: messages since the last confirm, and its tag. */
  sinceConfirm: number;
  lastTag: number | undefined;
  /** How its client began was not seen. */
  readonly isJoined: boolean;
  /** It was seen to publish from an event loop, or a server's read by one. */
  isLoop: boolean;
  /** When the last confirm came. */
  confirmedNs: number;
  /**
   * Since the last confirm, and before another message, a method was asked; it was answered, or
   * nothing moved for long.
   */
  asked: boolean;
  calm: boolean;
  /** Several messages were seen to wait for their confirms at once: the count is not learnt. */
  pipelines: boolean;
}

export interface Channel {
  readonly number: number;
  readonly content: Record<Side, Content | undefined>;
  readonly pending: Pending[];
  /** channel.close or connection.close of the server, until the client's close-ok. */
  closing: AmqpExchange | undefined;
  /** It names a method that was lost, which would have told the failure. */
  closingTruncated: boolean;
  /** The server has closed it: what the client sends before it knows is not answered. */
  closed: boolean;
  /** Several synchronous methods were seen to wait at once; a loss then ends their pairing. */
  pipelines: boolean;
  unsure: boolean;
  confirms: Confirms;
  readonly unacknowledged: Map<number, AmqpExchange>;
  /** Messages that were got, by delivery tag. */
  readonly got: Map<number, AmqpDetail>;
  readonly consumers: Map<string, Consumer>;
  /** What an empty queue name means. */
  lastQueue: string;
}

export interface AmqpState {
  readonly channels: Map<number, Channel>;
  /** The rest of a piece of a body that is being passed over. */
  readonly passing: Record<Side, AmqpFrame | undefined>;
  /** Largest payload by tune-ok; the protocol's maximum before. */
  payloadBytesMax: number;
  /** Channels that were opened before capture, or while bytes were lost, are there too. */
  midstream: boolean;
  open: number;
  consumers: number;
  got: number;
}
