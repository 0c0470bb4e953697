import { describe, expect, test } from "bun:test";
import { backoffMs, RetryState } from "./retry.ts";

describe("backoffMs grows by half up to a cap, and jitter moves it by a fifth at most", () => {
  const cases: [failures: number, random: number, ms: number][] = [
    [1, 0.5, 1_000],
    [2, 0.5, 1_500],
    [3, 0.5, 2_250],
    [5, 0.5, 5_000],
    [1_000, 0.5, 5_000],
    [1, 0, 800],
    [1, 1, 1_200],
    [9, 0, 4_000],
  ];
  for (const [failures, random, ms] of cases) {
    test(`failure ${failures}, random ${random}: ${ms} ms`, () => {
      expect(backoffMs(failures, () => random)).toBeCloseTo(ms, 6);
    });
  }
});

describe("RetryState", () => {
  test("pauses after a failure, longer after the next, and not after a success", () => {
    const retry = new RetryState(() => 0.5);
    expect([retry.failing, retry.paused(0)]).toEqual([false, false]);
    retry.failed(0, undefined);
    expect([retry.failing, retry.paused(1e9 - 1), retry.paused(1e9)]).toEqual([true, true, false]);
    retry.failed(1e9, undefined);
    expect([retry.paused(2.5e9 - 1), retry.paused(2.5e9)]).toEqual([true, false]);
    retry.succeeded();
    expect([retry.failing, retry.paused(1e9)]).toEqual([false, false]);
  });

  test("failures of batches that were on their way together count once", () => {
    const retry = new RetryState(() => 0.5);
    for (let batch = 0; batch < 4; batch++) retry.failed(batch, undefined);
    expect(retry.paused(1e9)).toBe(false);
  });

  test("the server's own wish is honoured up to the limit, and wake() ends any pause", () => {
    const retry = new RetryState(() => 0.5);
    retry.failed(0, 30_000);
    expect([retry.paused(30e9 - 1), retry.paused(30e9)]).toEqual([true, false]);
    retry.failed(0, 1e12);
    expect([retry.paused(300e9 - 1), retry.paused(300e9)]).toEqual([true, false]);
    retry.wake();
    expect([retry.failing, retry.paused(0)]).toEqual([true, false]);
  });
});
