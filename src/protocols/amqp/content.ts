/**
 * Messages: a method that carries one, its content header, its body (AMQP 0-9-1, section 4.2.6).
 * Invariant: a message's exchange is opened when its header is here, since the trace context stands
 * in it, and begins with the first byte of the method.
 */
import type { Side } from "../../model/connection.ts";
import { begin, type Context, detailOf, finish } from "./channels.ts";
import { published } from "./confirms.ts";
import { Method } from "./methods.ts";
import type { AmqpDetail, AmqpExchange, AmqpFrame, Channel, Content, Properties } from "./types.ts";

/** The method of a message has come; what was unfinished on this side never will be. */
export function expectContent(
  context: Context,
  channel: Channel,
  side: Side,
  content: Content,
): void {
  dropContent(context, channel, side, content.frame.startNs);
  channel.content[side] = content;
}

export function dropContent(context: Context, channel: Channel, side: Side, endNs: number): void {
  const exchange = channel.content[side]?.exchange;
  channel.content[side] = undefined;
  if (exchange !== undefined) finish(context, exchange, endNs, "truncated");
}

/** A content header, or a piece of a body. */
export function matchContent(
  context: Context,
  channel: Channel,
  side: Side,
  frame: AmqpFrame,
): void {
  const content = channel.content[side];
  if (content === undefined) return;
  const { properties } = frame;
  if (properties !== undefined && content.missing === undefined) {
    content.missing = properties.bodyBytes;
    opened(context, channel, content, properties);
  } else if (properties === undefined && content.missing !== undefined) {
    content.missing -= frame.bodyBytes;
  } else {
    dropContent(context, channel, side, frame.endNs);
    return;
  }
  if (content.missing > 0) return;
  channel.content[side] = undefined;
  if (content.missing === 0) passed(context, channel, content, frame.endNs);
  else if (content.exchange !== undefined) {
    finish(context, content.exchange, frame.endNs, "truncated");
  }
}

function opened(
  context: Context,
  channel: Channel,
  content: Content,
  properties: Properties,
): void {
  const { frame } = content;
  if (frame.method === Method.getOk) {
    if (content.exchange !== undefined) describeMessage(content.exchange.detail, properties);
    return;
  }
  const detail = messageDetail(channel, content);
  describeMessage(detail, properties);
  const { traceparent, tracestate } = properties;
  const pushed = frame.method !== Method.publish;
  content.exchange = begin(context, { frame, detail, pushed, traceparent, tracestate });
}

function describeMessage(detail: AmqpDetail, properties: Properties): void {
  detail.bodyBytes = properties.bodyBytes;
  detail.messageId = properties.messageId;
  detail.correlationId = properties.correlationId;
}

function messageDetail(channel: Channel, { frame, arguments: given }: Content): AmqpDetail {
  if (frame.method === Method.publish) return detailOf("publish", frame.method, given);
  if (frame.method === Method.return) {
    const detail = detailOf("returned", frame.method, given);
    detail.code = String(given.code);
    detail.text = given.text;
    return detail;
  }
  const detail = detailOf("delivery", frame.method, given);
  detail.queue = channel.consumers.get(given.consumerTag)?.queue ?? "";
  detail.deliveryTag = given.deliveryTag;
  detail.redelivered = given.bits !== 0;
  return detail;
}

/** The last byte of the message has passed. */
function passed(context: Context, channel: Channel, content: Content, endNs: number): void {
  const { exchange, frame } = content;
  if (exchange === undefined) return;
  if (frame.method === Method.publish) published(context, channel, content, endNs);
  else if (frame.method === Method.getOk) finish(context, exchange, endNs, "complete");
  else if (frame.method === Method.return) returned(context, channel, exchange, endNs);
  else delivered(context, channel, content, endNs);
}

function delivered(context: Context, channel: Channel, content: Content, endNs: number): void {
  const { exchange, arguments: given } = content;
  if (exchange === undefined) return;
  const acknowledges = channel.consumers.get(given.consumerTag)?.acknowledges;
  if (acknowledges === false) finish(context, exchange, endNs, "one_way");
  else if (acknowledges === undefined) finish(context, exchange, endNs, "truncated");
  else channel.unacknowledged.set(given.deliveryTag, exchange);
}

/**
 * The server gives back what it cannot route, and confirms it behind that. Which message it was is
 * certain when only one of those that wait is the same.
 */
function returned(context: Context, channel: Channel, exchange: AmqpExchange, endNs: number): void {
  const { detail } = exchange;
  const same: AmqpDetail[] = [];
  for (const { detail: waiting } of channel.confirms.open.values()) {
    if (isSame(waiting, detail)) same.push(waiting);
  }
  const [only] = same;
  if (only !== undefined && same.length === 1) {
    only.code = detail.code;
    only.text = detail.text;
    detail.quiet = true;
  }
  finish(context, exchange, endNs, "one_way");
}

function isSame(one: AmqpDetail, other: AmqpDetail): boolean {
  return (
    one.code === "" &&
    one.exchange === other.exchange &&
    one.routingKey === other.routingKey &&
    one.messageId === other.messageId &&
    one.correlationId === other.correlationId &&
    one.bodyBytes === other.bodyBytes
  );
}
