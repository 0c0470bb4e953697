/** Memcached's binary protocol. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { orderedFrom } from "../doubt.ts";
import { detect, resync } from "./binary-detect.ts";
import { expire, lost, match } from "./binary-match.ts";
import { ended, parse, skipped } from "./binary-parse.ts";
import type { BinaryFrame, BinaryState } from "./binary-types.ts";
import { describe } from "./describe.ts";
import { memcachedLimits } from "./limits.ts";
import type { MemcachedDetail } from "./types.ts";

function createState({ midstream, role }: ConnectionInfo): BinaryState {
  return {
    ...orderedFrom(role === "server", midstream),
    pending: [],
    pendingStart: 0,
    held: undefined,
    quiet: new Map(),
    isQuietDue: midstream,
    isUnsure: false,
    passing: { request: undefined, response: undefined },
    statBegun: false,
  };
}

export const memcachedBinary: Protocol<BinaryFrame, BinaryState, MemcachedDetail> = {
  id: "memcached",
  limits: {
    frameBytesMax: memcachedLimits.frameBytesMax,
    inFlightMax: memcachedLimits.inFlightMax,
  },
  detect,
  createState,
  parse,
  skipped,
  ended,
  lost,
  resync,
  expire,
  match,
  describe,
};
