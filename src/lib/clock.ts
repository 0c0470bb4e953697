/** Arithmetic on times. host/system-clock.ts reads the clocks; everybody else is given one. */
import type { UnixOffset } from "../model/clock.ts";

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
