/**
 * A destination that answers: batches are encoded once and early, sent by a transport, several at a
 * time, and sent again when the answer allows it.
 * Invariant: every item that was added ends in exactly one count: exported, rejected, or failed.
 */
import { limits } from "../limits.ts";
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";
import type { Drops } from "../self/drops.ts";
import { logCost, spanCost } from "./cost.ts";
import type { Destination, ExportContext, ExporterStatus } from "./destination.ts";
import { Notices } from "./notices.ts";
import type { OtlpEncoder } from "./otlp/encode.ts";
import { Outbox, type Parcel } from "./outbox.ts";
import type { ExportResult, ExportTransport, SignalName } from "./result.ts";
import { RetryState } from "./retry.ts";

/** How long a receiver that takes nothing is tried while the agent ends. */
const FLUSH_FAILING_MS = limits.flushFailingMsMax;
/** How long flush() sleeps at most before it looks at the clock again. */
const FLUSH_POLL_MS = 20;

/** One signal's counts. */
interface Tally {
  readonly signal: SignalName;
  queuedElsewhere: number;
  exported: number;
  failed: number;
}

/** A request; it stays the same bytes for every attempt. */
interface Batch extends Parcel {
  readonly tally: Tally;
  firstTriedNs: number | undefined;
}

export class SendingDestination implements Destination {
  readonly #context: ExportContext;
  readonly #transport: ExportTransport;
  readonly #target: string;
  readonly #notices: Notices;
  readonly #retry: RetryState;
  readonly #spans: Outbox<Span>;
  readonly #logs: Outbox<LogRecord>;
  readonly #spanTally: Tally = tallyOf("traces");
  readonly #logTally: Tally = tallyOf("logs");
  /** To be sent again; the first goes first. */
  #again: Batch[] = [];
  #inFlight = new Set<Batch>();
  #abort = new AbortController();
  #logsNext = false;
  #flushing = 0;
  #lastError: string | undefined;
  #lastFailed = false;
  #wake: () => void = () => {};

