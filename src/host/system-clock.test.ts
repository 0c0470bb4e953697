import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { unixNs } from "../lib/clock.ts";
import { createSystemClock } from "./system-clock.ts";

test("monotonic time is the kernel's, not this process's", () => {
  const clock = createSystemClock();
  // /proc/timer_list is root's; /proc/uptime is CLOCK_BOOTTIME, equal while never suspended.
  const uptimeSeconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  expect(clock.monotonicNs() / 1e9).toBeLessThan(uptimeSeconds + 1);
  expect(clock.monotonicNs() / 1e9).toBeGreaterThan(performance.now() / 1e3);
});

test("Unix time agrees with the wall clock to a millisecond and goes on", () => {
  const clock = createSystemClock();
  const before = Date.now();
  const unixMs = Number(unixNs(clock.monotonicNs(), clock.unixOffset()) / 1_000n) / 1e3;
  const after = Date.now();
  expect(unixMs).toBeGreaterThan(before - 1);
  expect(unixMs).toBeLessThan(after + 2);
});
