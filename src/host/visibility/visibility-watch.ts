/**
 * Looks at hooked processes in the pauses of the pipeline: soon after they have registered, and
 * again later, since a program loads its TLS library or opens an io_uring after its start.
 * Invariant: one look per turn, each process is counted once under a reason, and a process that
 * ended before it could be looked at is counted, too.
 */
import { limits } from "../../limits.ts";
import { type BlindSpot, isGap, type ProcessVisibility } from "../../model/visibility.ts";
import type { Counters } from "../../self/counters.ts";

/** A process as the watch is told of it. */
export interface Watched {
  /** Agent-wide number. */
  readonly id: number;
  readonly pid: number;
}

export interface WatchOptions {
  /** Undefined when the process has ended. */
  readonly look: (process: Watched) => ProcessVisibility | undefined;
  /** Processes by what is not visible of them. */
  readonly counters: Counters<BlindSpot>;
}

/** When a process is looked at, since its hello; the last pause is repeated. */
const pausesNs = [0, 2e9, 20e9, 300e9];

interface Entry {
  readonly process: Watched;
  looks: number;
  dueNs: number;
  latest: ProcessVisibility | undefined;
  readonly counted: Set<BlindSpot>;
}

export class VisibilityWatch {
  readonly #options: WatchOptions;
  readonly #entries = new Map<number, Entry>();
  #nextNs = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  started(process: Watched, nowNs: number): void {
    const entry = {
      process,
      looks: 0,
      dueNs: nowNs,
      latest: undefined,
      counted: new Set<BlindSpot>(),
    };
    this.#entries.set(process.id, entry);
    this.#nextNs = Math.min(this.#nextNs, nowNs);
  }

  ended(id: number): void {
    if (this.#entries.get(id)?.looks === 0) this.#options.counters.count("unknown_ended_early");
    this.#entries.delete(id);
  }

  /** To be called when nothing more urgent waits. */
  tick(nowNs: number): void {
    if (nowNs < this.#nextNs) return;
    let due: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (due === undefined || entry.dueNs < due.dueNs) due = entry;
    }
    if (due === undefined || due.dueNs > nowNs) {
      this.#nextNs = due?.dueNs ?? Number.POSITIVE_INFINITY;
      return;
    }
    this.#look(due, nowNs);
    this.#nextNs = nowNs + limits.visibilityLookNsMin;
  }

  /** The latest look; undefined before the first one. */
  of(id: number): ProcessVisibility | undefined {
    return this.#entries.get(id)?.latest;
  }

  #look(entry: Entry, nowNs: number): void {
    const pause = pausesNs[Math.min(entry.looks + 1, pausesNs.length - 1)] ?? 0;
    entry.dueNs = nowNs + pause;
    const seen = this.#options.look(entry.process);
    if (seen === undefined) return; // it is ending
    entry.looks++;
    entry.latest = seen;
    for (const finding of seen.findings) {
      if (!isGap(finding) || entry.counted.has(finding.spot)) continue;
      entry.counted.add(finding.spot);
      this.#options.counters.count(finding.spot);
    }
  }
}
