/** Pairs commands with answers, which come in their order; asking.ts and answers.ts say how. */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink } from "../contract.ts";
import { matchReply } from "./answers.ts";
import { matchRequest } from "./asking.ts";
import { openAll } from "./queue.ts";
import type { RedisDetail, RedisFrame, RedisState } from "./types.ts";

export function match(
  frame: RedisFrame,
  _side: Side,
  state: RedisState,
  emit: ExchangeSink<RedisDetail>,
): void {
  if (frame.side === "request") matchRequest(frame, state, emit);
  else if (frame.side === "response") matchReply(frame, state, emit);
  else openAll(state, emit);
}
