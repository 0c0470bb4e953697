/** Memcached's text and meta protocols; beside them the binary one. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { orderedFrom } from "../doubt.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { lost } from "./doubt.ts";
import { memcachedLimits } from "./limits.ts";
import { match } from "./match.ts";
import { parse, skipped } from "./parse.ts";
import type { MemcachedDetail, MemcachedFrame, MemcachedState } from "./types.ts";

function createState({ midstream, role }: ConnectionInfo): MemcachedState {
  return {
    ...orderedFrom(role === "server", midstream),
    pending: [],
    held: undefined,
    storing: undefined,
    scanned: { request: 0, response: 0 },
    first: "",
    firstKey: "",
    values: 0,
    ending: undefined,
  };
}

export { memcachedBinary } from "./binary.ts";

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
