/**
 * What is under way on a connection. Invariant: every exchange is opened by begin() and closed by
 * finish(), so that their number is known and bounded.
 */
import type { Outcome } from "../../model/exchange.ts";
import type { ExchangeSink } from "../contract.ts";
import { natsLimits } from "./limits.ts";
import type { Kind, NatsDetail, NatsExchange, NatsFrame, NatsState } from "./types.ts";

export interface Context {
  readonly state: NatsState;
  readonly emit: ExchangeSink<NatsDetail>;
}

export interface Named {
  readonly kind: Kind;
  readonly operation: string;
  readonly pattern?: string;
  readonly group?: string;
  readonly stream?: string;
  readonly redelivered?: boolean;
}

export function detailOf(frame: NatsFrame, named: Named): NatsDetail {
  const hasBody = named.kind !== "connect" && named.kind !== "notice";
  return {
    kind: named.kind,
    operation: named.operation,
    subject: frame.subject,
    pattern: named.pattern ?? "",
    group: named.group ?? "",
    stream: named.stream ?? "",
    bodyBytes: hasBody ? frame.bodyBytes : undefined,
    messageId: frame.headers.messageId,
    redelivered: named.redelivered ?? false,
    settlement: "",
    empty: false,
    code: "",
    text: "",
    messageNs: frame.endNs,
  };
}

/** Opens an exchange; undefined when so many are open that this one is told as truncated. */
export function begin(
  context: Context,
  frame: NatsFrame,
  detail: NatsDetail,
  pushed = false,
): NatsExchange | undefined {
  const { state, emit } = context;
  const { startNs, tid, eventLoop, headers } = frame;
  const { traceparent, tracestate } = headers;
  const isFull = state.open >= natsLimits.inFlightMax - 1;
  const moment = { startNs, tid, eventLoop };
  const exchange = emit.open({ ...moment, detail, pushed, traceparent, tracestate });
  state.open++;
  if (!isFull) return exchange;
  finish(context, exchange, frame.endNs, "truncated");
  return undefined;
}

export function finish(
  { state, emit }: Context,
  exchange: NatsExchange,
  endNs: number,
  outcome: Outcome,
): void {
  state.open--;
  emit.close(exchange, Math.max(endNs, exchange.startNs), outcome);
}

/** An exchange that nobody answers: over when its message is. */
export function tell(context: Context, frame: NatsFrame, detail: NatsDetail, pushed = false): void {
  const exchange = begin(context, frame, detail, pushed);
  if (exchange !== undefined) finish(context, exchange, frame.endNs, "one_way");
}

/** The oldest gives way when a map is full. */
export function oldestKey(map: ReadonlyMap<string, unknown>, most: number): string | undefined {
  if (map.size < most) return undefined;
  for (const key of map.keys()) return key;
  return undefined;
}
