/**
 * The libraries' own drop counters, summed over processes. Invariant: a process's counts stay in
 * the sum after it has ended.
 */
import type { DropReason, Drops } from "../self/drops.ts";
import { RING_COUNTERS, ringCounter } from "./layout.ts";

const reasonOfCounter: readonly [index: number, reason: DropReason][] = [
  [ringCounter.ringFull, "ring_full"],
  [ringCounter.unregistered, "unregistered"],
  [ringCounter.agentGone, "agent_gone"],
  [ringCounter.fdLimit, "fd_limit"],
  [ringCounter.tlsUnpaired, "tls_unpaired"],
  [ringCounter.logBinary, "log_binary"],
  [ringCounter.internal, "library_internal"],
  [ringCounter.datagramFull, "datagram_full"],
  [ringCounter.confined, "process_confined"],
  [ringCounter.childEnvironment, "child_environment_limit"],
];

/** One process's counters by drop reason, without those that are zero. */
export function countersByReason(counters: readonly number[]): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const [index, reason] of reasonOfCounter) {
    const count = counters[index] ?? 0;
    if (count > 0) drops[reason] = count;
  }
  return drops;
}

export class LibraryCounters {
  readonly #drops: Drops;
  readonly #ended = new Float64Array(RING_COUNTERS);
  readonly #sums = new Float64Array(RING_COUNTERS);

  constructor(drops: Drops) {
    this.#drops = drops;
  }

  /** Keeps the last counts of a process that will not be asked again. */
  keep(counters: readonly number[]): void {
    add(this.#ended, counters);
  }

  /** Brings the agent's drop counts up to date. */
  publish(living: Iterable<{ counters(): readonly number[] }>): void {
    this.#sums.set(this.#ended);
    for (const source of living) add(this.#sums, source.counters());
    for (const [index, reason] of reasonOfCounter) {
      const sum = this.#sums[index] ?? 0;
      if (sum > 0) this.#drops.set(reason, sum);
    }
  }
}

function add(sums: Float64Array, counters: readonly number[]): void {
  for (const [index, count] of counters.entries()) sums[index] = (sums[index] ?? 0) + count;
}
