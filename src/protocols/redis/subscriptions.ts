/**
 * How many channels, patterns and shard channels a connection is subscribed to: an UNSUBSCRIBE
 * without arguments is confirmed once for each of them, or once when there is none.
 */
import { Type } from "./syntax.ts";
import type { Pending, RedisState, ReplyFrame } from "./types.ts";

/** Of the kind that the command ends; NaN when not known. */
export function subscriptionsOf(entry: Pending, state: RedisState): number {
  if (entry.confirmation.startsWith("p")) return state.patterns;
  return entry.confirmation.startsWith("s") ? state.shards : state.channels;
}

/** A confirmation ends with the number of subscriptions, shard channels counted apart. */
export function noteSubscription({ type, word, third }: ReplyFrame, state: RedisState): void {
  const isChanged = third !== state.channels + state.patterns;
  switch (word) {
    case "subscribe":
      if (isChanged) state.channels++;
      break;
    case "unsubscribe":
      if (isChanged) state.channels--;
      break;
    case "psubscribe":
      if (isChanged) state.patterns++;
      break;
    case "punsubscribe":
      if (isChanged) state.patterns--;
      break;
    default:
      state.shards = third;
  }
  state.hasArrayMessages = type === Type.array && (third > 0 || state.shards > 0);
}
