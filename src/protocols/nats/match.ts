/** Pairs the frames of both sides; requests.ts, responses.ts and deliveries.ts say how. */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { abandonDeliveries, endDeliveries, expireDeliveries } from "./deliveries.ts";
import { type Context, finish } from "./exchanges.ts";
import { natsLimits } from "./limits.ts";
import { matchRequest } from "./requests.ts";
import { doubtDue, matchResponse } from "./responses.ts";
import type { NatsDetail, NatsFrame, NatsState } from "./types.ts";

export function match(
  frame: NatsFrame,
  side: Side,
  state: NatsState,
  emit: ExchangeSink<NatsDetail>,
): void {
  const context: Context = { state, emit };
  if (frame.operation === "END") endDeliveries(context);
  else if (side === "request") matchRequest(context, frame);
  else matchResponse(context, frame);
}

/** One by one, before the driver would give up the connection with all that is known of it. */
export function expire(state: NatsState, nowNs: number, emit: ExchangeSink<NatsDetail>): void {
  const context: Context = { state, emit };
  const beforeNs = nowNs - natsLimits.waitNsMax;
  expireDeliveries(context, beforeNs);
  expireRequests(context, beforeNs, nowNs);
  for (const pull of state.pulls.values()) {
    if (pull.exchange === undefined || pull.exchange.startNs >= beforeNs) continue;
    finish(context, pull.exchange, nowNs, "no_response");
    pull.exchange = undefined;
    pull.unsure = true;
  }
}

function expireRequests(context: Context, beforeNs: number, endNs: number): void {
  const { requests } = context.state;
  for (const [reply, exchange] of requests) {
    if (exchange.startNs >= beforeNs) return;
    requests.delete(reply);
    finish(context, exchange, endNs, "no_response");
  }
}

/**
 * Reply subjects are used once, so what waits for an answer that was not lost goes on waiting; what
 * may have been answered in the lost bytes is given up.
 */
export function lost(
  side: Side,
  state: NatsState,
  at: Moment,
  emit: ExchangeSink<NatsDetail>,
): void {
  const context: Context = { state, emit };
  state.passing[side] = undefined;
  state.pings = 0;
  state.missed = true;
  doubtDue(context, at.timeNs);
  if (side === "request") {
    abandonDeliveries(context);
    for (const pull of state.pulls.values()) pull.unsure = true;
    return;
  }
  for (const exchange of state.requests.values()) finish(context, exchange, at.timeNs, "truncated");
  state.requests.clear();
  for (const pull of state.pulls.values()) {
    if (pull.exchange !== undefined) finish(context, pull.exchange, at.timeNs, "truncated");
    pull.exchange = undefined;
  }
  if (state.connect !== undefined) finish(context, state.connect, at.timeNs, "truncated");
  state.connect = undefined;
}
