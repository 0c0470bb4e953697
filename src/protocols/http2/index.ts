/**
 * HTTP/2 (RFC 9113, RFC 7541) as one Protocol. Invariant: every function here obeys ../contract.ts;
 * what the protocol is made of stands in the files beside this one, and in ../http.
 */
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import type { CapturePolicy, Carried, Protocol } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect, resync } from "./detect.ts";
import { http2Fields, requestDetail } from "./heads.ts";
import { createFieldBlock, HpackDecoder } from "./hpack.ts";
import { http2Limits } from "./limits.ts";
import { match } from "./match.ts";
import { ended, parse, passing, skipped } from "./parse.ts";
import { lost } from "./streams.ts";
import type { Http2Detail, Http2Frame, Http2State, Lane } from "./types.ts";

export type { Http2Detail, Http2Frame, Http2State } from "./types.ts";

export const http2: Protocol<Http2Frame, Http2State, Http2Detail> = {
  id: "http2",
  limits: {
    frameBytesMax: http2Limits.frameHeadBytes + http2Limits.blockBytesMax,
    inFlightMax: http2Limits.inFlightMax,
  },
  pairsById: true,
  detect,
  createState,
  inherit,
  parse,
  passing,
  skipped,
  ended,
  lost,
  resync,
  match,
  describe,
};

function createState(
  connection: ConnectionInfo,
  _shared?: unknown,
  policy?: CapturePolicy,
): Http2State {
  return {
    policy,
    request: createLane(connection.midstream),
    response: createLane(connection.midstream),
    streams: new Map(),
    highestStream: 0,
    hasMissed: connection.midstream,
    lostNs: 0,
    streamsInDoubt: 0,
  };
}

/** RFC 7540 section 3.2: a request of HTTP/1 that asked for HTTP/2 is answered on stream 1. */
function inherit(
  carried: Carried,
  state: Http2State,
  adopt: (detail: Http2Detail) => Exchange<Http2Detail>,
): void {
  const block = createFieldBlock();
  for (const [name, value] of carried.fields) {
    block.names[block.count] = name;
    block.values[block.count] = value;
    block.count++;
  }
  const exchange = adopt(requestDetail(block, state.policy));
  state.highestStream = 1;
  const stream = { answered: false, isSent: true, isInDoubt: false, wasTruncated: false };
  state.streams.set(1, { ...stream, exchange });
}

function createLane(joined: boolean): Lane {
  return {
    hpack: new HpackDecoder(http2Fields, joined),
    counts: { data: 0, headers: 0, priority: 0, settings: 0, ping: 0, windowUpdate: 0, other: 0 },
    block: undefined,
    dataStream: 0,
    dataEndsStream: false,
    dataPadding: 0,
    dataLeft: 0,
  };
}
