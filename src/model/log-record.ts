import type { Attribute } from "./attributes.ts";
import type { HookedProcess } from "./process.ts";
import type { SpanContext } from "./span.ts";

export interface LogRecord {
  readonly process: HookedProcess;
  /** CLOCK_MONOTONIC ns of the write. */
  readonly observedNs: number;
  /** Unix time in ns that the line itself states, when it states one. */
  readonly unixTimeNs: bigint | undefined;
  /** OTLP SeverityNumber, 0 = not known. */
  readonly severityNumber: number;
  /** The level as the line spells it. */
  readonly severityText: string | undefined;
  readonly body: string;
  readonly attributes: readonly Attribute[];
  /** The span whose work the writing thread did, when that is certain. */
  readonly context: SpanContext | undefined;
}
