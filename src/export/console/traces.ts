/**
 * Collects the spans and log records of a trace until it can be shown as a whole.
 * Invariant: every item that goes in comes out exactly once, in one piece with the others of its
 * trace as long as those arrive in time; the number of traces and their memory are bounded.
 *
 * Only spans that have ended arrive here. A parent that is named and has not arrived is therefore
 * still open, or belongs to a process that nobody watches.
 */
import { hexOf } from "../../lib/bytes.ts";
import { limits } from "../../limits.ts";
import type { LogRecord } from "../../model/log-record.ts";
import type { Span, SpanContext } from "../../model/span.ts";
import { logCost, spanCost } from "../cost.ts";

/** Quiet time after which a trace is shown that lacks nothing. */
const COMPLETE_QUIET_NS = 150e6;
/** The same while a parent in another process is missing, which may not be watched at all. */
const REMOTE_QUIET_NS = 1e9;
/** The same while a span of a watched process is open. */
const OPEN_QUIET_NS = 10e9;

export interface CollectedTrace {
  readonly spans: Span[];
  readonly logs: LogRecord[];
}

interface PendingTrace extends CollectedTrace {
  lastNs: number;
  /** Quiet time that it needs; undefined until it is asked for after a change. */
  quietNs: number | undefined;
  cost: number;
}

export class TraceCollector {
  readonly #show: (trace: CollectedTrace) => void;
  readonly #traces = new Map<string, PendingTrace>();
  #items = 0;
  #cost = 0;

  constructor(show: (trace: CollectedTrace) => void) {
    this.#show = show;
  }

  /** Spans and log records held. */
  get items(): number {
    return this.#items;
  }

  addSpan(span: Span, nowNs: number): void {
    const [key, trace] = this.#traceOf(span.context, nowNs);
    trace.spans.push(span);
    this.#added(key, trace, spanCost(span));
  }

  addLog(record: LogRecord, context: SpanContext, nowNs: number): void {
    const [key, trace] = this.#traceOf(context, nowNs);
    trace.logs.push(record);
    this.#added(key, trace, logCost(record));
  }

  /** Shows what has been quiet for long enough. */
  tick(nowNs: number): void {
    for (const [key, trace] of this.#traces) {
      const quietNs = nowNs - trace.lastNs;
      if (quietNs < COMPLETE_QUIET_NS) continue;
      trace.quietNs ??= neededQuietNs(trace);
      if (quietNs >= trace.quietNs) this.#finish(key, trace);
    }
  }

  /** Shows everything. */
  flush(): void {
    for (const [key, trace] of this.#traces) this.#finish(key, trace);
  }

  #traceOf(context: SpanContext, nowNs: number): [key: string, trace: PendingTrace] {
    const key = hexOf(context.traceId);
    let trace = this.#traces.get(key);
    if (trace === undefined) {
      if (this.#traces.size >= limits.consoleTracesMax) this.#finishOldest();
      trace = { spans: [], logs: [], lastNs: nowNs, quietNs: undefined, cost: 0 };
      this.#traces.set(key, trace);
    }
    trace.lastNs = nowNs;
    trace.quietNs = undefined;
    return [key, trace];
  }

  #added(key: string, trace: PendingTrace, cost: number): void {
    this.#items += 1;
    this.#cost += cost;
    trace.cost += cost;
    if (trace.spans.length + trace.logs.length >= limits.consoleTraceItemsMax) {
      this.#finish(key, trace);
    }
    while (this.#cost > limits.consoleBytesMax) this.#finishOldest();
  }

  #finishOldest(): void {
    for (const [key, trace] of this.#traces) {
      this.#finish(key, trace);
      return;
    }
  }

  #finish(key: string, trace: PendingTrace): void {
    this.#traces.delete(key);
    this.#cost -= trace.cost;
    this.#items -= trace.spans.length + trace.logs.length;
    this.#show(trace);
  }
}

function neededQuietNs(trace: PendingTrace): number {
  const ids = new Set(trace.spans.map((span) => hexOf(span.context.spanId)));
  let needed = COMPLETE_QUIET_NS;
  for (const { context } of trace.spans) {
    if (context.parentSpanId === undefined || ids.has(hexOf(context.parentSpanId))) continue;
    if (!context.parentIsRemote) return OPEN_QUIET_NS;
    needed = REMOTE_QUIET_NS;
  }
  // A record names the span whose work its thread did: a span of a watched process.
  for (const { context } of trace.logs) {
    if (context !== undefined && !ids.has(hexOf(context.spanId))) return OPEN_QUIET_NS;
  }
  return needed;
}
