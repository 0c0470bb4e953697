/**
 * The one loop that turns bytes into exchanges: detect, parse, match. Invariants: every opened
 * exchange is closed or withdrawn exactly once; bytes never throw (our own bugs are caught at the
 * connection, which is then left alone and counted); no time is read here, all of it comes with the
 * bytes.
 */
import type { Direction } from "../model/connection.ts";
import type { Segment, StreamPair } from "../model/stream.ts";
import type { Drops } from "../self/drops.ts";
import type { CapturePolicy, ConnectionRecord, Moment, Protocol } from "./contract.ts";
import {
  type Conversation,
  createConversation,
  type DrivenConnection,
  type Interruption,
} from "./conversation.ts";
import { type Choice, choose, judge } from "./detection.ts";
import { type ExchangeEvents, Ledger } from "./ledger.ts";
import { Reader } from "./reader.ts";
import { sideOf } from "./sides.ts";
import type { Move } from "./trial.ts";

export type { ExchangeEvents } from "./ledger.ts";

/** Bytes that moved without being captured. */
export interface Passed {
  readonly length: number;
  readonly last: Moment;
}

export interface DriverOptions {
  /** Enabled protocols in order of detection. */
  readonly protocols: readonly Protocol[];
  /** Tells of connections that speak none of them. */
  readonly record?: ConnectionRecord | undefined;
  readonly drops: Drops;
  readonly events: ExchangeEvents;
  readonly policy?: CapturePolicy | undefined;
}

const DIRECTIONS = ["in", "out"] as const;
const NO_MOVES: readonly Move[] = [];
/** A half frame that stands so long beside an expired exchange may hide its answer. */
const STUCK_NS_MAX = 10e9;

export class ProtocolDriver {
  readonly #drops: Drops;
  readonly #ledger: Ledger;
  readonly #reader: Reader;
  constructor(options: DriverOptions) {
    const { drops, events, protocols, record, policy } = options;
    this.#drops = drops;
    this.#ledger = new Ledger({ drops, events, record });
    this.#reader = new Reader({ protocols, drops, ledger: this.#ledger, policy });
  }

  /** Exchanges that are under way, of all connections. */
  get openExchanges(): number {
    return this.#ledger.openExchanges;
  }

  /** Memory of what is kept until the guesses at protocols are certain. */
  get trialBytes(): number {
    return this.#ledger.memory.bytes;
  }

  start(info: DrivenConnection, streams: StreamPair): Conversation {
    return createConversation(info, streams);
  }

  /** New bytes stand in the direction's stream; `last` is the moment of the last of them. */
  advance(conversation: Conversation, direction: Direction, last: Moment): void {
    const state = conversation.directions[direction];
    const stream = conversation.streams[direction];
    // What a protocol has left of a datagram is gone when the next one comes.
    if (conversation.info.transport === "udp") state.left = 0;
    const length = stream.end - stream.start - state.left;
    this.#moved(conversation, direction, length, last);
    if (conversation.mode === "opaque" || conversation.mode === "tls") {
      stream.clear();
      return;
    }
    if (conversation.trial !== undefined && length > 0) {
      const bytes = stream.bytes.subarray(stream.end - length, stream.end);
      conversation.trial.arrived(direction, bytes, segmentOf(last, stream.eventLoopAt(stream.end)));
    }
    try {
      this.#settle(conversation, direction, NO_MOVES);
    } catch (error) {
      this.#failed(conversation, error);
    }
    this.#leaveOff(conversation);
  }

