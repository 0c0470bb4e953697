import { expect, test } from "bun:test";
import { unixHalves, unixNs, unixOffsetOf } from "./clock.ts";

const cases: [unix: bigint, monotonic: bigint][] = [
  [1_790_000_000_123_456_789n, 3_897_160_117_322n],
  [1_790_000_000_000_000_000n, 0n],
  [2n ** 32n, 2n ** 32n - 1n],
  [1_790_000_000_123_456_789n, 31_536_000_000_000_000n],
];

test("halves of Unix time are exact without BigInt arithmetic", () => {
  for (const [unix, monotonic] of cases) {
    const offset = unixOffsetOf(unix, monotonic);
    expect(unixNs(Number(monotonic), offset)).toBe(unix);
    for (const later of [1, 1_000_000_007, 2 ** 33 + 5]) {
      const at = Number(monotonic) + later;
      const [high, low] = unixHalves(at, offset);
      const whole = (BigInt(high) << 32n) | BigInt(low);
      expect(whole).toBe(unix - monotonic + BigInt(at));
    }
  }
});
