/** Random trace and span ids; the only file that draws randomness. */

export interface IdSource {
  /** 16 random bytes, never all zero. */
  traceId(): Uint8Array;
  /** 8 random bytes, never all zero. */
  spanId(): Uint8Array;
}

const POOL_BYTES = 8192;

/** Ids from the kernel's randomness, drawn in pools so that one id costs no system call. */
export function createIdSource(): IdSource {
  let pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
  let used = 0;
  function take(length: number): Uint8Array {
    if (used + length > POOL_BYTES) {
      pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
      used = 0;
    }
    const id = pool.subarray(used, used + length);
    used += length;
    return id.some((byte) => byte !== 0) ? id : take(length);
  }
  return { traceId: () => take(16), spanId: () => take(8) };
}

/** A number in [0, 1), for jitter. */
export function randomFraction(): number {
  return Math.random();
}
