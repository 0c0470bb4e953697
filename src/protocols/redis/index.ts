/** Redis, Valkey, KeyDB and Sentinel: RESP2 and RESP3. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { orderedFrom } from "../doubt.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { lost } from "./doubt.ts";
import { redisLimits } from "./limits.ts";
import { match } from "./match.ts";
import { ended, parse, skipped } from "./parse.ts";
import { createReplyLane } from "./replies.ts";
import { createRequestLane } from "./requests.ts";
import type { RedisDetail, RedisFrame, RedisState } from "./types.ts";

function createState({ midstream, role }: ConnectionInfo): RedisState {
  const known = midstream ? Number.NaN : 0;
  return {
    ...orderedFrom(role === "server", midstream),
    held: undefined,
    request: createRequestLane(),
    reply: createReplyLane(),
    queue: [],
    queueStart: 0,
    queueChars: 0,
    openCount: 0,
    unopened: 0,
    pipelineLeader: undefined,
    transaction: undefined,
    replies: "on",
    database: midstream ? undefined : "0",
    isSentinel: false,
    isMonitoring: false,
    channels: known,
    patterns: known,
    shards: known,
    hasArrayMessages: false,
    isWhole: !midstream,
  };
}

export const redis: Protocol<RedisFrame, RedisState, RedisDetail> = {
  id: "redis",
  limits: { frameBytesMax: redisLimits.frameBytesMax, inFlightMax: redisLimits.inFlightMax },
  detect,
  createState,
  parse,
  skipped,
  ended,
  lost,
  resync,
  match,
  describe,
};
