/** A small shop's telemetry for the console's tests: two services, a database, log lines. */
import type { Attribute } from "../../model/attributes.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { HookedProcess } from "../../model/process.ts";
import { type Span, type SpanContext, SpanKind, StatusCode } from "../../model/span.ts";
import { processOf } from "../otlp/test-data.ts";

export const shop = processOf(1, "shop");
export const pricing = processOf(2, "pricing");

/** Nanoseconds of the trace's beginning, and of one millisecond. */
export const START_NS = 5e9;
export const MS = 1e6;

export function contextOf(
  spanId: number,
  parentId: number | undefined,
  more: Partial<SpanContext> = {},
): SpanContext {
  return {
    traceId: new Uint8Array(16).fill(0xa1),
    spanId: new Uint8Array(8).fill(spanId),
    parentSpanId: parentId === undefined ? undefined : new Uint8Array(8).fill(parentId),
    parentIsRemote: false,
    traceFlags: 3,
    traceState: undefined,
    ...more,
  };
}

export interface SpanOptions {
  readonly process?: HookedProcess;
  readonly kind?: Span["kind"];
  readonly name?: string;
  readonly atMs?: number;
  readonly forMs?: number;
  readonly attributes?: Attribute[];
  readonly failed?: boolean;
  readonly statusMessage?: string;
}

export function spanOf(context: SpanContext, options: SpanOptions = {}): Span {
  const startNs = START_NS + (options.atMs ?? 0) * MS;
  return {
    name: options.name ?? "GET",
    kind: options.kind ?? SpanKind.server,
    attributes: options.attributes ?? [],
    status: options.failed ? StatusCode.error : StatusCode.unset,
    statusMessage: options.statusMessage,
    context,
    process: options.process ?? shop,
    startNs,
    endNs: startNs + (options.forMs ?? 1) * MS,
  };
}

export function logOf(body: string, more: Partial<LogRecord> & { atMs?: number } = {}): LogRecord {
  const { atMs, ...rest } = more;
  return {
    process: shop,
    observedNs: START_NS + (atMs ?? 0) * MS,
    unixTimeNs: undefined,
    severityNumber: 9,
    severityText: "INFO",
    body,
    attributes: [],
    context: undefined,
    ...rest,
  };
}

const query = "SELECT *\n  FROM orders\n  WHERE id = $1";

/** GET /orders/42 of the shop: a query, a call to pricing that fails, three log lines. */
export function shopTrace(): { spans: Span[]; logs: LogRecord[] } {
  const spans = [
    spanOf(contextOf(2, 1), {
      kind: SpanKind.client,
      name: "SELECT orders",
      atMs: 1,
      forMs: 0.8,
      attributes: [
        ["db.system.name", "postgresql"],
        ["db.query.text", query],
        ["db.response.returned_rows", 1],
      ],
    }),
    spanOf(contextOf(4, 3, { parentIsRemote: true }), {
      process: pricing,
      atMs: 3.1,
      forMs: 7,
      failed: true,
      attributes: [
        ["http.request.method", "GET"],
        ["url.path", "/price"],
        ["url.query", "sku=42"],
        ["http.response.status_code", 503],
        ["error.type", "503"],
      ],
    }),
    spanOf(contextOf(3, 1), {
      kind: SpanKind.client,
      atMs: 3,
      forMs: 7.25,
      failed: true,
      statusMessage: "pricing is down",
      attributes: [
        ["http.request.method", "GET"],
        ["url.full", "http://pricing:8081/price?sku=42"],
        ["http.response.status_code", 503],
        ["error.type", "503"],
      ],
    }),
    spanOf(contextOf(1, undefined), {
      forMs: 12.4,
      attributes: [
        ["http.request.method", "GET"],
        ["url.path", "/orders/42"],
        ["http.response.status_code", 200],
      ],
    }),
  ];
  const logs = [
    logOf("order 42 requested", { atMs: 0.5, context: contextOf(1, undefined) }),
    logOf("no stock", {
      process: pricing,
      atMs: 4,
      severityNumber: 17,
      context: contextOf(4, 3),
      attributes: [
        ["sku", 42],
        ["log.iostream", "stderr"],
      ],
    }),
    logOf("price of 42 unknown\nusing the last one\x1b[31m", {
      atMs: 11,
      severityNumber: 13,
      context: contextOf(1, undefined),
    }),
  ];
  return { spans, logs };
}
