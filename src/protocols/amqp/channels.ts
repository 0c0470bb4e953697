/**
 * The channels of a connection and what is under way on them. Invariant: every exchange is opened
 * by begin() and closed by finish(), so that their number is known and bounded.
 */
import type { Outcome } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { amqpLimits } from "./limits.ts";
import { methods } from "./methods.ts";
import type {
  AmqpDetail,
  AmqpExchange,
  AmqpFrame,
  AmqpState,
  Arguments,
  Channel,
  Kind,
} from "./types.ts";

export interface Context {
  readonly state: AmqpState;
  readonly emit: ExchangeSink<AmqpDetail>;
}

/** The channel of a frame; undefined when there are too many to keep. */
export function channelOf(state: AmqpState, number: number): Channel | undefined {
  const known = state.channels.get(number);
  if (known !== undefined) return known;
  if (state.channels.size >= amqpLimits.channelsMax) return undefined;
  const channel = createChannel(number, state.midstream);
  state.channels.set(number, channel);
  return channel;
}

function createChannel(number: number, unknown: boolean): Channel {
  return {
    number,
    content: { request: undefined, response: undefined },
    pending: [],
    closing: undefined,
    closingTruncated: false,
    closed: false,
    pipelines: false,
    unsure: false,
    confirms: {
      mode: unknown ? "unknown" : "off",
      nextTag: undefined,
      open: new Map(),
      sinceConfirm: 0,
      lastTag: undefined,
      isJoined: unknown,
      isLoop: false,
      confirmedNs: 0,
      asked: false,
      calm: false,
      pipelines: false,
    },
    unacknowledged: new Map(),
    got: new Map(),
    consumers: new Map(),
    lastQueue: "",
  };
}

export function detailOf(kind: Kind, method: number, from: Arguments): AmqpDetail {
  return {
    kind,
    operation: methods.get(method)?.name ?? "",
    exchange: from.exchange,
    routingKey: from.routingKey,
    queue: from.queue,
    deliveryTag: undefined,
    messageId: "",
    correlationId: "",
    bodyBytes: undefined,
    redelivered: false,
    empty: false,
    settlement: undefined,
    requeued: false,
    code: "",
    text: "",
    quiet: false,
  };
}

export interface Start {
  readonly frame: AmqpFrame;
  readonly detail: AmqpDetail;
  readonly pushed?: boolean;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** Opens an exchange; undefined when so many are open that this one is told as truncated. */
export function begin(context: Context, start: Start): AmqpExchange | undefined {
  const { state, emit } = context;
  const { frame, detail, pushed, traceparent, tracestate } = start;
  const { startNs, tid, eventLoop } = frame;
  const isFull = state.open >= amqpLimits.inFlightMax - 1;
  const moment = { startNs, tid, eventLoop };
  const exchange = emit.open({ ...moment, detail, pushed, traceparent, tracestate });
  state.open++;
  if (!isFull) return exchange;
  finish(context, exchange, frame.endNs, "truncated");
  return undefined;
}

export function finish(
  { state, emit }: Context,
  exchange: AmqpExchange,
  endNs: number,
  outcome: Outcome,
): void {
  state.open--;
  emit.close(exchange, Math.max(endNs, exchange.startNs), outcome);
}

/** An exchange that nobody answers: over when its frame is. */
export function tell(context: Context, start: Start): void {
  const exchange = begin(context, start);
  if (exchange !== undefined) finish(context, exchange, start.frame.endNs, "one_way");
}

export interface Close {
  readonly endNs: number;
  readonly outcome: Outcome;
  /** Why the server has closed it. */
  readonly code: string;
  readonly text: string;
}

/** Ends everything that is under way on a channel, and forgets what was agreed on it. */
export function endChannel(context: Context, channel: Channel, close: Close): void {
  const open: AmqpExchange[] = [];
  for (const content of [channel.content.request, channel.content.response]) {
    if (content?.exchange !== undefined) open.push(content.exchange);
  }
  for (const { exchange } of channel.pending) open.push(exchange);
  open.push(...channel.confirms.open.values(), ...channel.unacknowledged.values());
  if (channel.closing !== undefined) open.push(channel.closing);
  for (const exchange of new Set(open)) {
    const { detail } = exchange;
    if (detail.kind !== "delivery" && detail.code === "") {
      detail.code = close.code;
      detail.text = close.text;
    }
    finish(context, exchange, close.endNs, close.outcome);
  }
  forget(context.state, channel);
}

/** The channel's number may be used again, for a channel of which everything is known. */
function forget(state: AmqpState, channel: Channel): void {
  state.consumers -= channel.consumers.size;
  state.got -= channel.got.size;
  channel.consumers.clear();
  channel.got.clear();
  state.channels.delete(channel.number);
}

/** A channel that its client opens now: nothing of it is older. */
export function newChannel(context: Context, number: number, endNs: number): Channel | undefined {
  const old = context.state.channels.get(number);
  if (old !== undefined) {
    endChannel(context, old, { endNs, outcome: "truncated", code: "", text: "" });
  }
  if (context.state.channels.size >= amqpLimits.channelsMax) return undefined;
  const channel = createChannel(number, false);
  context.state.channels.set(number, channel);
  return channel;
}
