/**
 * Publisher confirms (RabbitMQ, "Publisher confirms"): ack and nack of the server name messages by
 * their number on the channel. Invariant: a number that is not certain pairs nothing.
 *
 * A channel that was joined in the middle, or that lost bytes of its client, does not know its
 * count. A client that waits for each confirm shows it: two confirms with the following numbers,
 * each after exactly one message. One that was seen to send ahead never does. From an event loop,
 * one that was joined in the middle and always has a message under way looks the same: there, a
 * method must have been asked and answered between the first confirm and the second message, since
 * the server takes what comes on a channel in its order, or nothing may have moved for long.
 */
import { QUIET_NS } from "../doubt.ts";
import { type Context, finish } from "./channels.ts";
import { Bit, Method } from "./methods.ts";
import type { AmqpExchange, AmqpFrame, Channel, Confirms, Content } from "./types.ts";

/** confirm.select: the next message has number 1, unless the mode was on before. */
export function selected({ confirms }: Channel): void {
  if (confirms.mode === "off") confirms.nextTag = 1;
  confirms.mode = "on";
  confirms.sinceConfirm = 0;
}

/** The number of the message whose basic.publish has come. */
export function countPublish(channel: Channel, frame: AmqpFrame): number | undefined {
  const { confirms } = channel;
  if (frame.eventLoop) confirms.isLoop = true;
  const isFirst = confirms.lastTag !== undefined && confirms.sinceConfirm === 0;
  if (isFirst && frame.startNs - confirms.confirmedNs >= QUIET_NS) confirms.calm = true;
  confirms.sinceConfirm++;
  if (confirms.mode !== "on" || confirms.nextTag === undefined) return undefined;
  return confirms.nextTag++;
}

/** A method that waits for its answer. */
export function noteAsked({ confirms }: Channel): void {
  if (confirms.lastTag !== undefined && confirms.sinceConfirm === 0) confirms.asked = true;
}

/** The answer that the oldest method has waited for. */
export function noteAnswered({ confirms, pending }: Channel): void {
  if (confirms.sinceConfirm === 0 && pending.length === 0) confirms.calm = confirms.asked;
}

/** The message has passed as a whole. */
export function published(
  context: Context,
  channel: Channel,
  content: Content,
  endNs: number,
): void {
  const { exchange, tag } = content;
  const { confirms } = channel;
  if (exchange === undefined) return;
  if (channel.closed) finish(context, exchange, endNs, "closed_early");
  else if (tag !== undefined) confirms.open.set(tag, exchange);
  else {
    // A client that waits for confirms has seen one before it sends again.
    if (confirms.mode === "unknown" && confirms.sinceConfirm > 1) confirms.mode = "off";
    finish(context, exchange, endNs, confirms.mode === "off" ? "one_way" : "truncated");
  }
}

/** ack or nack of the server. */
export function confirmed(context: Context, channel: Channel, frame: AmqpFrame): void {
  const { confirms } = channel;
  const tag = frame.arguments?.deliveryTag ?? 0;
  const isMultiple = ((frame.arguments?.bits ?? 0) & Bit.multiple) !== 0;
  if (confirms.nextTag === undefined) learn(confirms, tag, isMultiple);
  else if (tag >= confirms.nextTag) {
    forgetCount(channel);
    abandonConfirms(context, channel, frame.endNs);
    return;
  }
  confirms.sinceConfirm = 0;
  confirms.confirmedNs = frame.endNs;
  settle(context, confirms, { tag, isMultiple, frame });
}

interface Confirmation {
  readonly tag: number;
  readonly isMultiple: boolean;
  readonly frame: AmqpFrame;
}

function settle(context: Context, confirms: Confirms, confirmation: Confirmation): void {
  const { tag, isMultiple, frame } = confirmation;
  // Not told before: of two that wait the first one's confirm may have been lost.
  if (confirms.open.size > 1) confirms.pipelines = true;
  const settlement = frame.method === Method.nack ? "nack" : "ack";
  const one = (key: number, exchange: AmqpExchange) => {
    confirms.open.delete(key);
    exchange.detail.settlement = settlement;
    finish(context, exchange, frame.endNs, "complete");
  };
  if (!isMultiple) {
    const exchange = confirms.open.get(tag);
    if (exchange !== undefined) one(tag, exchange);
    return;
  }
  for (const [key, exchange] of confirms.open) {
    if (key > tag && tag !== 0) break;
    one(key, exchange);
  }
}

function learn(confirms: Confirms, tag: number, isMultiple: boolean): void {
  confirms.mode = "on";
  if (confirms.sinceConfirm > 1) confirms.pipelines = true;
  const isSingle = !isMultiple && confirms.sinceConfirm === 1;
  const follows = isSingle && confirms.lastTag !== undefined && tag === confirms.lastTag + 1;
  const isShown = confirms.calm || !confirms.isJoined || !confirms.isLoop;
  if (follows && isShown && !confirms.pipelines) confirms.nextTag = tag + 1;
  confirms.lastTag = isSingle ? tag : undefined;
  forgetCalm(confirms);
}

/** Confirms may have been lost: messages that wait are given up, and the count goes on. */
export function abandonConfirms(context: Context, channel: Channel, endNs: number): void {
  const { confirms } = channel;
  for (const exchange of confirms.open.values()) finish(context, exchange, endNs, "truncated");
  confirms.open.clear();
  confirms.lastTag = undefined;
  confirms.sinceConfirm = 0;
  forgetCalm(confirms);
}

/**
 * Messages may have been lost: those that wait keep their numbers, later ones have none. A lost
 * confirm.select would show by its answer or by a confirm.
 */
export function forgetCount(channel: Channel): void {
  const { confirms } = channel;
  confirms.nextTag = undefined;
  confirms.lastTag = undefined;
  confirms.sinceConfirm = 0;
  forgetCalm(confirms);
}

function forgetCalm(confirms: Confirms): void {
  confirms.asked = false;
  confirms.calm = false;
}
