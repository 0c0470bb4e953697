/** Memcached's text and meta protocols. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { doubtOf, lost } from "./doubt.ts";
import { memcachedLimits } from "./limits.ts";
import { match } from "./match.ts";
import { parse, skipped } from "./parse.ts";
import type { MemcachedDetail, MemcachedFrame, MemcachedState } from "./types.ts";

function createState({ midstream, role }: ConnectionInfo): MemcachedState {
  return {
    isServer: role === "server",
    pending: [],
    storing: undefined,
    scanned: { request: 0, response: 0 },
    first: "",
    values: 0,
    ending: undefined,
    groupNs: Number.NaN,
    groupTid: 0,
    mayPipeline: false,
    pipelines: false,
    isThreaded: false,
    answerDropped: false,
    doubt: midstream ? doubtOf("joined", Number.NaN) : undefined,
  };
}

export const memcached: Protocol<MemcachedFrame, MemcachedState, MemcachedDetail> = {
  id: "memcached",
  limits: {
    frameBytesMax: memcachedLimits.frameBytesMax,
    inFlightMax: memcachedLimits.inFlightMax,
  },
  detect,
  createState,
  parse,
  skipped,
  lost,
  resync,
  match,
  describe,
};
