import type { ConnectionInfo } from "./connection.ts";
import type { SpanContext } from "./span.ts";

/**
 * complete: request and answer were seen to their ends. no_response: the connection lives, the
 * answer never came (expired). one_way: no answer is due by the protocol. truncated: bytes of it
 * were lost, or capture began or stopped in the middle. closed_early: the connection ended first.
 */
export type Outcome = "complete" | "no_response" | "one_way" | "truncated" | "closed_early";

/**
 * One request with its answer. A protocol creates it when the request begins (open) and hands it
 * over again when it is over (close); it stays the same object. Detail is the protocol's own.
 */
export interface Exchange<Detail = unknown> {
  /** Its protocol's id; changes, with the detail, when the next protocol adopts it. */
  protocol: string;
  readonly connection: ConnectionInfo;
  /**
   * True when the server began it with a message that nobody asked for: the client answers, if
   * anybody does.
   */
  readonly pushed?: boolean | undefined;
  /**
   * Nth exchange of its connection that the same end began, from 0: both ends of a connection count
   * alike, though what the two of them begin may cross on its way.
   */
  readonly index: number;
  /** In datagrams, which may be lost: what both ends tell it from others by, instead of index. */
  readonly joinKey?: string | undefined;
  /** CLOCK_MONOTONIC ns of the request's first byte. */
  readonly startNs: number;
  /** Thread that moved the request's first byte. */
  readonly tid: number;
  /** True when that thread runs an event loop, so that it says nothing about whose work it does. */
  readonly eventLoop: boolean;
  /** A traceparent header that came with the request, not yet validated. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  /** CLOCK_MONOTONIC ns of the answer's last byte; startNs until then. */
  endNs: number;
  outcome: Outcome;
  detail: Detail;
  /** The exchange whose span tells of this one, too: the first of a batch. */
  readonly partOf?: Exchange<Detail> | undefined;
  /** Set by correlation when the exchange opens; of a part that of the whole. */
  context: SpanContext | undefined;
}
