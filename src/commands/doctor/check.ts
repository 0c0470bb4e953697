/** What a check is. Invariant: a check is a pure function of the facts. */
import type { BlindSpotFinding, Hooking } from "../../model/visibility.ts";
import type { DoctorFacts } from "./facts.ts";

/** wrong: something does not work. note: it works, and this is worth knowing. */
export type Level = "ok" | "note" | "unknown" | "wrong";

export type Section = "host" | "agent" | "processes";

export interface CheckResult {
  readonly level: Level;
  readonly text: string;
  /** One line; undefined where there is nothing to mend. */
  readonly fix?: string;
  /** Of a process. */
  readonly process?: ProcessResult;
}

export interface ProcessResult {
  readonly pid: number;
  readonly name: string;
  readonly executable: string;
  readonly hooking: Hooking;
  readonly because: string;
  readonly visibleTls: readonly string[];
  readonly notVisible: readonly BlindSpotFinding[];
}

export interface Check {
  readonly name: string;
  readonly section: Section;
  readonly run: (facts: DoctorFacts) => readonly CheckResult[];
}
