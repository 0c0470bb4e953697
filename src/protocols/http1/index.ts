/**
 * HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112) as one Protocol. Invariant: every function here obeys
 * ../contract.ts; what the protocol is made of stands in the files beside this one.
 */
import type { ConnectionInfo, Side } from "../../model/connection.ts";
import type { CapturePolicy, Protocol } from "../contract.ts";
import { passing } from "./body.ts";
import { describe } from "./describe.ts";
import { detect } from "./detect.ts";
import { http1Limits } from "./limits.ts";
import { match } from "./match.ts";
import { ended, parse, skipped } from "./parse.ts";
import { lost, seek } from "./resync.ts";
import { type Http1Detail, type Http1Frame, type Http1State, type Lane, Phase } from "./types.ts";

export type { Http1Detail, Http1Frame, Http1State } from "./types.ts";

export const http1: Protocol<Http1Frame, Http1State, Http1Detail> = {
  id: "http",
  limits: { frameBytesMax: http1Limits.headBytesMax, inFlightMax: http1Limits.inFlightMax },
  detect,
  createState,
  parse,
  passing,
  skipped,
  ended,
  lost,
  resync: seek,
  match,
  describe,
};

function createState(
  connection: ConnectionInfo,
  _shared?: unknown,
  policy?: CapturePolicy,
): Http1State {
  return {
    policy,
    request: createLane("request"),
    response: createLane("response"),
    pending: [],
    begun: undefined,
    early: undefined,
    answering: false,
    closing: false,
    heldBack: false,
    pipelined: false,
    doubt: false,
    unsure: false,
    midstream: connection.midstream,
    lostNs: 0,
    responseFrame: {
      kind: "response",
      statusCode: 0,
      startNs: 0,
      endNs: 0,
      complete: false,
      persistent: false,
    },
    lastHost: "",
    lastUserAgent: "",
  };
}

function createLane(side: Side): Lane {
  const body = { call: undefined, bodyLeft: 0, trailerLines: 0, trailers: undefined };
  return { side, phase: Phase.head, scannedBytes: 0, orphanBytes: 0, ...body };
}
