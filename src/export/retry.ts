/**
 * When a destination that failed is tried again: exponential back-off with jitter, or when the
 * server said. Invariant: while a pause lasts, nothing is sent; after it, one batch at a time goes
 * out until one arrives.
 * Source: OTLP specification, "failures" and "OTLP/gRPC throttling".
 */
import { limits } from "../limits.ts";

const INITIAL_MS = 1_000;
const FACTOR = 1.5;
const CAP_MS = 5_000;
const JITTER = 0.2;

/** Milliseconds to wait after the nth failure in a row (from 1); random gives [0, 1). */
export function backoffMs(failures: number, random: () => number): number {
  const base = Math.min(CAP_MS, INITIAL_MS * FACTOR ** Math.min(failures - 1, 32));
  return base * (1 - JITTER + 2 * JITTER * random());
}

export class RetryState {
  readonly #random: () => number;
  #failures = 0;
  #pausedUntilNs = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** True from a failure until the next success. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  paused(nowNs: number): boolean {
    return nowNs < this.#pausedUntilNs;
  }

  /** A delivery may be tried again later; delayMs is the server's wish. */
  failed(nowNs: number, delayMs: number | undefined): void {
    // Batches that were on their way together fail together: that is one failure.
    if (this.paused(nowNs) && delayMs === undefined) return;
    this.#failures += 1;
    const wished = delayMs === undefined ? backoffMs(this.#failures, this.#random) : delayMs;
    const pauseNs = Math.min(wished * 1e6, limits.exportRetryNsMax);
    this.#pausedUntilNs = Math.max(this.#pausedUntilNs, nowNs + pauseNs);
  }

  /** The server answered: it is there. */
  succeeded(): void {
    this.#failures = 0;
    this.#pausedUntilNs = 0;
  }

  /** Ends the pause, for a last attempt before the agent ends. */
  wake(): void {
    this.#pausedUntilNs = 0;
  }
}
