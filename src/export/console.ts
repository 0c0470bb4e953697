/**
 * Telemetry for people: each trace as a tree with its log lines in place, and log lines that belong
 * to no trace as they come. Invariant: everything is shown once; a writer that fails is reported.
 */
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";
import { logText, serviceColumnsOf, traceText, type View } from "./console/layout.ts";
import { painter } from "./console/paint.ts";
import { type CollectedTrace, TraceCollector } from "./console/traces.ts";
import type { Destination, ExportContext, ExporterStatus } from "./destination.ts";
import { type LineSink, WriterSink } from "./lines.ts";
import { Notices } from "./notices.ts";

export interface ConsoleSettings {
  readonly colour: boolean;
  /** Width of the terminal; 0 or Infinity when lines need not fit anything. */
  readonly columns: number;
  write(text: string): void;
}

export class ConsoleDestination implements Destination {
  readonly #sink: LineSink;
  readonly #context: ExportContext;
  readonly #notices: Notices;
  readonly #view: View;
  readonly #collector = new TraceCollector((trace) => this.#showTrace(trace));
  readonly #counts = { exportedSpans: 0, exportedLogs: 0, failedSpans: 0, failedLogs: 0 };
  #nowNs: number;
  /** Grows with the services seen, so that lines stay aligned. */
  #serviceColumns = 0;
  #state: "ok" | "failed" = "ok";
  #lastError: string | undefined;

  constructor(settings: ConsoleSettings, context: ExportContext) {
    this.#sink = new WriterSink((text) => settings.write(text));
    this.#context = context;
    this.#notices = new Notices(context.log);
    this.#nowNs = context.clock.monotonicNs();
    this.#view = {
      columns: settings.columns > 0 ? settings.columns : Number.POSITIVE_INFINITY,
      paint: painter(settings.colour),
      offset: context.clock.unixOffset(),
    };
  }

  addSpan(span: Span): void {
    this.#collector.addSpan(span, this.#nowNs);
  }

  addLog(record: LogRecord): void {
    if (record.context === undefined) this.#showLog(record);
    else this.#collector.addLog(record, record.context, this.#nowNs);
  }

  tick(nowNs: number): void {
    this.#nowNs = nowNs;
    this.#collector.tick(nowNs);
  }

  async flush(): Promise<void> {
    this.#collector.flush();
  }

  status(): ExporterStatus {
    return {
      name: "console",
      state: this.#state,
      lastError: this.#lastError,
      queued: this.#collector.items,
      ...this.#counts,
    };
  }

  async close(): Promise<void> {
    this.#collector.flush();
  }

  #showTrace(trace: CollectedTrace): void {
    const { spans, logs } = trace;
    this.#print(traceText(spans, logs, this.#currentView()), spans.length, logs.length);
  }

  #showLog(record: LogRecord): void {
    this.#serviceColumns = Math.max(this.#serviceColumns, serviceColumnsOf(record));
    this.#print(logText(record, this.#serviceColumns, this.#currentView()), 0, 1);
  }

  /** The wall clock can have been set since the last time. */
  #currentView(): View {
    return { ...this.#view, offset: this.#context.clock.unixOffset() };
  }

  #print(text: string, spans: number, logs: number): void {
    const outcome = this.#sink.write(text);
    if (outcome.kind !== "failed") {
      this.#state = "ok";
      this.#counts.exportedSpans += spans;
      this.#counts.exportedLogs += logs;
      return;
    }
    this.#state = "failed";
    this.#lastError = outcome.reason;
    this.#counts.failedSpans += spans;
    this.#counts.failedLogs += logs;
    if (spans > 0) this.#context.drops.count("span_export_failed", spans);
    if (logs > 0) this.#context.drops.count("log_export_failed", logs);
    this.#notices.warn(`console: ${outcome.reason}`, this.#context.clock.monotonicNs());
  }
}
