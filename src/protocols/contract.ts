/**
 * What a protocol is. Adding one = one folder that exports a Protocol, plus one line in index.ts.
 * The only code that calls these functions is drive.ts with its helpers. None of them throws on
 * bytes, reads a clock, or keeps state outside the State it is given.
 */
import type { ConnectionInfo, Side } from "../model/connection.ts";
import type { Exchange, Outcome } from "../model/exchange.ts";
import type { SpanDraft } from "../model/span.ts";
import type { Moment } from "../model/stream.ts";

export type { Moment } from "../model/stream.ts";

/** request/response: this is it, and these bytes are that side. more: too few bytes to tell. */
export type Detection = Side | "no" | "more";

/**
 * The contiguous bytes at the head of one direction of a connection: bytes[start..end). Valid only
 * during the call; copy or decode what must stay. Offsets given to timeAt and tidAt are indexes
 * into bytes, from start to end - 1 (end is taken as end - 1).
 */
export interface StreamView {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** CLOCK_MONOTONIC ns at which the byte at this index moved. */
  timeAt(index: number): number;
  tidAt(index: number): number;
  /** Whether the thread that moved the byte runs an event loop. */
  eventLoopAt(index: number): boolean;
}

/** consumed > 0 · 0 = need more bytes · < 0 = a ParseError: the bytes are not the protocol's. */
export type ParseStatus = number;

export const ParseError = {
  malformed: -1,
  tooLarge: -2,
  unsupportedVersion: -3,
} as const;

/**
 * Where a connection goes behind the consumed bytes, in both directions. detect: look for another
 * protocol. opaque: look no more. tls: ciphertext follows; plaintext, when a TLS library's calls
 * bring it, is looked at afresh. tlsResume: the same, but that plaintext is this protocol's, whose
 * state is kept. { protocol }: that protocol by its id, without a look; opaque when it is disabled.
 * An exchange that is carried stays open for it, all others are closed as truncated.
 */
export type HandOver =
  | "detect"
  | "opaque"
  | "tls"
  | "tlsResume"
  | { readonly protocol: string; readonly carried?: Carried | undefined };

/** Bytes that a skip has passed: length = end - start, or bytes that were not captured. */
export interface PassedPiece {
  /** undefined = they moved, but were not captured. Valid only during the call. */
  readonly bytes: Uint8Array | undefined;
  readonly start: number;
  readonly end: number;
  /** CLOCK_MONOTONIC ns at which its first byte moved; of what was not captured, its last. */
  readonly timeNs: number;
}

/** What parse() says beside the number of bytes it consumed. */
export interface FrameSink<Frame> {
  /** A whole frame; match() sees it before the next parse(). */
  frame(frame: Frame): void;
  /**
   * After the consumed bytes, the next `length` bytes of this direction are of no interest and
   * need not have been captured; Infinity = all until the direction ends. When they have passed,
   * skipped() is called if the protocol has it, and parsing goes on behind them.
   */
  skip(length: number): void;
  /** The connection leaves this protocol behind the consumed bytes. */
  handOver(to: HandOver): void;
}

/**
 * An open exchange that goes over to the next protocol: the HTTP/1 request whose answer is 101 is
 * answered on stream 1 of HTTP/2 (RFC 7540 section 3.2).
 */
