import type { Attribute } from "./attributes.ts";
import type { HookedProcess } from "./process.ts";

/** OTLP numbers of Span.SpanKind. */
export const SpanKind = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

/** OTLP numbers of Status.StatusCode; ok is the application's to set, never ours. */
export const StatusCode = { unset: 0, ok: 1, error: 2 } as const;
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode];

/** Identity of a span and of its parent, shared by reference between spans and logs. */
export interface SpanContext {
  /** 16 bytes, not all zero. */
  readonly traceId: Uint8Array;
  /** 8 bytes, not all zero. */
  readonly spanId: Uint8Array;
  /** 8 bytes; undefined for a root. */
  readonly parentSpanId: Uint8Array | undefined;
  /** True when the parent is a span of another process. */
  readonly parentIsRemote: boolean;
  /** W3C flags, 8 bits. */
  readonly traceFlags: number;
  readonly traceState: string | undefined;
}

/** What a protocol says of an exchange, before identity and resource are known. */
export interface SpanDraft {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attribute[];
  readonly status: StatusCode;
  readonly statusMessage: string | undefined;
}

export interface Span extends SpanDraft {
  readonly context: SpanContext;
  readonly process: HookedProcess;
  /** CLOCK_MONOTONIC ns; the exporter turns them into Unix time. */
  readonly startNs: number;
  readonly endNs: number;
}
