/** What the server sends: messages, confirms, answers, and its own reasons to end something. */
import { begin, type Context, channelOf, detailOf, endChannel, finish, tell } from "./channels.ts";
import { confirmed, noteAnswered } from "./confirms.ts";
import { expectContent } from "./content.ts";
import { amqpLimits } from "./limits.ts";
import { Bit, isAnswer, Method, methods } from "./methods.ts";
import { failureOf, rememberConsumer } from "./requests.ts";
import type { AmqpExchange, AmqpFrame, Arguments, Channel, Pending } from "./types.ts";

const CODE_CANCELLED = "consumer_cancelled";
const CODE_BLOCKED = "blocked";

export function matchResponse(context: Context, frame: AmqpFrame): void {
  const { method, arguments: given } = frame;
  const channel = channelOf(context.state, frame.channel);
  if (channel === undefined || given === undefined) return;
  if (method === Method.deliver || method === Method.return) {
    if (method === Method.deliver) noteDelivery(context, channel, given);
    expect(context, channel, frame, undefined);
  } else if (method === Method.ack || method === Method.nack) confirmed(context, channel, frame);
  else if (method === Method.getOk || method === Method.getEmpty) got(context, channel, frame);
  else if (method === Method.close || method === Method.channelClose) {
    closed(context, channel, frame, given);
  } else if (method === Method.cancel) cancelled(context, channel, frame, given);
  else if (method === Method.blocked || method === Method.unblocked) notice(context, frame, given);
  else if (isAnswer(method)) answered(context, channel, frame, given);
}

function expect(
  context: Context,
  channel: Channel,
  frame: AmqpFrame,
  exchange: AmqpExchange | undefined,
): void {
  const given = frame.arguments;
  if (given === undefined) return;
  const content = { frame, arguments: given, exchange, tag: undefined, missing: undefined };
  expectContent(context, channel, "response", content);
}

/** A consumer that was begun before capture: whether it acknowledges is still to be seen. */
function noteDelivery({ state }: Context, channel: Channel, given: Arguments): void {
  const { consumerTag, deliveryTag } = given;
  const known = channel.consumers.get(consumerTag);
  if (known !== undefined) {
    known.lastTag = deliveryTag;
    return;
  }
  if (state.consumers >= amqpLimits.consumersMax) return;
  state.consumers++;
  const tags = { firstTag: deliveryTag, lastTag: deliveryTag };
  channel.consumers.set(consumerTag, { queue: "", acknowledges: undefined, ...tags });
}

/** The oldest method that waits, when this can be its answer; otherwise something was lost. */
function takePending(
  context: Context,
  channel: Channel,
  frame: AmqpFrame,
  isAnswered: (pending: Pending) => boolean,
): Pending | undefined {
  const oldest = channel.pending[0];
  if (oldest !== undefined && isAnswered(oldest)) {
    channel.pending.shift();
    noteAnswered(channel);
    return oldest;
  }
  context.emit.orphan();
  if (oldest !== undefined && channel.confirms.isJoined) {
    // The answer to one before it, which was not seen: the client sends methods ahead.
    channel.pipelines = true;
    channel.unsure = true;
  }
  for (const { exchange } of channel.pending.splice(0)) {
    finish(context, exchange, frame.endNs, "truncated");
  }
  return undefined;
}

function got(context: Context, channel: Channel, frame: AmqpFrame): void {
  const { method, arguments: given } = frame;
  const pending = takePending(context, channel, frame, (it) => it.method === Method.get);
  const exchange = pending?.exchange;
  if (method === Method.getEmpty) {
    if (exchange === undefined) return;
    exchange.detail.empty = true;
    finish(context, exchange, frame.endNs, "complete");
    return;
  }
  expect(context, channel, frame, exchange);
  if (exchange === undefined || pending === undefined || given === undefined) return;
  const { detail } = exchange;
  detail.exchange = given.exchange;
  detail.routingKey = given.routingKey;
  detail.deliveryTag = given.deliveryTag;
  detail.redelivered = given.bits !== 0;
  const acknowledges = (pending.arguments.bits & Bit.noAckOfGet) === 0;
  if (!acknowledges || context.state.got >= amqpLimits.gotMax) return;
  if (!channel.got.has(given.deliveryTag)) context.state.got++;
  channel.got.set(given.deliveryTag, detail);
}