  /** `length` bytes of the direction passed without being captured. */
  uncaptured(conversation: Conversation, direction: Direction, passed: Passed): void {
    this.#moved(conversation, direction, passed.length, passed.last);
    if (conversation.mode === "opaque" || conversation.mode === "tls") return;
    conversation.trial?.passed(direction, passed.length, segmentOf(passed.last));
    this.#passed(conversation, direction, passed);
    conversation.trial?.keep(this.#ledger.memory);
    this.#leaveOff(conversation);
  }

  /** An unknown number of bytes of the direction is missing. */
  lost(conversation: Conversation, direction: Direction, at: Moment): void {
    if (conversation.mode === "opaque" || conversation.mode === "tls") return;
    this.#drops.count("stream_gap");
    const { trial } = conversation;
    if (conversation.mode === "parsing") trial?.stop(this.#ledger.memory);
    else trial?.forget(this.#ledger.memory, direction);
    try {
      this.#reader.loseSync(conversation, direction, at);
    } catch (error) {
      this.#failed(conversation, error);
    }
    this.#leaveOff(conversation);
  }

  /** The direction has ended: end of stream, shutdown or close. */
  ended(conversation: Conversation, direction: Direction, last: Moment): void {
    if (conversation.directions[direction].ended) return;
    conversation.trial?.ended(direction, segmentOf(last));
    this.#end(conversation, direction, last);
    conversation.trial?.keep(this.#ledger.memory);
  }

  /** The connection is over: what is under way ends with it. */
  closed(conversation: Conversation, last: Moment): void {
    this.#decide(conversation);
    this.ended(conversation, "in", last);
    this.ended(conversation, "out", last);
    conversation.directions.in.lastTid = last.tid;
    conversation.directions.out.lastTid = last.tid;
    this.#finish(conversation, last, "closed_early");
  }

  /** Nobody will look at the connection any more; it may well live on. Returns what was open. */
  abandon(conversation: Conversation, nowNs: number): number {
    this.#decide(conversation);
    const open = conversation.inFlight.length;
    this.#finish(conversation, { timeNs: nowNs, tid: 0 }, "truncated");
    return open;
  }

  /** Plaintext begins (a TLS library's calls): what went before was the handshake. */
  restart(conversation: Conversation): void {
    this.#ledger.dropRecord(conversation);
    for (const direction of DIRECTIONS) {
      conversation.streams[direction].clear();
      const state = conversation.directions[direction];
      state.skip = 0;
      state.left = 0;
      state.bytes = 0;
      state.resync = conversation.info.midstream;
    }
    if (conversation.resumes) {
      conversation.resumes = false;
      conversation.mode = "parsing";
      return;
    }
    this.#ledger.withdraw(conversation);
    this.#ledger.closeAll(conversation, conversation.directions.in.lastNs, "truncated");
    this.#reader.leave(conversation, "detecting");
  }

  /** Gives up the exchanges that began before `beforeNs`; reading goes on at a boundary. */
  expire(conversation: Conversation, beforeNs: number, nowNs: number): void {
    if (conversation.inFlight.length === 0) return;
    try {
      this.#reader.expire(conversation, nowNs);
    } catch (error) {
      this.#failed(conversation, error);
    }
    if (conversation.protocol?.lasts === true) return;
    const oldest = conversation.inFlight[0];
    if (oldest === undefined || oldest.startNs >= beforeNs) return;
    if (conversation.protocol?.pairsById === true) {
      if (isBetweenFrames(conversation)) {
        this.#expireOld(conversation, beforeNs, nowNs);
        return;
      }
      if (oldest.startNs >= beforeNs - STUCK_NS_MAX) return;
    }
    this.#drops.count("exchange_expired", conversation.inFlight.length);
    const at = { timeNs: nowNs, tid: 0 };
    this.#ledger.closeAll(conversation, nowNs, "no_response");
    if (conversation.errors === 0) this.#ledger.believe(conversation);
    try {
      this.#reader.loseSync(conversation, "in", at);
      this.#reader.loseSync(conversation, "out", at);
    } catch (error) {
      this.#failed(conversation, error);
    }
    this.#leaveOff(conversation);
  }

  /** The others' answers name their requests: they can still come. */
  #expireOld(conversation: Conversation, beforeNs: number, nowNs: number): void {
    const old = conversation.inFlight.filter(({ startNs }) => startNs < beforeNs);
    this.#drops.count("exchange_expired", old.length);
    for (const exchange of old) this.#ledger.close(conversation, exchange, nowNs, "no_response");
    if (conversation.errors === 0) this.#ledger.believe(conversation);
  }

  /** Told of errors that are bugs of ours, beside the count. */
  onBug: ((error: unknown) => void) | undefined;

  #moved(conversation: Conversation, direction: Direction, length: number, last: Moment): void {
    const state = conversation.directions[direction];
    state.lastNs = last.timeNs;
    state.lastTid = last.tid;
    state.bytes += length;
    if (conversation.startNs === 0) conversation.startNs = last.timeNs;
  }

  #leaveOff({ streams, directions }: Conversation): void {
    directions.in.left = streams.in.end - streams.in.start;
    directions.out.left = streams.out.end - streams.out.start;
  }

  /** No more bytes are to come: who has only waited for more is not waited for. */
  #decide(conversation: Conversation): void {
    if (conversation.mode !== "detecting") return;
    try {
      const choice = this.#reader.lastLook(conversation);
      if (choice !== undefined) this.#begin(conversation, choice, []);
    } catch (error) {
      this.#failed(conversation, error);
    }
    this.#leaveOff(conversation);
  }

