/** Opens and closes exchanges as parse() has paired the packets. */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink } from "../contract.ts";
import { giveUp } from "./doubt.ts";
import type { Entry, MysqlDetail, MysqlFrame, MysqlState } from "./types.ts";

type Emit = ExchangeSink<MysqlDetail>;

export function match(frame: MysqlFrame, _side: Side, _state: MysqlState, emit: Emit): void {
  switch (frame.what) {
    case "request":
      open(frame.entry, frame.endNs, emit);
      return;
    case "answer": {
      const { exchange } = frame.entry;
      frame.entry.exchange = undefined;
      if (exchange !== undefined) emit.close(exchange, frame.endNs, frame.outcome);
      return;
    }
    case "givenUp":
      giveUp(frame.entries, frame.endNs, emit);
      if (frame.orphan) emit.orphan();
  }
}

function open(entry: Entry, endNs: number, emit: Emit): void {
  const { startNs, tid, eventLoop, traceparent, tracestate, detail } = entry;
  const exchange = emit.open({ startNs, tid, eventLoop, traceparent, tracestate, detail });
  if (entry.pairable) entry.exchange = exchange;
  else emit.close(exchange, endNs, "truncated");
}
