/**
 * What a loss of bytes leaves uncertain. Invariant: numbers that both sides name (delivery tags,
 * confirms) go on pairing as long as the bytes that name them were seen.
 */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { type Context, finish } from "./channels.ts";
import { abandonConfirms, forgetCount } from "./confirms.ts";
import { dropContent } from "./content.ts";
import { amqpLimits } from "./limits.ts";
import type { AmqpDetail, AmqpState, Channel } from "./types.ts";

export function lost(
  side: Side,
  state: AmqpState,
  at: Moment,
  emit: ExchangeSink<AmqpDetail>,
): void {
  const context: Context = { state, emit };
  state.passing[side] = undefined;
  // A channel that was opened in what is missing is not a new one.
  state.midstream = true;
  for (const channel of state.channels.values()) {
    dropContent(context, channel, side, at.timeNs);
    if (side === "request") lostRequest(context, channel, at.timeNs);
    else lostResponse(context, channel, at.timeNs);
  }
}

/** One by one, before the driver would give up the connection with all that is known of it. */
export function expire(state: AmqpState, nowNs: number, emit: ExchangeSink<AmqpDetail>): void {
  const context: Context = { state, emit };
  const beforeNs = nowNs - amqpLimits.waitNsMax;
  for (const { unacknowledged, confirms } of state.channels.values()) {
    for (const waiting of [unacknowledged, confirms.open]) {
      for (const [tag, exchange] of waiting) {
        if (exchange.startNs >= beforeNs) break;
        waiting.delete(tag);
        finish(context, exchange, nowNs, "no_response");
      }
    }
  }
}

/** Acknowledgements, messages and methods may be missing. */
function lostRequest(context: Context, channel: Channel, endNs: number): void {
  forgetCount(channel);
  if (channel.pipelines) giveUpPending(context, channel, endNs);
  const closing = channel.closing;
  channel.closing = undefined;
  if (closing !== undefined) finish(context, closing, endNs, "truncated");
  for (const exchange of channel.unacknowledged.values()) {
    finish(context, exchange, endNs, "truncated");
  }
  channel.unacknowledged.clear();
  context.state.got -= channel.got.size;
  channel.got.clear();
}

/** Answers, confirms and deliveries may be missing. */
function lostResponse(context: Context, channel: Channel, endNs: number): void {
  giveUpPending(context, channel, endNs);
  abandonConfirms(context, channel, endNs);
}

/** Where methods were sent ahead, later answers cannot be told from those to these any more. */
function giveUpPending(context: Context, channel: Channel, endNs: number): void {
  if (channel.pipelines) channel.unsure = true;
  for (const { exchange } of channel.pending.splice(0)) {
    finish(context, exchange, endNs, "truncated");
  }
}
