/**
 * Keeps the agent's own memory small. Spans live just long enough that JavaScriptCore takes many of
 * them for long-lived, and it looks at those only when they have doubled its heap; the code of
 * JavaScriptCore that compiled and linked the agent stays mapped, although it has done its work.
 * Invariant: nothing here changes what the agent does; it only costs time, at a bounded rate.
 */

export interface MemoryActs {
  /** A full collection. */
  readonly collect: () => void;
  /** Unmaps the code of the executable; what runs comes back by itself, from the page cache. */
  readonly letGoOfCode: () => void;
}

/** Two and a half seconds of 20,000 requests a second: one per cent of what they cost. */
const COLLECT_EVERY_MESSAGES = 100_000;
/** Less garbage than this is left to the collector. */
const GARBAGE_MESSAGES_MIN = 10_000;
const REST_NS = 1e9;
const CODE_EVERY_NS = 10e9;

export class OwnMemory {
  readonly #acts: MemoryActs;
  #messages = GARBAGE_MESSAGES_MIN;
  #busyNs: number;
  #codeNs: number;

  constructor(acts: MemoryActs, nowNs: number) {
    this.#acts = acts;
    this.#busyNs = nowNs;
    this.#codeNs = nowNs - CODE_EVERY_NS + 2 * REST_NS;
  }

  /** `delivered`: messages since the last call. */
  tick(nowNs: number, delivered: number): void {
    this.#messages += delivered;
    if (delivered > 0) this.#busyNs = nowNs;
    const atRest = nowNs - this.#busyNs >= REST_NS && this.#messages >= GARBAGE_MESSAGES_MIN;
    if (atRest || this.#messages >= COLLECT_EVERY_MESSAGES) {
      this.#messages = 0;
      this.#acts.collect();
    }
    if (nowNs - this.#codeNs >= CODE_EVERY_NS) {
      this.#codeNs = nowNs;
      this.#acts.letGoOfCode();
    }
  }
}
