/** The CQL binary protocol of Cassandra, versions 3, 4 and 5. See README.md. */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { cassandraLimits } from "./limits.ts";
import { lost, match } from "./match.ts";
import { ended, parse, skipped } from "./parse.ts";
import type { CassandraDetail, CassandraFrame, CassandraState, Lane } from "./types.ts";

function createLane(): Lane {
  return { remaining: 0, afterSkip: "nothing" };
}

function createState(connection: ConnectionInfo): CassandraState {
  return {
    framing: "envelopes",
    framingUnknown: connection.midstream,
    compression: undefined,
    lanes: { request: createLane(), response: createLane() },
    keyspace: undefined,
    applicationName: undefined,
    pending: new Map(),
    candidates: [],
    answering: undefined,
    prepared: new Map(),
    preparedChars: 0,
    boundTexts: new Map(),
  };
}

export const cassandra: Protocol<CassandraFrame, CassandraState, CassandraDetail> = {
  id: "cassandra",
  limits: {
    frameBytesMax: cassandraLimits.segmentWindowBytes,
    inFlightMax: cassandraLimits.inFlightMax,
  },
  pairsById: true,
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
