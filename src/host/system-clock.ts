/**
 * The system's clocks, read through libc: Bun's own monotonic clock counts from the start of the
 * process, while libolly stamps messages with the kernel's CLOCK_MONOTONIC. Invariant: what
 * monotonicNs() says and what the library writes are the same clock.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { unixOffsetOf } from "../lib/clock.ts";
import type { Clock, UnixOffset } from "../model/clock.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** The wall clock may be set while the agent runs. */
const OFFSET_NS_MAX = 10e9;
const SAMPLES = 8;

const symbols = {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
} as const;

function openLibc() {
  try {
    return dlopen("libc.so.6", symbols);
  } catch {
    return dlopen(`libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, symbols);
  }
}

export function createSystemClock(): Clock {
  const { clock_gettime } = openLibc().symbols;
  const time = new BigInt64Array(2);
  const read = (clock: number): bigint => {
    clock_gettime(clock, ptr(time));
    return (time[0] ?? 0n) * 1_000_000_000n + (time[1] ?? 0n);
  };
  // Bun's clock costs less than a foreign call, and runs at the same rate.
  const start = closest(
    () => process.hrtime.bigint(),
    () => read(CLOCK_MONOTONIC),
  );
  const monotonicNs = () => start + Number(process.hrtime.bigint());
  const measure = (): UnixOffset => {
    const offset = closestBig(
      () => read(CLOCK_MONOTONIC),
      () => read(CLOCK_REALTIME),
    );
    return unixOffsetOf(offset, 0n);
  };
  let offset = measure();
  let measuredNs = monotonicNs();
  return {
    monotonicNs,
    unixOffset: () => {
      const now = monotonicNs();
      if (now - measuredNs > OFFSET_NS_MAX) {
        offset = measure();
        measuredNs = now;
      }
      return offset;
    },
  };
}

function closest(first: () => bigint, second: () => bigint): number {
  return Number(closestBig(first, second));
}

/** second - first, from the pair of readings that were taken with the least time in between. */
function closestBig(first: () => bigint, second: () => bigint): bigint {
  let best = 0n;
  let width: bigint | undefined;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const before = first();
    const between = second();
    const after = first();
    if (width !== undefined && after - before >= width) continue;
    width = after - before;
    best = between - (before + after) / 2n;
  }
  return best;
}
