/** FastCGI 1.0, told as the HTTP requests that it carries. See README.md. */
import type { ConnectionInfo, Side } from "../../model/connection.ts";
import type { Protocol, StreamView } from "../contract.ts";
import { describe } from "./describe.ts";
import { detect } from "./detect.ts";
import { fastcgiLimits } from "./limits.ts";
import { lost, match } from "./match.ts";
import { parse } from "./parse.ts";
import type { FastcgiDetail, FastcgiFrame, FastcgiState } from "./types.ts";

function createState({ midstream }: ConnectionInfo): FastcgiState {
  return {
    request: { seeking: midstream },
    response: { seeking: midstream },
    running: new Map(),
  };
}

/** parse() looks for the boundary itself: it can wait for more bytes. */
function resync(view: StreamView, side: Side, state: FastcgiState): number {
  state[side].seeking = true;
  return view.start;
}

export const fastcgi: Protocol<FastcgiFrame, FastcgiState, FastcgiDetail> = {
  id: "fastcgi",
  limits: { frameBytesMax: fastcgiLimits.frameBytesMax, inFlightMax: fastcgiLimits.inFlightMax },
  detect,
  createState,
  parse,
  lost,
  resync,
  match,
  describe,
};
