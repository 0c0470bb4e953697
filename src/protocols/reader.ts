/**
 * Moves one conversation on by what stands at the head of its streams: detect, pass over, find a
 * boundary, parse, hand over. Invariant: every step consumes bytes, changes the mode or stops.
 */
import { assert } from "../lib/assert.ts";
import { limits } from "../limits.ts";
import type { ConnectionInfo, Direction, Side } from "../model/connection.ts";
import type { Drops } from "../self/drops.ts";
import type {
  CapturePolicy,
  Carried,
  ExchangeSink,
  FrameSink,
  HandOver,
  Moment,
  PassedPiece,
  Protocol,
} from "./contract.ts";
import type { Conversation } from "./conversation.ts";
import { type Choice, choose, isTlsHello, isTlsRecord } from "./detection.ts";
import type { Ledger } from "./ledger.ts";
import { otherDirection, sideOf } from "./sides.ts";
import { TRIAL_FRAMES_MAX } from "./trial.ts";

export interface ReaderOptions {
  readonly protocols: readonly Protocol[];
  readonly drops: Drops;
  readonly ledger: Ledger;
  readonly policy: CapturePolicy | undefined;
}

/** Parse errors after which a connection is taken not to speak the protocol after all. */
const PARSE_ERRORS_MAX = 8;
/** Frames since the last error that make it good, as a complete exchange does. */
export const FORGIVING_FRAMES = 64;
const DIRECTIONS = ["in", "out"] as const;

export class Reader {
  readonly #policy: CapturePolicy | undefined;
  readonly #protocols: readonly Protocol[];
  readonly #datagramProtocols: readonly Protocol[];
  readonly #drops: Drops;
  readonly #ledger: Ledger;
  /** The sinks are made once; these fields say for which conversation they speak. */
  #current: Conversation | undefined;
  #side: Side = "request";
  #skip = 0;
  #handOver: HandOver | undefined;
  /** What the connections of a protocol share. */
  readonly #shared = new Map<Protocol, unknown>();

  readonly #frames: FrameSink<unknown> = {
    frame: (frame) => {
      const conversation = this.#current;
      if (conversation === undefined) return;
      conversation.protocol?.match(frame, this.#side, conversation.state, this.#exchanges);
      if (conversation.trial !== undefined || conversation.errors > 0) this.#sound(conversation);
    },
    skip: (length) => {
      this.#skip += length;
    },
    handOver: (to) => {
      this.#handOver = to;
    },
  };

