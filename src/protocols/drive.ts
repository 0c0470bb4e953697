/**
 * The one loop that turns bytes into exchanges: detect, parse, match. Invariants: every opened
 * exchange is closed exactly once; bytes never throw (our own bugs are caught at the connection,
 * which is then left alone and counted); no time is read here, all of it comes with the bytes.
 */
import { assert } from "../lib/assert.ts";
import { limits } from "../limits.ts";
import type { Direction, Side } from "../model/connection.ts";
import type { Exchange, Outcome } from "../model/exchange.ts";
import type { StreamPair } from "../model/stream.ts";
import type { Drops } from "../self/drops.ts";
import type { ExchangeSink, ExchangeStart, FrameSink, Moment, Protocol } from "./contract.ts";
import {
  type Conversation,
  createConversation,
  type DrivenConnection,
  otherDirection,
  roleOf,
  sideOf,
} from "./conversation.ts";

export interface ExchangeEvents {
  opened(exchange: Exchange): void;
  /** `tid` moved the last bytes of the answer, or closed the connection. */
  closed(exchange: Exchange, tid: number): void;
}

/** Bytes that moved without being captured. */
export interface Passed {
  readonly length: number;
  readonly last: Moment;
}

export interface DriverOptions {
  /** Enabled protocols in order of detection. */
  readonly protocols: readonly Protocol[];
  readonly drops: Drops;
  readonly events: ExchangeEvents;
}

/** Parse errors after which a connection is taken not to speak the protocol after all. */
const PARSE_ERRORS_MAX = 8;

export class ProtocolDriver {
  readonly #protocols: readonly Protocol[];
  readonly #drops: Drops;
  readonly #events: ExchangeEvents;
  /** The sinks are made once; these fields say for which conversation they speak. */
  #current: Conversation | undefined;
  #side: Side = "request";
  #skip = 0;
  #handOver: "detect" | "opaque" | "tls" | undefined;
  #openExchanges = 0;

  readonly #frames: FrameSink<unknown> = {
    frame: (frame) => {
      const conversation = this.#current;
      if (conversation === undefined) return;
      conversation.protocol?.match(frame, this.#side, conversation.state, this.#exchanges);
    },
    skip: (length) => {
      this.#skip += length;
    },
    handOver: (to) => {
      this.#handOver = to;
    },
  };

