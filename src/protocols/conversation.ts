/**
 * What drive.ts knows of one connection: which protocol it speaks, the protocol's state, and the
 * exchanges that are under way. Invariant: every exchange in inFlight was opened and not closed.
 */
import type { ConnectionInfo, Direction, Role, Side } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { StreamPair } from "../model/stream.ts";
import type { Protocol } from "./contract.ts";

/** detecting: not known yet. opaque: none. tls: ciphertext, until plaintext comes. */
export type Mode = "detecting" | "parsing" | "opaque" | "tls";

/** The connection's description; the driver may learn its role. */
export interface DrivenConnection extends ConnectionInfo {
  role: Role;
  tls: boolean;
  midstream: boolean;
}

export interface DirectionState {
  /** Bytes still to be passed over; Infinity until the direction ends. */
  skip: number;
  /** A boundary must be found before parsing goes on. */
  resync: boolean;
  ended: boolean;
  lastNs: number;
  lastTid: number;
}

export interface Conversation {
  readonly info: DrivenConnection;
  readonly streams: StreamPair;
  mode: Mode;
  protocol: Protocol | undefined;
  state: unknown;
  readonly directions: Readonly<Record<Direction, DirectionState>>;
  readonly inFlight: Exchange[];
  nextIndex: number;
  bytesUndetected: number;
  errors: number;
}

export function createConversation(info: DrivenConnection, streams: StreamPair): Conversation {
  return {
    info,
    streams,
    mode: "detecting",
    protocol: undefined,
    state: undefined,
    directions: { in: createDirection(info.midstream), out: createDirection(info.midstream) },
    inFlight: [],
    nextIndex: 0,
    bytesUndetected: 0,
    errors: 0,
  };
}

function createDirection(resync: boolean): DirectionState {
  return { skip: 0, resync, ended: false, lastNs: 0, lastTid: 0 };
}

/** The side a direction carries; undefined while the role is not known. */
export function sideOf(role: Role, direction: Direction): Side | undefined {
  if (role === "unknown") return undefined;
  return (role === "client") === (direction === "out") ? "request" : "response";
}

export function roleOf(direction: Direction, side: Side): Role {
  return (direction === "out") === (side === "request") ? "client" : "server";
}

export function otherDirection(direction: Direction): Direction {
  return direction === "in" ? "out" : "in";
}
