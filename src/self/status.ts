/**
 * What an agent says of itself: the JSON that its status socket serves and `olly status` prints.
 * Invariant: everything that was dropped is in it, by reason.
 */
import type { BlindSpotFinding } from "../model/visibility.ts";

export interface ProcessStatus {
  readonly pid: number;
  readonly service: string;
  readonly executable: string;
  readonly messages: number;
  readonly spans: number;
  readonly logs: number;
  readonly drops: Readonly<Record<string, number>>;
  /** What of it is not visible, or not known to be; undefined before it was looked at. */
  readonly notVisible: readonly BlindSpotFinding[] | undefined;
}

export interface ExporterStatus {
  /** otlp, console or file. */
  readonly name: string;
  /** retrying: deliveries fail and are tried again. failed: data is being lost. */
  readonly state: "ok" | "retrying" | "failed";
  /** The latest failure in one line; it stays after a recovery. */
  readonly lastError: string | undefined;
  /** Items accepted and neither delivered nor given up. */
  readonly queued: number;
  readonly exportedSpans: number;
  readonly exportedLogs: number;
  readonly failedSpans: number;
  readonly failedLogs: number;
}

export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** False while tracing is switched off. */
  readonly active: boolean;
  readonly socketPath: string;
  readonly processes: readonly ProcessStatus[];
  /** How many processes hook.processes has left alone, by rule. */
  readonly leftAlone: Readonly<Record<string, number>>;
  /** Messages received, by type. */
  readonly messages: Readonly<Record<string, number>>;
  readonly spans: number;
  readonly logs: number;
  /** By drop reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** Processes of which something is not visible, by reason (src/model/visibility.ts). */
  readonly notVisible: Readonly<Record<string, number>>;
  readonly exporters: readonly ExporterStatus[];
}
