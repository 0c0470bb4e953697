/**
 * Bytes of either side → frames: requests.ts and replies.ts. What is decided here is where the
 * conversation stops being one: a replica's link, over which the master sends its data.
 */
import type { Side } from "../../model/connection.ts";
import type { Moment } from "../../model/stream.ts";
import type { FrameSink, ParseStatus, StreamView } from "../contract.ts";
import { oldest } from "./queue.ts";
import { parseDataLine, parseReply, skippedReply } from "./replies.ts";
import { parseRequest, skippedRequest } from "./requests.ts";
import { LF, Type } from "./syntax.ts";
import type { RedisFrame, RedisState } from "./types.ts";

type Sink = FrameSink<RedisFrame>;

export function parse(view: StreamView, side: Side, state: RedisState, out: Sink): ParseStatus {
  if (side === "request") return parseRequest(view, state, out);
  const kind = oldest(state)?.command.kind;
  if (kind !== "sync" && kind !== "psync") return parseReply(view, state, out);
  return parseReplication(view, state, out);
}

/** SYNC is answered with the data, PSYNC with a line before it; empty lines keep the link alive. */
function parseReplication(view: StreamView, state: RedisState, out: Sink): ParseStatus {
  const first = view.bytes[view.start];
  const lane = state.reply;
  if (first === LF && lane.depth === 0 && !lane.inLine) return 1;
  const isLine = first === Type.bulk && lane.depth === 0 && !lane.inLine;
  const consumed = isLine ? parseDataLine(view, state, out) : parseReply(view, state, out);
  const isData = first === Type.bulk || first === Type.simple;
  if (consumed > 0 && isData && !lane.begun) out.handOver("opaque");
  return consumed;
}

export function skipped(side: Side, state: RedisState, last: Moment, out: Sink): void {
  if (side === "request") skippedRequest(state, last, out);
  else skippedReply(state, last, out);
}

const end: RedisFrame = { side: "end" };

/** No answer comes any more: what waits for one is to be told. */
export function ended(side: Side, _state: RedisState, _last: Moment, out: Sink): void {
  if (side === "response") out.frame(end);
}
