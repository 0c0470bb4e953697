/** One place to which telemetry goes, with its own queue, acknowledgement and retry. */
import { SetupError } from "../lib/setup-error.ts";
import type { Clock } from "../model/clock.ts";
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";
import type { Drops } from "../self/drops.ts";

export interface ExporterStatus {
  name: "otlp" | "file" | "console";
  /** retrying: deliveries fail and are tried again. failed: data is being lost. */
  state: "ok" | "retrying" | "failed";
  /** The latest failure in one line; it stays after a recovery. */
  lastError: string | undefined;
  /** Items accepted and neither delivered nor given up. */
  queued: number;
  exportedSpans: number;
  exportedLogs: number;
  failedSpans: number;
  failedLogs: number;
}

/** Own log of the agent. */
export interface ExportLog {
  warn(message: string): void;
  info(message: string): void;
}

/** What every destination is given from outside. */
export interface ExportContext {
  readonly clock: Clock;
  readonly drops: Drops;
  /** Numbers in [0, 1). */
  random(): number;
  readonly log: ExportLog;
}

export interface Destination {
  addSpan(span: Span): void;
  addLog(record: LogRecord): void;
  /** nowNs: CLOCK_MONOTONIC. */
  tick(nowNs: number): void;
  /** Delivers or gives up everything that is queued, within timeoutMs. Never rejects. */
  flush(timeoutMs: number): Promise<void>;
  status(): ExporterStatus;
  /** Gives up what is left and frees descriptors and connections. */
  close(): Promise<void>;
}

/** What is wrong with a setting, in one line; thrown only while the exporter is created. */
export class ExportSetupError extends SetupError {
  override readonly name = "ExportSetupError";
}
