/** The NATS client protocol, with headers and JetStream. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { natsLimits } from "./limits.ts";
import { expire, lost, match } from "./match.ts";
import { ended, parse, skipped } from "./parse.ts";
import type { NatsDetail, NatsFrame, NatsState } from "./types.ts";

function createState({ midstream }: ConnectionInfo): NatsState {
  return {
    midstream,
    missed: midstream,
    passing: { request: undefined, response: undefined },
    subscriptions: new Map(),
    subjects: new Map(),
    requests: new Map(),
    delivered: new Map(),
    pulls: new Map(),
    connect: undefined,
    verbose: false,
    due: [],
    dueUnsure: false,
    pings: 0,
    open: 0,
  };
}

export const nats: Protocol<NatsFrame, NatsState, NatsDetail> = {
  id: "nats",
  limits: { frameBytesMax: natsLimits.frameBytesMax, inFlightMax: natsLimits.inFlightMax },
  detect,
  createState,
  parse,
  skipped,
  ended,
  lost,
  expire,
  resync,
  match,
  describe,
};