  readonly #exchanges: ExchangeSink<unknown> = {
    open: (start) => this.#open(start),
    close: (exchange, endNs, outcome) => this.#close(exchange, endNs, outcome),
    orphan: () => this.#drops.count("orphan_response"),
  };

  constructor(options: DriverOptions) {
    this.#protocols = options.protocols;
    this.#drops = options.drops;
    this.#events = options.events;
  }

  /** Exchanges that are under way, of all connections. */
  get openExchanges(): number {
    return this.#openExchanges;
  }

  start(info: DrivenConnection, streams: StreamPair): Conversation {
    return createConversation(info, streams);
  }

  /** New bytes stand in the direction's stream; `last` is the moment of the last of them. */
  advance(conversation: Conversation, direction: Direction, last: Moment): void {
    const state = conversation.directions[direction];
    state.lastNs = last.timeNs;
    state.lastTid = last.tid;
    try {
      this.#advanceBoth(conversation, direction);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }

  /** `length` bytes of the direction passed without being captured. */
  uncaptured(conversation: Conversation, direction: Direction, passed: Passed): void {
    const { length, last } = passed;
    const state = conversation.directions[direction];
    state.lastNs = last.timeNs;
    state.lastTid = last.tid;
    if (state.skip >= length) {
      state.skip -= length;
      if (state.skip > 0) return;
      try {
        this.#skipped(conversation, direction);
      } catch (error) {
        this.#failed(conversation, error);
      }
      return;
    }
    this.lost(conversation, direction, last);
  }

  /** An unknown number of bytes of the direction is missing. */
  lost(conversation: Conversation, direction: Direction, at: Moment): void {
    if (conversation.mode === "opaque" || conversation.mode === "tls") return;
    this.#drops.count("stream_gap");
    try {
      this.#loseSync(conversation, direction, at);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }

  /** The direction has ended: end of stream, shutdown or close. */
  ended(conversation: Conversation, direction: Direction, last: Moment): void {
    const state = conversation.directions[direction];
    if (state.ended) return;
    state.ended = true;
    state.skip = 0;
    const side = sideOf(conversation.info.role, direction);
    if (conversation.mode !== "parsing" || side === undefined || state.resync) return;
    try {
      this.#enter(conversation, side);
      conversation.protocol?.ended?.(side, conversation.state, last, this.#frames);
      this.#obey(conversation, direction);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }

  /** The connection is over: what is under way ends with it. */
  closed(conversation: Conversation, last: Moment): void {
    this.ended(conversation, "in", last);
    this.ended(conversation, "out", last);
    conversation.directions.in.lastTid = last.tid;
    conversation.directions.out.lastTid = last.tid;
    this.#closeAll(conversation, last.timeNs, "closed_early");
  }

  /** Nobody will look at the connection any more; it may well live on. */
  abandon(conversation: Conversation, nowNs: number): void {
    this.#closeAll(conversation, nowNs, "truncated");
  }

  /** Plaintext begins (a TLS library's calls): what went before was the handshake. */
  restart(conversation: Conversation): void {
    for (const direction of ["in", "out"] as const) {
      conversation.streams[direction].clear();
      const state = conversation.directions[direction];
      state.skip = 0;
      state.resync = conversation.info.midstream;
    }
    conversation.mode = "detecting";
    conversation.protocol = undefined;
    conversation.state = undefined;
    conversation.bytesUndetected = 0;
  }

  /** Gives up the exchanges that began before `beforeNs`; reading goes on at a boundary. */
  expire(conversation: Conversation, beforeNs: number, nowNs: number): void {
    const oldest = conversation.inFlight[0];
    if (oldest === undefined || oldest.startNs >= beforeNs) return;
    this.#drops.count("exchange_expired", conversation.inFlight.length);
    const at = { timeNs: nowNs, tid: 0 };
    this.#closeAll(conversation, nowNs, "no_response");
    try {
      this.#loseSync(conversation, "in", at);
      this.#loseSync(conversation, "out", at);
    } catch (error) {
      this.#failed(conversation, error);
    }
  }

  #failed(conversation: Conversation, error: unknown): void {
    this.#drops.count("connection_failed");
    this.#leave(conversation, "opaque");
    this.onBug?.(error);
  }

  /** Told of errors that are bugs of ours, beside the count. */
  onBug: ((error: unknown) => void) | undefined;

  /** A hand-over or a detection in one direction may free bytes that wait in the other. */
  #advanceBoth(conversation: Conversation, direction: Direction): void {
    const before = conversation.protocol;
    this.#run(conversation, direction);
    const other = otherDirection(direction);
    if (conversation.protocol === before && conversation.mode === "parsing") return;
    const waiting = conversation.streams[other];
    if (waiting.end > waiting.start) this.#run(conversation, other);
    const own = conversation.streams[direction];
    if (own.end > own.start && conversation.mode === "parsing") this.#run(conversation, direction);
  }

  #run(conversation: Conversation, direction: Direction): void {
    const stream = conversation.streams[direction];
    while (stream.end > stream.start) {
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
    stream.consume(length);
    state.skip -= length;
    if (state.skip === 0) this.#skipped(conversation, direction);
    return true;
  }

  #skipped(conversation: Conversation, direction: Direction): void {
    const state = conversation.directions[direction];
    const side = sideOf(conversation.info.role, direction) ?? "request";
    const last = { timeNs: state.lastNs, tid: state.lastTid };
    this.#enter(conversation, side);
    conversation.protocol?.skipped?.(side, conversation.state, last, this.#frames);
    this.#obey(conversation, direction);
  }

  #detect(conversation: Conversation, direction: Direction): boolean {
    const stream = conversation.streams[direction];
    const expected = sideOf(conversation.info.role, direction);
    let undecided = false;
    for (const protocol of this.#protocols) {
      const found = protocol.detect(stream);
      if (found === "more") undecided = true;
      if (found === "no" || found === "more") continue;
      if (expected !== undefined && found !== expected) continue;
      if (expected === undefined) conversation.info.role = roleOf(direction, found);
      conversation.mode = "parsing";
      conversation.protocol = protocol;
      conversation.state = protocol.createState(conversation.info);
      // These bytes begin a frame: that is what detect() has said.
      conversation.directions[direction].resync = false;
      return true;
    }
    return this.#undetected(conversation, direction, undecided);
  }

  #undetected(conversation: Conversation, direction: Direction, undecided: boolean): boolean {
    const stream = conversation.streams[direction];
    const length = stream.end - stream.start;
    if (undecided && length < limits.detectBytesMax) return false;
    conversation.bytesUndetected += length;
    // Joined in the middle, the next message may begin a frame; an answer that comes before its
    // question is known says nothing either way.
    const mayFollow =
      conversation.info.midstream || sideOf(conversation.info.role, direction) === "response";
    stream.clear();
    if (!mayFollow || conversation.bytesUndetected >= limits.detectBytesMax) {
      this.#drops.count("stream_opaque");
      this.#leave(conversation, "opaque");
    } else {
      conversation.directions[direction].resync = true;
    }
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
    this.#drops.count(status === 0 ? "frame_too_large" : "parse_error");
    return this.#recover(conversation, direction);
  }

  /** The head of the stream is not a frame: look for one behind it, or give the protocol up. */
  #recover(conversation: Conversation, direction: Direction): boolean {
    const stream = conversation.streams[direction];
    const at = { timeNs: stream.timeAt(stream.start), tid: stream.tidAt(stream.start) };
    conversation.errors++;
    if (conversation.errors > PARSE_ERRORS_MAX) {
      this.#closeAll(conversation, at.timeNs, "truncated");
      this.#drops.count("stream_opaque");
      this.#leave(conversation, "opaque");
      return false;
    }
    stream.consume(1);
    const side = sideOf(conversation.info.role, direction) ?? "request";
    this.#enter(conversation, side);
    conversation.protocol?.lost(side, conversation.state, at, this.#exchanges);
    conversation.directions[direction].resync = true;
    return stream.end > stream.start;
  }

  #loseSync(conversation: Conversation, direction: Direction, at: Moment): void {
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
    const state = conversation.directions[direction];
    this.#closeAll(conversation, state.lastNs, "truncated");
    this.#leave(conversation, to === "detect" ? "detecting" : to);
  }

  #leave(conversation: Conversation, mode: "detecting" | "opaque" | "tls"): void {
    conversation.mode = mode;
    conversation.protocol = undefined;
    conversation.state = undefined;
    conversation.bytesUndetected = 0;
    conversation.directions.in.skip = 0;
    conversation.directions.out.skip = 0;
    if (mode === "detecting") return;
    this.#closeAll(conversation, conversation.directions.in.lastNs, "truncated");
    conversation.streams.in.clear();
    conversation.streams.out.clear();
  }

  #open(start: ExchangeStart<unknown>): Exchange {
    const conversation = this.#current as Conversation;
    const exchange: Exchange = {
      protocol: conversation.protocol?.id ?? "",
      connection: conversation.info,
      index: conversation.nextIndex++,
      startNs: start.startNs,
      tid: start.tid,
      eventLoop: start.eventLoop,
      traceparent: start.traceparent,
      tracestate: start.tracestate,
      endNs: start.startNs,
      outcome: "no_response",
      detail: start.detail,
      context: undefined,
    };
    const most = Math.min(
      conversation.protocol?.limits.inFlightMax ?? 1,
      limits.exchangesInFlightMax,
    );
    const full = this.#openExchanges >= limits.exchangesMax;
    if (conversation.inFlight.length >= most || full) {
      const oldest = conversation.inFlight[0];
      if (oldest !== undefined) {
        this.#drops.count("in_flight_limit");
        this.#close(oldest, start.startNs, "truncated");
      }
    }
    conversation.inFlight.push(exchange);
    this.#openExchanges++;
    this.#events.opened(exchange);
    return exchange;
  }

  #close(exchange: Exchange, endNs: number, outcome: Outcome): void {
    const conversation = this.#current as Conversation;
    const position = conversation.inFlight.indexOf(exchange);
    if (position < 0) return; // given up earlier (expired, too many): it was reported then
    conversation.inFlight.splice(position, 1);
    exchange.endNs = Math.max(endNs, exchange.startNs);
    exchange.outcome = outcome;
    if (outcome === "complete") conversation.errors = 0;
    this.#openExchanges--;
    const answers = conversation.info.role === "server" ? "out" : "in";
    this.#events.closed(exchange, conversation.directions[answers].lastTid);
  }

  #closeAll(conversation: Conversation, endNs: number, outcome: Outcome): void {
    this.#current = conversation;
    for (const exchange of [...conversation.inFlight]) this.#close(exchange, endNs, outcome);
  }
}
