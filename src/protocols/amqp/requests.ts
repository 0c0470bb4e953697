/** What the client sends: messages, acknowledgements, and methods that want an answer. */
import {
  begin,
  type Context,
  channelOf,
  detailOf,
  endChannel,
  finish,
  newChannel,
  tell,
} from "./channels.ts";
import { countPublish, noteAsked, selected } from "./confirms.ts";
import { expectContent } from "./content.ts";
import { amqpLimits } from "./limits.ts";
import { Bit, Method, type MethodInfo, methods, requeues } from "./methods.ts";
import type {
  AmqpDetail,
  AmqpExchange,
  AmqpFrame,
  Arguments,
  Channel,
  Consumer,
  Settlement,
} from "./types.ts";

const REPLY_SUCCESS = 200;

export function matchRequest(context: Context, frame: AmqpFrame): void {
  const { method, arguments: given } = frame;
  const info = methods.get(method);
  if (info === undefined || given === undefined) return;
  const channel =
    method === Method.channelOpen
      ? newChannel(context, frame.channel, frame.startNs)
      : channelOf(context.state, frame.channel);
  if (channel === undefined) return;
  if (method === Method.tuneOk) agree(context, given);
  else if (method === Method.publish) {
    const tag = countPublish(channel, frame);
    const content = { frame, arguments: given, exchange: undefined, tag, missing: undefined };
    expectContent(context, channel, "request", content);
  } else if (method === Method.ack || method === Method.nack || method === Method.reject) {
    settle(context, channel, frame, given);
  } else if (method === Method.closeOk || method === Method.channelCloseOk) {
    closeAnswered(context, channel, frame);
  } else if (method === Method.get || info.answer > 0) {
    ask(context, channel, frame, { info, given });
  }
}

/** connection.tune-ok: 0 = no limit is agreed on. */
function agree({ state }: Context, { code: frameBytesMax }: Arguments): void {
  if (frameBytesMax === 0) return;
  state.payloadBytesMax = Math.min(amqpLimits.payloadBytesMax, Math.max(frameBytesMax, 4_096));
}

interface Asked {
  readonly info: MethodInfo;
  readonly given: Arguments;
}

function ask(context: Context, channel: Channel, frame: AmqpFrame, asked: Asked): void {
  const { info, given } = asked;
  const { method } = frame;
  if (given.queue === "" && usesLastQueue(method)) given.queue = channel.lastQueue;
  const detail = detailOf(method === Method.get ? "get" : "method", method, given);
  detail.quiet = info.quiet || method === Method.close || method === Method.channelClose;
  detail.code = failureOf(given.code);
  detail.text = detail.code === "" ? "" : given.text;
  remember(context, channel, method, given);
  if (info.noWait !== 0 && (given.bits & info.noWait) !== 0) {
    tell(context, { frame, detail });
    return;
  }
  const exchange = begin(context, { frame, detail });
  if (exchange === undefined) return;
  if (channel.pending.length > 0) channel.pipelines = true;
  if (channel.unsure || channel.pending.length >= amqpLimits.pendingMax) {
    finish(context, exchange, frame.endNs, "truncated");
    return;
  }
  channel.pending.push({ method, exchange, arguments: given });
  noteAsked(channel);
}

/** A close's reply code, unless it says that all went well. */
export function failureOf(code: number): string {
  return code === 0 || code === REPLY_SUCCESS ? "" : String(code);
}

/** Where an empty name means the queue that was declared last on the channel. */
function usesLastQueue(method: number): boolean {
  return method !== Method.queueDeclare && methods.get(method)?.layout[1] === "q";
}

function remember(context: Context, channel: Channel, method: number, given: Arguments): void {
  if (method === Method.confirmSelect) selected(channel);
  else if (method === Method.queueDeclare) channel.lastQueue = given.queue;
  else if (method === Method.consume) rememberConsumer(context, channel, given);
}

/** A consumer whose tag the server makes up is remembered when it has said it. */
export function rememberConsumer(
  { state }: Context,
  channel: Channel,
  { consumerTag, queue, bits }: Arguments,
): void {
  if (consumerTag === "") return;
  const isKnown = channel.consumers.has(consumerTag);
  if (!isKnown && state.consumers >= amqpLimits.consumersMax) return;
  if (!isKnown) state.consumers++;
  const acknowledges = (bits & Bit.noAckOfConsume) === 0;
  channel.consumers.set(consumerTag, { queue, acknowledges, firstTag: 0, lastTag: 0 });
}

/** ack, nack, reject: what was delivered is over. Tag 0 with "multiple" means all. */
function settle(context: Context, channel: Channel, frame: AmqpFrame, given: Arguments): void {
  const { method } = frame;
  const isMultiple = method !== Method.reject && (given.bits & Bit.multiple) !== 0;
  const settlement = settlementOf(method);
  const requeued = settlement !== "ack" && requeues(method, given.bits);
  const over = (tag: number, exchange: AmqpExchange) => {
    channel.unacknowledged.delete(tag);
    exchange.detail.settlement = settlement;
    exchange.detail.requeued = requeued;
    finish(context, exchange, frame.endNs, "complete");
  };
  const settled: AmqpDetail[] = [];
  const tag = given.deliveryTag;
  if (!isMultiple) {
    const exchange = channel.unacknowledged.get(tag);
    if (exchange !== undefined) over(tag, exchange);
    else if (!takeGot(context, channel, tag, settled)) learnConsumer(channel, tag);
  } else {
    for (const [key, exchange] of channel.unacknowledged) {
      if (key > tag && tag !== 0) break;
      over(key, exchange);
    }
    for (const key of channel.got.keys()) {
      if (key > tag && tag !== 0) break;
      takeGot(context, channel, key, settled);
    }
  }
  for (const detail of settled) {
    tell(context, { frame, detail: { ...detail, operation: settlement, settlement, requeued } });
  }
}

function settlementOf(method: number): Settlement {
  if (method === Method.ack) return "ack";
  return method === Method.nack ? "nack" : "reject";
}

function takeGot({ state }: Context, channel: Channel, tag: number, into: AmqpDetail[]): boolean {
  const detail = channel.got.get(tag);
  if (detail === undefined) return false;
  channel.got.delete(tag);
  state.got--;
  into.push({ ...detail, kind: "settle", redelivered: false, bodyBytes: undefined });
  return true;
}

/** An acknowledged delivery tells that its consumer acknowledges, if it is certain whose it is. */
function learnConsumer(channel: Channel, tag: number): void {
  let only: Consumer | undefined;
  for (const consumer of channel.consumers.values()) {
    if (consumer.acknowledges !== undefined || tag < consumer.firstTag) continue;
    if (tag === consumer.lastTag) {
      consumer.acknowledges = true;
      return;
    }
    if (only !== undefined) return;
    only = consumer;
  }
  if (only !== undefined && tag < only.lastTag) only.acknowledges = true;
}

/** The client has taken note of the server's close. */
function closeAnswered(context: Context, channel: Channel, frame: AmqpFrame): void {
  const { closing } = channel;
  channel.closing = undefined;
  const outcome = channel.closingTruncated ? "truncated" : "complete";
  if (closing !== undefined) finish(context, closing, frame.endNs, outcome);
  const close = { endNs: frame.endNs, outcome: "closed_early", code: "", text: "" } as const;
  endChannel(context, channel, close);
}
