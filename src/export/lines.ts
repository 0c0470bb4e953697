/**
 * Telemetry as lines of the OTLP file format, into a file or to a console.
 * Invariant: only whole lines are ever handed over, and what the sink refuses is counted.
 */
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";
import type { DropReason } from "../self/drops.ts";
import { Batcher } from "./batcher.ts";
import { logCost, spanCost } from "./cost.ts";
import type { Destination, ExportContext, ExporterStatus } from "./destination.ts";
import { Notices } from "./notices.ts";
import { logsLine, spansLine } from "./otlp/json.ts";

/** ok: taken. busy: not now, offer the same line again. failed: lost, with the reason. */
export type LineOutcome =
  | { readonly kind: "ok" }
  | { readonly kind: "busy" }
  | { readonly kind: "failed"; readonly reason: string };

export interface LineSink {
  write(line: string): LineOutcome;
  close(): void;
}

interface PendingLine {
  readonly text: string;
  readonly spans: number;
  readonly logs: number;
}

export interface LineSettings {
  readonly name: "file" | "console";
  /** How messages name it. */
  readonly target: string;
  readonly spanLoss: DropReason;
  readonly logLoss: DropReason;
}

/** How long flush() sleeps between attempts while the sink is busy. */
const BUSY_POLL_MS = 10;

export class LineDestination implements Destination {
  readonly #sink: LineSink;
  readonly #settings: LineSettings;
  readonly #context: ExportContext;
  readonly #notices: Notices;
  readonly #spans = new Batcher<Span>(spanCost);
  readonly #logs = new Batcher<LogRecord>(logCost);
  readonly #counts = { exportedSpans: 0, exportedLogs: 0, failedSpans: 0, failedLogs: 0 };
  /** A line that the sink was too busy for. */
  #pending: PendingLine | undefined;
  #state: "ok" | "retrying" | "failed" = "ok";
  #lastError: string | undefined;

  constructor(sink: LineSink, settings: LineSettings, context: ExportContext) {
    this.#sink = sink;
    this.#settings = settings;
    this.#context = context;
    this.#notices = new Notices(context.log);
  }

  addSpan(span: Span): void {
    if (this.#spans.push(span)) return;
    this.#counts.failedSpans += 1;
    this.#context.drops.count("span_queue_full");
  }

  addLog(record: LogRecord): void {
    if (this.#logs.push(record)) return;
    this.#counts.failedLogs += 1;
    this.#context.drops.count("log_queue_full");
  }

  tick(nowNs: number): void {
    this.#write(nowNs, false);
  }

  async flush(timeoutMs: number): Promise<void> {
    const attempts = Math.ceil(timeoutMs / BUSY_POLL_MS);
    for (let attempt = 0; ; attempt++) {
      this.#write(this.#context.clock.monotonicNs(), true);
      if (this.#queued() === 0) return;
      if (attempt >= attempts) return this.#giveUp();
      await new Promise((resolve) => setTimeout(resolve, BUSY_POLL_MS));
    }
  }

  status(): ExporterStatus {
    return {
      name: this.#settings.name,
      state: this.#state,
      lastError: this.#lastError,
      queued: this.#queued(),
      ...this.#counts,
    };
  }

  async close(): Promise<void> {
    this.#giveUp();
    this.#sink.close();
  }

  #queued(): number {
    const pending = this.#pending;
    const held = pending === undefined ? 0 : pending.spans + pending.logs;
    return this.#spans.length + this.#logs.length + held;
  }

  /** Writes lines while any is due (or, with `all`, while there is anything). */
  #write(nowNs: number, all: boolean): void {
    for (;;) {
      const line = this.#pending ?? this.#nextLine(nowNs, all);
      if (line === undefined) return;
      this.#pending = undefined;
      const outcome = this.#sink.write(line.text);
      if (outcome.kind === "busy") {
        this.#pending = line;
        this.#state = "retrying";
        return;
      }
      if (outcome.kind === "ok") this.#written(line);
      else this.#lost(line, outcome.reason, nowNs);
    }
  }

  #nextLine(nowNs: number, all: boolean): PendingLine | undefined {
    const offset = this.#context.clock.unixOffset();
    if (all ? this.#spans.length > 0 : this.#spans.due(nowNs)) {
      const spans = this.#spans.take();
      return { text: spansLine(spans, offset), spans: spans.length, logs: 0 };
    }
    if (all ? this.#logs.length > 0 : this.#logs.due(nowNs)) {
      const logs = this.#logs.take();
      return { text: logsLine(logs, offset), spans: 0, logs: logs.length };
    }
    return undefined;
  }

  #written(line: PendingLine): void {
    this.#counts.exportedSpans += line.spans;
    this.#counts.exportedLogs += line.logs;
    this.#state = "ok";
    this.#notices.recovered(
      `${this.#settings.name}: ${this.#settings.target} can be written again`,
    );
  }

  #lost(line: PendingLine, reason: string, nowNs: number): void {
    this.#state = "failed";
    this.#lastError = reason;
    this.#countLost(line.spans, line.logs);
    this.#notices.warn(`${this.#settings.name}: ${reason}`, nowNs);
  }

  #countLost(spans: number, logs: number): void {
    this.#counts.failedSpans += spans;
    this.#counts.failedLogs += logs;
    if (spans > 0) this.#context.drops.count(this.#settings.spanLoss, spans);
    if (logs > 0) this.#context.drops.count(this.#settings.logLoss, logs);
  }

  /** Counts everything that is left as lost. */
  #giveUp(): void {
    const left = this.#queued();
    if (left === 0) return;
    this.#countLost(this.#pending?.spans ?? 0, this.#pending?.logs ?? 0);
    this.#pending = undefined;
    while (this.#spans.length > 0) this.#countLost(this.#spans.take().length, 0);
    while (this.#logs.length > 0) this.#countLost(0, this.#logs.take().length);
    this.#state = "failed";
    this.#lastError = `${left} items were not written to ${this.#settings.target} in time`;
    this.#context.log.warn(`${this.#settings.name}: ${this.#lastError}`);
  }
}

/** Lines to a person's terminal or a pipe, by the writer that was given. */
export class WriterSink implements LineSink {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  write(line: string): LineOutcome {
    try {
      this.#write(line);
      return { kind: "ok" };
    } catch (error) {
      return { kind: "failed", reason: `cannot write: ${messageOf(error)}` };
    }
  }

  close(): void {}
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