  readonly #exchanges: ExchangeSink<unknown> = {
    open: (start) => this.#ledger.open(this.#current as Conversation, start),
    close: (exchange, endNs, outcome) =>
      this.#ledger.close(this.#current as Conversation, exchange, endNs, outcome),
    orphan: () => this.#drops.count("orphan_response"),
  };

  constructor({ protocols, drops, ledger, policy }: ReaderOptions) {
    this.#policy = policy;
    this.#protocols = protocols.filter(({ datagrams }) => datagrams !== true);
    this.#datagramProtocols = protocols.filter(({ datagrams }) => datagrams === true);
    this.#drops = drops;
    this.#ledger = ledger;
  }

  /** A hand-over or a detection in one direction may free bytes that wait in the other. */
  advanceBoth(conversation: Conversation, direction: Direction): void {
    const before = conversation.protocol;
    this.#run(conversation, direction);
    const other = otherDirection(direction);
    if (conversation.protocol === before && conversation.mode === "parsing") return;
    const waiting = conversation.streams[other];
    if (waiting.end > waiting.start) this.#run(conversation, other);
    const own = conversation.streams[direction];
    if (own.end > own.start && conversation.mode === "parsing") this.#run(conversation, direction);
  }

  /** Bytes of a skip go by. */
  pass(conversation: Conversation, direction: Direction, piece: PassedPiece): void {
    const { protocol, info, state } = conversation;
    if (protocol?.passing === undefined) return;
    protocol.passing(piece, sideOf(info.role, direction) ?? "request", state);
  }

  skipped(conversation: Conversation, direction: Direction): void {
    const state = conversation.directions[direction];
    const side = sideOf(conversation.info.role, direction) ?? "request";
    const last = { timeNs: state.lastNs, tid: state.lastTid };
    this.#enter(conversation, side);
    conversation.protocol?.skipped?.(side, conversation.state, last, this.#frames);
    this.#obey(conversation, direction);
  }

  end(conversation: Conversation, direction: Direction, last: Moment): void {
    const state = conversation.directions[direction];
    state.ended = true;
    state.skip = 0;
    const side = sideOf(conversation.info.role, direction);
    if (conversation.mode !== "parsing" || side === undefined || state.resync) return;
    this.#enter(conversation, side);
    conversation.protocol?.ended?.(side, conversation.state, last, this.#frames);
    this.#obey(conversation, direction);
  }

  /** The guess is forgotten with its bytes; what follows decides. False = no look is left. */
  lookAgain(conversation: Conversation): boolean {
    const { rejected, streams, directions } = conversation;
    this.#ledger.withdraw(conversation);
    this.#ledger.forgetTrial(conversation);
    const mayLook = ++conversation.looks < limits.detectMessagesMax;
    if (!mayLook) this.#drops.count("stream_opaque");
    for (const direction of DIRECTIONS) streams[direction].clear();
    this.leave(conversation, mayLook ? "detecting" : "opaque");
    for (const direction of DIRECTIONS) directions[direction].resync = true;
    conversation.rejected = rejected;
    return mayLook;
  }

  /** The choice by what is there, when no more bytes will come. */
  lastLook(conversation: Conversation): Choice | undefined {
    const { streams, info, trial } = conversation;
    if (trial?.isWhole !== true) return undefined;
    const found = choose(this.candidates(conversation), streams, info.role, true);
    return typeof found === "string" ? undefined : found;
  }

  candidates({ rejected, info }: Conversation): readonly Protocol[] {
    const protocols = info.transport === "udp" ? this.#datagramProtocols : this.#protocols;
    if (rejected.length === 0) return protocols;
    return protocols.filter((protocol) => !rejected.includes(protocol));
  }

  /** The protocol gives up what it has waited for too long. */
  expire(conversation: Conversation, nowNs: number): void {
    const { protocol, state } = conversation;
    if (protocol?.expire === undefined) return;
    this.#enter(conversation, "response");
    protocol.expire(state, nowNs, this.#exchanges);
    if (conversation.errors === 0) this.#ledger.believe(conversation);
  }

  #stateOf(protocol: Protocol, info: ConnectionInfo): unknown {
    if (protocol.createShared === undefined) {
      return protocol.createState(info, undefined, this.#policy);
    }
    const shared = this.#shared.get(protocol) ?? protocol.createShared();
    this.#shared.set(protocol, shared);
    return protocol.createState(info, shared, this.#policy);
  }

  speak(conversation: Conversation, { protocol, role, begins }: Choice): void {
    const { info, directions, trial } = conversation;
    this.#ledger.dropRecord(conversation);
    info.role = role;
    conversation.mode = "parsing";
    conversation.protocol = protocol;
    conversation.state = this.#stateOf(protocol, info);
    conversation.errors = 0;
    conversation.soundFrames = 0;
    for (const direction of DIRECTIONS) {
      // What detect() has recognised begins a frame.
      directions[direction].resync = info.midstream && !begins[direction];
      if (trial !== undefined) trial.heard[direction] = begins[direction];
    }
  }

  /** The head of the stream is not a frame: look for one behind it, or give the protocol up. */
  recover(conversation: Conversation, direction: Direction): boolean {
    const stream = conversation.streams[direction];
    const at = { timeNs: stream.timeAt(stream.start), tid: stream.tidAt(stream.start) };
    conversation.errors++;
    conversation.soundFrames = 0;
    // Exchanges can no longer be counted alike on both ends.
    conversation.info.garbled = true;
    if (conversation.errors > PARSE_ERRORS_MAX) {
      this.#giveUp(conversation, at.timeNs);
      return false;
    }
    stream.consume(1);
    const side = sideOf(conversation.info.role, direction) ?? "request";
    this.#enter(conversation, side);
    conversation.protocol?.lost(side, conversation.state, at, this.#exchanges);
    conversation.directions[direction].resync = true;
    return stream.end > stream.start;
  }

  loseSync(conversation: Conversation, direction: Direction, at: Moment): void {
    conversation.streams[direction].clear();
    conversation.directions[direction].skip = 0;
    conversation.directions[direction].resync = true;
    // Exchanges can no longer be counted alike on both ends.
    conversation.info.midstream = true;
    const side = sideOf(conversation.info.role, direction);
    if (conversation.mode !== "parsing" || side === undefined) return;
    this.#enter(conversation, side);
    conversation.protocol?.lost(side, conversation.state, at, this.#exchanges);
  }

  leave(conversation: Conversation, mode: "detecting" | "opaque" | "tls"): void {
    const { directions, streams } = conversation;
    conversation.mode = mode;
    conversation.protocol = undefined;
    conversation.state = undefined;
    conversation.errors = 0;
    conversation.soundFrames = 0;
    conversation.rejected = [];
    conversation.isExhausted = false;
    conversation.resumes = false;
    conversation.interruption = undefined;
    for (const direction of DIRECTIONS) directions[direction].skip = 0;
    if (mode === "detecting") {
      const trial = this.#ledger.newTrial(conversation);
      for (const direction of DIRECTIONS) {
        trial.foundWaiting(direction, streams[direction], this.#ledger.memory);
      }
      return;
    }
    this.#ledger.closeAll(conversation, directions.in.lastNs, "truncated");
    this.#ledger.conclude(conversation);
    for (const direction of DIRECTIONS) streams[direction].clear();
    this.#ledger.openRecord(conversation);
  }

  #run(conversation: Conversation, direction: Direction): void {
    const stream = conversation.streams[direction];
    while (stream.end > stream.start && conversation.interruption === undefined) {
      const before = stream.end - stream.start;
      const mode = conversation.mode;
      if (!this.#step(conversation, direction)) return;
      const moved = stream.end - stream.start < before || mode !== conversation.mode;
      assert(moved, "a step made no progress");
    }
  }

  /** One move at the head of the direction; false = more bytes are needed. */
  #step(conversation: Conversation, direction: Direction): boolean {
    const stream = conversation.streams[direction];
    const state = conversation.directions[direction];
    if (conversation.mode === "opaque" || conversation.mode === "tls") {
      stream.clear();
      return false;
    }
    if (state.skip > 0) return this.#passOver(conversation, direction);
    if (conversation.mode === "detecting") return this.#detect(conversation, direction);
    const side = sideOf(conversation.info.role, direction) ?? "request";
    if (state.resync && !this.#resync(conversation, direction, side)) return false;
    return this.#parse(conversation, direction, side);
  }

  #passOver(conversation: Conversation, direction: Direction): boolean {
    const stream = conversation.streams[direction];
    const state = conversation.directions[direction];
    const length = Math.min(state.skip, stream.end - stream.start);
    state.lastNs = stream.timeAt(stream.start + length - 1);
    state.lastTid = stream.tidAt(stream.start + length - 1);
    const { bytes, start } = stream;
    const timeNs = stream.timeAt(start);
    this.pass(conversation, direction, { bytes, start, end: start + length, timeNs });
    stream.consume(length);
    state.skip -= length;
    if (state.skip === 0) this.skipped(conversation, direction);
    return true;
  }

  #detect(conversation: Conversation, direction: Direction): boolean {
    const { streams, info, trial } = conversation;
    const stream = streams[direction];
    const isDatagram = info.transport === "udp";
    if (!isDatagram && isTlsHello(stream)) {
      this.leave(conversation, "tls");
      return false;
    }
    // Nothing more of a datagram is to come.
    const isFull = isDatagram || stream.end - stream.start >= limits.detectBytesMax;
    const found = choose(this.candidates(conversation), streams, info.role, isFull);
    if (found === "more" && !isFull) return false;
    if (typeof found === "string") return this.#undetected(conversation, direction, isFull);
    const other = streams[otherDirection(direction)];
    if (other.end > other.start && trial?.isWhole === true) {
      // Both directions have waited: they are given to the protocol in the order of their times.
      conversation.interruption = { choice: found };
      return false;
    }
    this.speak(conversation, found);
    return true;
  }

  #undetected(conversation: Conversation, direction: Direction, isFull: boolean): boolean {
    const { streams, info, directions, trial } = conversation;
    const stream = streams[direction];
    const isRecord = info.transport !== "udp" && isTlsRecord(stream);
    const other = streams[otherDirection(direction)];
    // The other direction may still say what this one is.
    if (!info.midstream && !isRecord && !isFull && other.end === other.start) {
      // Now, because the other end, when it reads these bytes, looks for this one.
      this.#ledger.openRecord(conversation);
      return false;
    }
    // Joined in the middle, the next message may begin a frame.
    if (info.midstream && !isRecord && ++conversation.looks < limits.detectMessagesMax) {
      stream.clear();
      trial?.forget(this.#ledger.memory, direction);
      directions[direction].resync = true;
      return false;
    }
    if (!isRecord) this.#drops.count("stream_opaque");
    this.leave(conversation, isRecord ? "tls" : "opaque");
    return false;
  }

  #resync(conversation: Conversation, direction: Direction, side: Side): boolean {
    const stream = conversation.streams[direction];
    const found = conversation.protocol?.resync(stream, side, conversation.state) ?? -1;
    if (found < 0) {
      stream.clear();
      return false;
    }
    conversation.directions[direction].resync = false;
    if (found > stream.start) stream.consume(found - stream.start);
    return stream.end > stream.start;
  }

  #parse(conversation: Conversation, direction: Direction, side: Side): boolean {
    const stream = conversation.streams[direction];
    const protocol = conversation.protocol;
    if (protocol === undefined) return false;
    this.#enter(conversation, side);
    const status = protocol.parse(stream, side, conversation.state, this.#frames);
    if (status > 0) {
      const last = stream.start + Math.min(status, stream.end - stream.start) - 1;
      conversation.directions[direction].lastNs = stream.timeAt(last);
      conversation.directions[direction].lastTid = stream.tidAt(last);
      stream.consume(Math.min(status, stream.end - stream.start));
      this.#obey(conversation, direction);
      return true;
    }
    const most = Math.min(protocol.limits.frameBytesMax, limits.streamBytesMax);
    if (status === 0 && stream.end - stream.start <= most) return false;
    const reason = status === 0 ? "frame_too_large" : "parse_error";
    if (conversation.trial?.isWhole === true) {
      conversation.interruption = { failed: direction, reason };
      return false;
    }
    this.#drops.count(reason);
    return this.recover(conversation, direction);
  }

  /** The protocol reads too little of it. A guess is forgotten, and may make room for another. */
  #giveUp(conversation: Conversation, nowNs: number): void {
    const { trial, protocol, info } = conversation;
    if (trial !== undefined && protocol !== undefined && info.midstream) {
      const rejected = [...conversation.rejected, protocol];
      if (this.lookAgain(conversation)) conversation.rejected = rejected;
      return;
    }
    this.#ledger.withdraw(conversation);
    this.#ledger.closeAll(conversation, nowNs, "truncated");
    this.#drops.count("stream_opaque");
    this.#ledger.forgetTrial(conversation);
    this.leave(conversation, "opaque");
  }

  /** A frame was read without an error. */
  #sound(conversation: Conversation): void {
    if (++conversation.soundFrames < TRIAL_FRAMES_MAX) return;
    if (conversation.soundFrames >= FORGIVING_FRAMES) conversation.errors = 0;
    if (conversation.errors === 0) this.#ledger.believe(conversation);
  }

  #enter(conversation: Conversation, side: Side): void {
    this.#current = conversation;
    this.#side = side;
    this.#skip = 0;
    this.#handOver = undefined;
  }

  /** Does what the protocol asked for through its sink. */
  #obey(conversation: Conversation, direction: Direction): void {
    if (this.#skip > 0) conversation.directions[direction].skip += this.#skip;
    this.#skip = 0;
    const to = this.#handOver;
    if (to === undefined) return;
    this.#handOver = undefined;
    this.#leaveTo(conversation, to, conversation.directions[direction].lastNs);
  }

  #leaveTo(conversation: Conversation, to: HandOver, nowNs: number): void {
    if (to === "tlsResume") {
      this.#ledger.believe(conversation);
      conversation.mode = "tls";
      conversation.resumes = true;
      for (const direction of DIRECTIONS) conversation.streams[direction].clear();
      return;
    }
    const next = typeof to === "string" ? undefined : this.#protocolOf(to.protocol);
    const carried = typeof to === "string" ? undefined : to.carried;
    for (const exchange of [...conversation.inFlight]) {
      if (exchange === carried?.exchange) continue;
      this.#ledger.close(conversation, exchange, nowNs, "truncated");
    }
    this.#ledger.conclude(conversation);
    const isAdopted = next !== undefined && this.#succeed(conversation, next, carried);
    if (carried !== undefined && !isAdopted) {
      this.#ledger.close(conversation, carried.exchange, carried.endNs, "complete");
    }
    if (next !== undefined) return;
    this.leave(conversation, to === "detect" ? "detecting" : to === "tls" ? "tls" : "opaque");
  }

  /** The next protocol is known. True = the carried exchange is its own now. */
  #succeed(conversation: Conversation, next: Protocol, carried: Carried | undefined): boolean {
    const { info, directions } = conversation;
    conversation.protocol = next;
    conversation.state = this.#stateOf(next, info);
    conversation.mode = "parsing";
    for (const direction of DIRECTIONS) directions[direction].skip = 0;
    if (carried === undefined) return false;
    let isAdopted = false;
    next.inherit?.(carried, conversation.state, (detail) => {
      isAdopted = true;
      return this.#ledger.adopt(conversation, carried.exchange, detail);
    });
    return isAdopted;
  }

  #protocolOf(id: string): Protocol | undefined {
    return this.#protocols.find((protocol) => protocol.id === id);
  }
}
