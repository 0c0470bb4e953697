import type { Attribute } from "./attributes.ts";

/** A resource as OTLP knows it: who made a span or a log record. Shared by reference. */
export interface Resource {
  readonly attributes: readonly Attribute[];
}

/** One hooked process, from its hello until its end. */
export interface HookedProcess {
  /** Agent-wide number that is never used twice, unlike a pid. */
  readonly id: number;
  readonly pid: number;
  readonly executable: string;
  readonly args: readonly string[];
  readonly serviceName: string;
  readonly resource: Resource;
}
