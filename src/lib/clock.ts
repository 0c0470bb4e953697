/** The only file that reads the system's clocks. */
import type { Clock, UnixOffset } from "../model/clock.ts";

const TWO_32 = 2 ** 32;

/** Splits nanoseconds since 1970 minus CLOCK_MONOTONIC into halves that survive doubles. */
export function unixOffsetOf(unixNs: bigint, monotonicNs: bigint): UnixOffset {
  const offset = unixNs - monotonicNs;
  return { high: Number(offset >> 32n), low: Number(offset & 0xffffffffn) };
}

/** Unix time in ns as [high, low] 32-bit halves, without BigInt: this runs for every span. */
export function unixHalves(monotonicNs: number, offset: UnixOffset): [high: number, low: number] {
  const high = Math.floor(monotonicNs / TWO_32);
  const low = monotonicNs - high * TWO_32 + offset.low;
  const carry = low >= TWO_32 ? 1 : 0;
  return [high + offset.high + carry, (low - carry * TWO_32) >>> 0];
}

export function unixNs(monotonicNs: number, offset: UnixOffset): bigint {
  const [high, low] = unixHalves(monotonicNs, offset);
  return (BigInt(high) << 32n) | BigInt(low);
}

/**
 * Bun's process.hrtime is CLOCK_MONOTONIC; wall time has microseconds (performance.timeOrigin +
 * now drifts from the wall clock when that is set, so Date.now() is asked, with the fraction of
 * the millisecond left out: the offset is taken at a change of the millisecond).
 */
export function createSystemClock(): Clock {
  let offset = measureOffset();
  let measuredNs = Number(process.hrtime.bigint());
  return {
    monotonicNs: () => Number(process.hrtime.bigint()),
    unixOffset: () => {
      const now = Number(process.hrtime.bigint());
      if (now - measuredNs > 60e9) {
        offset = measureOffset();
        measuredNs = now;
      }
      return offset;
    },
  };
}

/** Waits at most one millisecond for Date.now() to step, so that the offset errs by microseconds. */
function measureOffset(): UnixOffset {
  const first = Date.now();
  let stepped = Date.now();
  while (stepped === first) stepped = Date.now();
  return unixOffsetOf(BigInt(stepped) * 1_000_000n, process.hrtime.bigint());
}
