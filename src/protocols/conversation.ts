/**
 * What drive.ts knows of one connection: which protocol it speaks, the protocol's state, and the
 * exchanges that are under way. Invariant: every exchange in inFlight was opened and not closed.
 */
import type { ConnectionInfo, Direction, Role } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { StreamPair } from "../model/stream.ts";
import type { Protocol, Traffic } from "./contract.ts";
import type { Choice } from "./detection.ts";
import { Trial } from "./trial.ts";

/** detecting: not known yet. opaque: none. tls: ciphertext, until plaintext comes. */
export type Mode = "detecting" | "parsing" | "opaque" | "tls";

/** The connection's description; the driver may learn its role. */
export interface DrivenConnection extends ConnectionInfo {
  role: Role;
  tls: boolean;
  midstream: boolean;
  garbled?: boolean | undefined;
  /** CLOCK_MONOTONIC ns of the call that began it, or of the first that was seen. */
  readonly startNs?: number;
}

export interface DirectionState {
  /** Bytes still to be passed over; Infinity until the direction ends. */
  skip: number;
  /** A boundary must be found before parsing goes on. */
  resync: boolean;
  ended: boolean;
  lastNs: number;
  lastTid: number;
  /** Bytes that the last call left in the stream: what stands behind them is new. */
  left: number;
  /** All bytes that have moved, captured or not. */
  bytes: number;
}

/** What stops the loop until the whole connection has been looked at again. */
export type Interruption =
  | { readonly choice: Choice }
  | { readonly failed: Direction; readonly reason: "parse_error" | "frame_too_large" };

export interface Conversation {
  readonly info: DrivenConnection;
  readonly streams: StreamPair;
  mode: Mode;
  protocol: Protocol | undefined;
  state: unknown;
  readonly directions: Readonly<Record<Direction, DirectionState>>;
  readonly inFlight: Exchange[];
  nextIndex: number;
  /** The same count of what the server began. */
  nextPushedIndex: number;
  /** Messages of a connection joined in the middle that were looked at in vain. */
  looks: number;
  /** Parse errors that nothing has made good: a complete exchange, or many sound frames. */
  errors: number;
  /** Frames since the last error. */
  soundFrames: number;
  /** Until the protocol is certain. */
  trial: Trial | undefined;
  /** Guesses that were wrong. */
  rejected: readonly Protocol[];
  /** All guesses were wrong, and the first is tried again. */
  isExhausted: boolean;
  interruption: Interruption | undefined;
  /** tls: its plaintext is the protocol's that stands here. */
  resumes: boolean;
  /** Of a connection of which no protocol tells. */
  record: Exchange<Traffic> | undefined;
  startNs: number;
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
    nextPushedIndex: 0,
    looks: 0,
    errors: 0,
    soundFrames: 0,
    trial: new Trial(info, 0, 0),
    rejected: [],
    isExhausted: false,
    interruption: undefined,
    resumes: false,
    record: undefined,
    startNs: info.startNs ?? 0,
  };
}

function createDirection(resync: boolean): DirectionState {
  return { skip: 0, resync, ended: false, lastNs: 0, lastTid: 0, left: 0, bytes: 0 };
}