function answered(context: Context, channel: Channel, frame: AmqpFrame, given: Arguments): void {
  const { method } = frame;
  const pending = takePending(context, channel, frame, (it) => answers(frame, given, it));
  if (pending === undefined) {
    if (method === Method.confirmSelectOk) channel.confirms.mode = "on";
    return;
  }
  const { exchange, arguments: asked } = pending;
  if (method === Method.queueDeclareOk) {
    channel.lastQueue = given.queue;
    exchange.detail.queue = given.queue;
  } else if (method === Method.consumeOk && asked.consumerTag === "") {
    rememberConsumer(context, channel, { ...asked, consumerTag: given.consumerTag });
  }
  finish(context, exchange, frame.endNs, "complete");
  if (method === Method.cancelOk) forgetConsumer(context, channel, asked.consumerTag);
  if (method !== Method.closeOk && method !== Method.channelCloseOk) return;
  const close = { endNs: frame.endNs, outcome: "closed_early", code: "", text: "" } as const;
  endChannel(context, channel, close);
}

/** By the method, and by the name that the answer repeats. */
function answers({ method }: AmqpFrame, given: Arguments, pending: Pending): boolean {
  if (methods.get(pending.method)?.answer !== method) return false;
  const { queue, consumerTag } = pending.arguments;
  if (method === Method.queueDeclareOk) return queue === "" || queue === given.queue;
  if (method !== Method.consumeOk) return true;
  return consumerTag === "" || consumerTag === given.consumerTag;
}

/**
 * channel.close and connection.close of the server: what has failed is told by the method that
 * failed when that waits for an answer, and by an exchange of its own otherwise.
 */
function closed(context: Context, channel: Channel, frame: AmqpFrame, given: Arguments): void {
  const { state } = context;
  const code = failureOf(given.code);
  const text = code === "" ? "" : given.text;
  const detail = detailOf("notice", frame.method, given);
  detail.code = code;
  detail.text = text;
  const failed = channel.pending.find((pending) => hasFailed(pending, given.failed));
  if (failed !== undefined) {
    channel.pending.splice(channel.pending.indexOf(failed), 1);
    Object.assign(failed.exchange.detail, { code, text });
    finish(context, failed.exchange, frame.endNs, "complete");
    detail.quiet = true;
  }
  const closing = begin(context, { frame, detail, pushed: true });
  const close = { endNs: frame.endNs, outcome: "closed_early", code, text } as const;
  const ended = frame.method === Method.close ? [...state.channels.values()] : [channel];
  for (const each of ended) endChannel(context, each, close);
  const rest = channelOf(state, channel.number);
  if (rest === undefined) {
    if (closing !== undefined) finish(context, closing, frame.endNs, "truncated");
    return;
  }
  rest.closed = true;
  rest.closing = closing;
  const isAnswerable = (methods.get(given.failed)?.answer ?? 0) > 0;
  rest.closingTruncated = failed === undefined && isAnswerable;
}

/** Before a connection is open nothing but its opening can fail, whatever the server names. */
function hasFailed({ method }: Pending, failed: number): boolean {
  return method === failed || method === Method.startOk || method === Method.open;
}

/** The server ends a consumer, for instance because its queue was deleted. */
function cancelled(context: Context, channel: Channel, frame: AmqpFrame, given: Arguments): void {
  const detail = detailOf("notice", frame.method, given);
  detail.queue = channel.consumers.get(given.consumerTag)?.queue ?? "";
  detail.code = CODE_CANCELLED;
  forgetConsumer(context, channel, given.consumerTag);
  tell(context, { frame, detail, pushed: true });
}

function forgetConsumer({ state }: Context, channel: Channel, consumerTag: string): void {
  if (channel.consumers.delete(consumerTag)) state.consumers--;
}

/** connection.blocked: the server reads nothing more for now. */
function notice(context: Context, frame: AmqpFrame, given: Arguments): void {
  const detail = detailOf("notice", frame.method, given);
  if (frame.method === Method.blocked) {
    detail.code = CODE_BLOCKED;
    detail.text = given.text;
  }
  tell(context, { frame, detail, pushed: true });
}
