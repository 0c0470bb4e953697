/**
 * Waiting for a condition until a deadline. Invariant: no test sleeps for a fixed time; it asks
 * again and again, and says what it waited for when the time is over.
 */

/** The pause between two looks, ms. */
const LOOK_EVERY_MS = 10;

export interface WaitOptions {
  /** Completes the sentence "gave up waiting for …". */
  readonly what: string;
  /** Default 120,000: a busy machine is slow. */
  readonly withinMs?: number;
  /** Said with the failure, to show what was there instead. */
  readonly seen?: () => string;
}

/** Resolves to the first value of `look` that is neither undefined nor false. */
export async function waitFor<Value>(
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  options: WaitOptions,
): Promise<Value> {
  const deadline = performance.now() + (options.withinMs ?? 120_000);
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (performance.now() > deadline) {
      const seen = options.seen === undefined ? "" : `; seen: ${options.seen()}`;
      throw new Error(`gave up waiting for ${options.what}${seen}`);
    }
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
