/** Offset that turns CLOCK_MONOTONIC into Unix time, as two 32-bit halves of nanoseconds. */
export interface UnixOffset {
  readonly high: number;
  readonly low: number;
}

/** Time, injected. Only lib/clock.ts reads the system's. */
export interface Clock {
  /** CLOCK_MONOTONIC in ns, as a number: exact below 2^53, 4 ns after a year of uptime. */
  monotonicNs(): number;
  unixOffset(): UnixOffset;
}