export interface Carried {
  readonly exchange: Exchange;
  /** When the last byte moved that the protocol before has seen: its end when nobody adopts it. */
  readonly endNs: number;
  /** The request as header fields: names in lowercase, pseudo-fields as HTTP/2 has them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The beginning of an exchange, as match() knows it. */
export interface ExchangeStart<Detail> {
  readonly startNs: number;
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly detail: Detail;
  readonly joinKey?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** The server began it: see Exchange. */
  readonly pushed?: boolean | undefined;
  /** Open still: this one belongs to its span, makes none and holds only its index. */
  readonly partOf?: Exchange<Detail> | undefined;
}

/** Where match() reports. Each opened exchange is closed once: by match() or by drive.ts. */
export interface ExchangeSink<Detail> {
  open(start: ExchangeStart<Detail>): Exchange<Detail>;
  /** endNs: when the last byte of the answer moved. */
  close(exchange: Exchange<Detail>, endNs: number, outcome: Outcome): void;
  /** An answer to a request that was not seen; counted, never guessed over. */
  orphan(): void;
}

/** Configuration that decides what describe() may say. */
export interface CapturePolicy {
  /** HTTP methods that are named as they are; others become _OTHER. */
  readonly httpKnownMethods: ReadonlySet<string>;
  /** Overlays on HTTP (src/protocols/http) that are switched off: their calls are plain HTTP. */
  readonly overlaysOff?: ReadonlySet<string>;
  /** What is asked of models and answered by them is kept and told. */
  readonly genAiContent?: boolean;
}

export interface Protocol<Frame = unknown, State = unknown, Detail = unknown> {
  /** Also the name in tracing.protocols.<id>.enabled. */
  readonly id: string;
  readonly limits: {
    /** A frame that is not complete after so many bytes is given up and counted. */
    readonly frameBytesMax: number;
    /** More open exchanges on one connection than this are given up and counted. */
    readonly inFlightMax: number;
  };
  /**
   * An answer names its request, so that one that never comes says nothing of the others: an
   * exchange that has waited too long is given up alone. The protocol may go on to wait for it.
   */
  readonly pairsById?: boolean;
  /** Its exchanges may last as long as the connection: they are never given up for their age. */
  readonly lasts?: boolean;
  /** It comes in datagrams, each of which is a view of its own; without it, in streams. */
  readonly datagrams?: boolean;
  /**
   * Looks at the first bytes of one direction (or the first after a gap or a hand-over). "more"
   * only for what is a beginning of this protocol so far: it holds up the protocols behind it in
   * index.ts until the other direction speaks. A "no" is not final: the other direction may still
   * say yes, and then these bytes are parsed.
   */
  detect(view: StreamView): Detection;
  /**
   * What all connections of the protocol share, made once by each driver: for what is true on every
   * one of them, such as the name that belongs to a unique id. Bounded like a State.
   */
  createShared?(): unknown;
  /**
   * Per connection; both directions share it. `shared` is what createShared() has made. `policy` is
   * for what is only kept when it may be told.
   */
  createState(connection: ConnectionInfo, shared?: unknown, policy?: CapturePolicy): State;
  /**
   * Follows createState() when the protocol before has carried an exchange over. adopt() makes it
   * this protocol's, which then closes it; one that is not adopted is closed as complete.
   */
  inherit?(carried: Carried, state: State, adopt: (detail: Detail) => Exchange<Detail>): void;
  /** Takes at most one frame from the head of the view. */
  parse(view: StreamView, side: Side, state: State, out: FrameSink<Frame>): ParseStatus;
  /** For a protocol that looks at what it skips: each piece in order, before skipped(). */
  passing?(piece: PassedPiece, side: Side, state: State): void;
  /** A skip asked for by parse() has passed; `last` is the last skipped byte's moment. */
  skipped?(side: Side, state: State, last: Moment, out: FrameSink<Frame>): void;
  /** The direction has ended (end of stream or close). */
  ended?(side: Side, state: State, last: Moment, out: FrameSink<Frame>): void;
  /**
   * Bytes of this direction were lost outside a skip: mark what is under way as truncated and
   * forget half-read frames. The exchanges that can no longer be paired are closed here. Called for
   * each loss, also while resync() has not found a frame since the one before.
   */
  lost(side: Side, state: State, at: Moment, emit: ExchangeSink<Detail>): void;
  /**
   * First index >= view.start at which a frame can begin after a loss. What stands before it is
   * dropped without another lost(); -1 = none in the view, all of it is dropped.
   */
  resync(view: StreamView, side: Side, state: State): number;
  /** Called about every second: closes what has waited longer than the protocol allows. */
  expire?(state: State, nowNs: number, emit: ExchangeSink<Detail>): void;
  /** Pairs frames of both directions; called once for each frame, in order of time. */
  match(frame: Frame, side: Side, state: State, emit: ExchangeSink<Detail>): void;
  /**
   * Names, kind, attributes and status by the semantic conventions. Pure. undefined = nothing to
   * tell: the exchange holds its index (both ends count alike), but makes no span, such as a
   * statement that was only prepared.
   */
  describe(exchange: Exchange<Detail>, policy: CapturePolicy): SpanDraft | undefined;
}

/** What is known of a connection whose protocol is none of ours. */
export interface Traffic {
  /** Bytes that the process has read and written; what was not captured counts, too. */
  receivedBytes: number;
  sentBytes: number;
  /** tls: records of TLS were seen, and no plaintext. */
  content: "unknown" | "tls";
}

/** Tells of a connection as a whole, when no protocol has anything to tell of it. */
export interface ConnectionRecord {
  /** Also the name in tracing.protocols.<id>.enabled. */
  readonly id: string;
  describe(exchange: Exchange, policy: CapturePolicy): SpanDraft | undefined;
}

/** Erases the type parameters so that protocols of different frames fit one list. */
export function asProtocol<Frame, State, Detail>(
  protocol: Protocol<Frame, State, Detail>,
): Protocol {
  return protocol as unknown as Protocol;
}
