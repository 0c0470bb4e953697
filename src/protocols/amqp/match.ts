/** Pairs the frames of both sides; requests.ts, responses.ts and content.ts say how. */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink } from "../contract.ts";
import { type Context, channelOf } from "./channels.ts";
import { matchContent } from "./content.ts";
import { matchRequest } from "./requests.ts";
import { matchResponse } from "./responses.ts";
import type { AmqpDetail, AmqpFrame, AmqpState } from "./types.ts";

export function match(
  frame: AmqpFrame,
  side: Side,
  state: AmqpState,
  emit: ExchangeSink<AmqpDetail>,
): void {
  const context: Context = { state, emit };
  if (frame.method === 0) {
    const channel = channelOf(state, frame.channel);
    if (channel !== undefined) matchContent(context, channel, side, frame);
  } else if (side === "request") matchRequest(context, frame);
  else matchResponse(context, frame);
}
