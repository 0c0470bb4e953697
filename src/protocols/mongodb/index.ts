/** The MongoDB wire protocol: OP_MSG, OP_COMPRESSED and the opcodes before them. See README.md. */
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { mongodbLimits } from "./limits.ts";
import { lost, match } from "./match.ts";
import { parse, skipped } from "./parse.ts";
import type { MongodbDetail, MongodbFrame, MongodbState } from "./types.ts";

function createState(): MongodbState {
  return {
    pending: new Map(),
    pushed: undefined,
    requestRest: undefined,
    responseRest: undefined,
    hasDoubtful: false,
    applicationName: undefined,
  };
}

export const mongodb: Protocol<MongodbFrame, MongodbState, MongodbDetail> = {
  id: "mongodb",
  limits: {
    frameBytesMax: mongodbLimits.windowBytes,
    inFlightMax: mongodbLimits.inFlightMax,
  },
  pairsById: true,
  detect,
  createState,
  parse,
  skipped,
  lost,
  resync,
  match,
  describe,
};
