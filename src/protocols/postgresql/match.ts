/** Pairs the messages of both sides; requests.ts and responses.ts say how. */
import type { Side } from "../../model/connection.ts";
import type { ExchangeSink } from "../contract.ts";
import { matchRequest } from "./requests.ts";
import { matchResponse } from "./responses.ts";
import type { PostgresqlDetail, PostgresqlFrame, PostgresqlState } from "./types.ts";

export function match(
  frame: PostgresqlFrame,
  side: Side,
  state: PostgresqlState,
  emit: ExchangeSink<PostgresqlDetail>,
): void {
  if (side === "request") matchRequest(frame, state, emit);
  else matchResponse(frame, state, emit);
}