  /** target: how messages name the destination (an endpoint without secrets). */
  constructor(
    transport: ExportTransport,
    encoder: OtlpEncoder,
    target: string,
    context: ExportContext,
  ) {
    this.#transport = transport;
    const { clock } = context;
    this.#spans = new Outbox({
      costOf: spanCost,
      encode: (spans) => encoder.spans(spans, clock.unixOffset()),
    });
    this.#logs = new Outbox({
      costOf: logCost,
      encode: (records) => encoder.logs(records, clock.unixOffset()),
    });
    this.#target = target;
    this.#context = context;
    this.#notices = new Notices(context.log);
    this.#retry = new RetryState(() => context.random());
  }

  addSpan(span: Span): void {
    if (this.#spans.push(span)) return;
    this.#spanTally.failed += 1;
    this.#context.drops.count("span_queue_full");
  }

  addLog(record: LogRecord): void {
    if (this.#logs.push(record)) return;
    this.#logTally.failed += 1;
    this.#context.drops.count("log_queue_full");
  }

  tick(nowNs: number): void {
    this.#pump(nowNs);
  }

  async flush(timeoutMs: number): Promise<void> {
    let expired = false;
    let patient = true;
    const deadline = setTimeout(() => {
      expired = true;
      this.#wake();
    }, timeoutMs);
    const patience = setTimeout(() => {
      patient = false;
    }, FLUSH_FAILING_MS);
    this.#flushing += 1;
    this.#retry.wake();
    this.#pump(this.#context.clock.monotonicNs());
    while (this.#queued() > 0 && !expired && (patient || !this.#retry.failing)) {
      await this.#progress();
      this.#pump(this.#context.clock.monotonicNs());
    }
    this.#flushing -= 1;
    clearTimeout(deadline);
    clearTimeout(patience);
    if (this.#queued() > 0) this.#giveUp();
  }

  status(): ExporterStatus {
    const state = this.#retry.failing ? "retrying" : this.#lastFailed ? "failed" : "ok";
    return {
      name: "otlp",
      state,
      lastError: this.#lastError,
      queued: this.#queued(),
      exportedSpans: this.#spanTally.exported,
      exportedLogs: this.#logTally.exported,
      failedSpans: this.#spanTally.failed,
      failedLogs: this.#logTally.failed,
    };
  }

  async close(): Promise<void> {
    this.#giveUp();
    this.#transport.close();
  }

  #queued(): number {
    return (
      this.#spans.length +
      this.#logs.length +
      this.#spanTally.queuedElsewhere +
      this.#logTally.queuedElsewhere
    );
  }

  /** Resolves when a batch is settled, or soon. */
  #progress(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FLUSH_POLL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Sends what is due while there is room. */
  #pump(nowNs: number): void {
    this.#spans.pack();
    this.#logs.pack();
    // Asked at every tick, also during a pause, so that waiting is measured from the beginning.
    const spansDue = this.#spans.due(nowNs);
    const logsDue = this.#logs.due(nowNs);
    if (!spansDue && !logsDue && this.#again.length === 0 && this.#flushing === 0) return;
    while (!this.#retry.paused(nowNs)) {
      const inFlightMax = this.#retry.failing ? 1 : limits.exportInFlightMax;
      if (this.#inFlight.size >= inFlightMax) return;
      const batch = this.#again.shift() ?? this.#nextBatch(nowNs);
      if (batch === undefined) return;
      this.#start(batch, nowNs);
    }
  }

  /** A batch of one signal; the two take turns when both are due. */
  #nextBatch(nowNs: number): Batch | undefined {
    const now = this.#flushing > 0;
    const spansDue = now ? this.#spans.length > 0 : this.#spans.due(nowNs);
    const logsDue = now ? this.#logs.length > 0 : this.#logs.due(nowNs);
    const logs = logsDue && (this.#logsNext || !spansDue);
    this.#logsNext = !logs;
    if (!logs && !spansDue) return undefined;
    const tally = logs ? this.#logTally : this.#spanTally;
    const parcel = logs ? this.#logs.take() : this.#spans.take();
    if (parcel === undefined) return undefined;
    tally.queuedElsewhere += parcel.items;
    return { ...parcel, tally, firstTriedNs: undefined };
  }

  #start(batch: Batch, nowNs: number): void {
    batch.firstTriedNs ??= nowNs;
    this.#inFlight.add(batch);
    const { signal } = this.#abort;
    this.#transport.send(batch.tally.signal, batch.payload, signal).then(
      (result) => this.#settle(batch, result),
      (error: unknown) => this.#settle(batch, { kind: "drop", reason: String(error) }),
    );
  }

  #settle(batch: Batch, result: ExportResult): void {
    // A batch that was given up while it was on its way has been counted already.
    if (!this.#inFlight.delete(batch)) return;
    const nowNs = this.#context.clock.monotonicNs();
    if (result.kind === "retry") this.#settleRetry(batch, result, nowNs);
    else this.#settleForGood(batch, result, nowNs);
    this.#pump(nowNs);
    this.#wake();
  }

  #settleRetry(batch: Batch, result: ExportResult & { kind: "retry" }, nowNs: number): void {
    this.#retry.failed(nowNs, result.delayMs);
    this.#lastError = result.reason;
    if (nowNs - (batch.firstTriedNs ?? nowNs) >= limits.exportRetryNsMax) {
      this.#fail(batch);
      this.#notices.warn(`otlp: gave up a batch for ${this.#target}: ${result.reason}`, nowNs);
      return;
    }
    this.#again.unshift(batch);
    // At the end one line is enough: what was delivered, or that it was given up.
    if (this.#flushing > 0) return;
    this.#notices.warn(
      `otlp: ${this.#target} does not accept data, retrying: ${result.reason}`,
      nowNs,
    );
  }

  #settleForGood(
    batch: Batch,
    result: Exclude<ExportResult, { kind: "retry" }>,
    nowNs: number,
  ): void {
    this.#retry.succeeded();
    this.#lastFailed = result.kind === "drop";
    if (result.kind === "ok") {
      this.#deliver(batch, batch.items);
      this.#notices.recovered(`otlp: ${this.#target} accepts data again`);
    } else if (result.kind === "partial") {
      this.#settlePartial(batch, result.rejected);
      this.#lastError = result.message;
      const rejected = `${result.rejected} of ${batch.items} ${noun(batch.tally)} rejected`;
      this.#notices.warn(`otlp: ${this.#target}: ${rejected}: ${result.message}`, nowNs);
    } else {
      this.#fail(batch);
      this.#lastError = result.reason;
      this.#notices.warn(`otlp: ${this.#target} refused a batch: ${result.reason}`, nowNs);
    }
  }

  #settlePartial(batch: Batch, rejectedByServer: number): void {
    const rejected = Math.min(Math.max(rejectedByServer, 0), batch.items);
    batch.tally.failed += rejected;
    const reason = batch.tally.signal === "traces" ? "span_rejected" : "log_rejected";
    if (rejected > 0) this.#context.drops.count(reason, rejected);
    batch.tally.queuedElsewhere -= rejected;
    this.#deliver(batch, batch.items - rejected);
  }

  #deliver(batch: Batch, items: number): void {
    batch.tally.exported += items;
    batch.tally.queuedElsewhere -= items;
  }

  #fail(batch: Batch): void {
    batch.tally.queuedElsewhere -= batch.items;
    countFailed(batch.tally, batch.items, this.#context.drops);
  }

  /** Counts everything that is queued or on its way as failed. */
  #giveUp(): void {
    if (this.#queued() === 0) return;
    const spans = this.#spans.length + this.#spanTally.queuedElsewhere;
    const logs = this.#logs.length + this.#logTally.queuedElsewhere;
    for (const batch of [...this.#inFlight, ...this.#again]) this.#fail(batch);
    this.#inFlight.clear();
    this.#again = [];
    this.#abort.abort();
    this.#abort = new AbortController();
    countFailed(this.#spanTally, this.#spans.discard(), this.#context.drops);
    countFailed(this.#logTally, this.#logs.discard(), this.#context.drops);
    const why = this.#lastError === undefined ? "no answer in time" : this.#lastError;
    const what = `${spans} spans and ${logs} log records`;
    this.#context.log.warn(`otlp: ${what} were not delivered to ${this.#target}: ${why}`);
  }
}

function tallyOf(signal: SignalName): Tally {
  return { signal, queuedElsewhere: 0, exported: 0, failed: 0 };
}

function noun(tally: Tally): string {
  return tally.signal === "traces" ? "spans" : "log records";
}

function countFailed(tally: Tally, items: number, drops: Drops): void {
  if (items === 0) return;
  tally.failed += items;
  drops.count(tally.signal === "traces" ? "span_export_failed" : "log_export_failed", items);
}
