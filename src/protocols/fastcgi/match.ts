/**
 * Pairs answers with requests by their ids. Invariant: an id means the request that began with it
 * last; it is given up at a loss of answers, behind which its END_REQUEST may be another one's.
 */
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { ExchangeSink, Moment } from "../contract.ts";
import { fastcgiLimits } from "./limits.ts";
import { Params } from "./params.ts";
import { requestFrame } from "./parse.ts";
import type {
  BeginFrame,
  EndFrame,
  FastcgiDetail,
  FastcgiFrame,
  FastcgiState,
  Running,
} from "./types.ts";

type Emit = ExchangeSink<FastcgiDetail>;

const NOTHING = new Uint8Array();

export function match(frame: FastcgiFrame, _side: Side, state: FastcgiState, emit: Emit): void {
  const running = state.running.get(frame.id);
  switch (frame.kind) {
    case "begin":
      matchBegin(frame, state, emit);
      return;
    case "request":
      if (running === undefined) return;
      running.params = undefined;
      running.exchange = emit.open(frame);
      return;
    case "abort":
      cancel(running?.exchange);
      return;
    case "head":
      if (running?.exchange !== undefined) running.exchange.detail.statusCode = frame.statusCode;
      return;
    case "errors":
      if (running?.exchange !== undefined) running.exchange.detail.errorBytes += frame.bytes;
      return;
    default:
      matchEnd(frame, state, emit);
  }
}

function matchBegin(frame: BeginFrame, state: FastcgiState, emit: Emit): void {
  const { id, startNs, tid, eventLoop, role } = frame;
  const before = state.running.get(id);
  // The id is free again: the end of the request before has not been seen.
  if (before !== undefined) giveUp(id, before, state, [startNs, emit]);
  if (state.running.size >= fastcgiLimits.inFlightMax) return;
  const params = new Params();
  const head = NOTHING;
  state.running.set(id, { startNs, tid, eventLoop, role, params, exchange: undefined, head });
}

function giveUp(id: number, running: Running, state: FastcgiState, how: [number, Emit]): void {
  const [atNs, emit] = how;
  const { exchange } = running;
  state.running.delete(id);
  if (exchange === undefined) return;
  exchange.detail.truncated = true;
  emit.close(exchange, Math.max(atNs, exchange.startNs), "truncated");
}

/** The web server's client has gone, mostly. */
function cancel(exchange: Exchange<FastcgiDetail> | undefined): void {
  if (exchange !== undefined) exchange.detail.reset = { code: "CANCEL", by: "request" };
}

function matchEnd(frame: EndFrame, state: FastcgiState, emit: Emit): void {
  const running = state.running.get(frame.id);
  state.running.delete(frame.id);
  if (running === undefined) {
    emit.orphan();
    return;
  }
  const early = running.exchange === undefined ? requestFrame(frame.id, running) : undefined;
  // An application may refuse a request before it has read what it is about.
  const exchange = early?.kind === "request" ? emit.open(early) : running.exchange;
  if (exchange === undefined) return;
  exchange.detail.appStatus = frame.appStatus;
  exchange.detail.protocolStatus = frame.protocolStatus;
  emit.close(exchange, Math.max(frame.endNs, exchange.startNs), "complete");
}

export function lost(side: Side, state: FastcgiState, at: Moment, emit: Emit): void {
  state[side].seeking = true;
  for (const [id, running] of state.running) {
    // Parameters that were cut say something else; a request that was read whole is still right.
    const isWhole = running.exchange !== undefined;
    if (side === "response" || !isWhole) giveUp(id, running, state, [at.timeNs, emit]);
  }
}
