/** Named counts of what the agent has handled. Invariant: counts only grow. */
export class Counters<Name extends string = string> {
  readonly #counts = new Map<Name, number>();

  count(name: Name, amount = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount);
  }

  get(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** What has been counted so far, in the order in which names first appeared. */
  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