  #finish(conversation: Conversation, last: Moment, outcome: "closed_early" | "truncated"): void {
    this.#ledger.closeAll(conversation, last.timeNs, outcome);
    this.#ledger.conclude(conversation);
    this.#ledger.closeRecord(conversation, last, outcome === "closed_early");
  }

  #failed(conversation: Conversation, error: unknown): void {
    this.#drops.count("connection_failed");
    conversation.interruption = undefined;
    this.#reader.leave(conversation, "opaque");
    this.onBug?.(error);
  }

  /**
   * Makes what has arrived into exchanges, and looks at the whole connection again when a direction
   * says that the guess is wrong. `ahead` are the moves behind this one while earlier ones are
   * repeated. False = another protocol has been given them all.
   */
  #settle(conversation: Conversation, direction: Direction, ahead: readonly Move[]): boolean {
    if (conversation.trial !== undefined) this.#compare(conversation, direction, ahead);
    if (conversation.interruption === undefined) this.#reader.advanceBoth(conversation, direction);
    for (;;) {
      const interruption = conversation.interruption;
      if (interruption === undefined) break;
      conversation.interruption = undefined;
      const choice = this.#choiceOf(conversation, interruption, ahead);
      if (choice !== undefined) {
        this.#begin(conversation, choice, ahead);
        return false;
      }
      if ("choice" in interruption) break;
      this.#drops.count(interruption.reason);
      this.#reader.recover(conversation, interruption.failed);
      this.#reader.advanceBoth(conversation, interruption.failed);
    }
    conversation.trial?.keep(this.#ledger.memory);
    return true;
  }

  /** The first bytes of a direction whose other one was the reason for the guess. */
  #compare(conversation: Conversation, direction: Direction, ahead: readonly Move[]): void {
    const { trial, protocol, streams, info } = conversation;
    if (trial === undefined || protocol === undefined || trial.heard[direction]) return;
    trial.heard[direction] = true;
    if (!trial.isWhole || conversation.mode !== "parsing") return;
    const found = protocol.detect(streams[direction]);
    if (found === "more" || found === sideOf(info.role, direction)) return;
    if (found !== "no" && trial.role === "unknown") {
      // Both directions claim the same side: which end this is, later messages must tell.
      this.#reader.lookAgain(conversation);
      return;
    }
    const views = { in: trial.viewOf("in", ahead), out: trial.viewOf("out", ahead) };
    const other = choose(this.#reader.candidates(conversation), views, trial.role);
    const own = judge(protocol, views, trial.role);
    if (typeof other === "string" || (typeof own !== "string" && own.rank <= other.rank)) return;
    conversation.interruption = { choice: other };
  }

  /** Who is given the connection from its beginning; undefined = nobody better. */
  #choiceOf(
    conversation: Conversation,
    interruption: Interruption,
    ahead: readonly Move[],
  ): Choice | undefined {
    if ("choice" in interruption) return interruption.choice;
    const { trial, protocol } = conversation;
    if (trial === undefined || protocol === undefined) return undefined;
    if (!trial.isWhole || conversation.isExhausted) return undefined;
    const views = { in: trial.viewOf("in", ahead), out: trial.viewOf("out", ahead) };
    const rejected = [...conversation.rejected, protocol];
    const others = this.#reader.candidates(conversation).filter((other) => other !== protocol);
    const found = choose(others, views, trial.role);
    if (typeof found !== "string") {
      conversation.rejected = rejected;
      return found;
    }
    // Nobody reads it without an error: the first guess may have more of them.
    const first = rejected[0];
    if (first === undefined || first === protocol) return undefined;
    conversation.isExhausted = true;
    const again = judge(first, views, trial.role);
    return typeof again === "string" ? undefined : again;
  }

  /** Gives a protocol everything from the beginning, in the order in which it came. */
  #begin(conversation: Conversation, choice: Choice, ahead: readonly Move[]): void {
    const { trial, streams, directions } = conversation;
    const moves = [...(trial?.takeMoves(this.#ledger.memory) ?? []), ...ahead];
    this.#ledger.withdraw(conversation);
    for (const direction of DIRECTIONS) {
      streams[direction].clear();
      directions[direction].skip = 0;
      directions[direction].ended = false;
    }
    this.#reader.speak(conversation, choice);
    for (const [index, move] of moves.entries()) {
      if (!this.#repeat(conversation, move, moves.slice(index + 1))) return;
    }
  }

  #repeat(conversation: Conversation, move: Move, ahead: readonly Move[]): boolean {
    const { direction, bytes, segment } = move;
    const state = conversation.directions[direction];
    state.lastNs = segment.timeNs;
    state.lastTid = segment.tid;
    const { trial } = conversation;
    if (bytes.length > 0) {
      conversation.streams[direction].append(bytes, segment);
      trial?.arrived(direction, bytes, segment);
      const isDone = this.#settle(conversation, direction, ahead);
      conversation.streams[direction].retain();
      return isDone;
    }
    if (move.ended) {
      trial?.ended(direction, segment);
      this.#end(conversation, direction, segment);
    } else {
      trial?.passed(direction, move.passed, segment);
      this.#passed(conversation, direction, { length: move.passed, last: segment });
    }
    conversation.trial?.keep(this.#ledger.memory);
    return true;
  }

  #end(conversation: Conversation, direction: Direction, last: Moment): void {
    try {
      this.#reader.end(conversation, direction, last);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }

  #passed(conversation: Conversation, direction: Direction, { length, last }: Passed): void {
    const state = conversation.directions[direction];
    if (state.skip < length) {
      this.lost(conversation, direction, last);
      return;
    }
    state.skip -= length;
    try {
      const { timeNs } = last;
      this.#reader.pass(conversation, direction, {
        ...{ bytes: undefined, start: 0, end: length, timeNs },
      });
      if (state.skip > 0) return;
      this.#reader.skipped(conversation, direction);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }
}

function isBetweenFrames({ directions, streams }: Conversation): boolean {
  return DIRECTIONS.every((direction) => {
    const stream = streams[direction];
    return stream.end === stream.start && directions[direction].skip === 0;
  });
}

function segmentOf({ timeNs, tid }: Moment, eventLoop = false): Segment {
  return { timeNs, tid, eventLoop };
}
