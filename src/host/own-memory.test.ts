import { expect, test } from "bun:test";
import { OwnMemory } from "./own-memory.ts";

const STEP_NS = 25e6;

/** What is done, and when, while an agent gets `delivered(second)` messages in each step. */
function acts(seconds: number, delivered: (second: number) => number): string[] {
  const done: string[] = [];
  let nowNs = 5e9;
  const note = (act: string) => () => void done.push(`${act} ${Math.floor((nowNs - 5e9) / 1e9)}`);
  const memory = new OwnMemory({ collect: note("collect"), letGoOfCode: note("code") }, nowNs);
  const endNs = nowNs + seconds * 1e9;
  for (; nowNs < endNs; nowNs += STEP_NS) memory.tick(nowNs, delivered((nowNs - 5e9) / 1e9));
  return done;
}

test("an agent at rest collects what its start has left, once, and lets go of code", () => {
  expect(acts(25, () => 0)).toEqual(["collect 1", "code 2", "code 12", "code 22"]);
});

test("a busy agent collects by what it was given", () => {
  const collections = acts(20, () => 500).filter((act) => act.startsWith("collect"));
  // 20,000 messages in a second; what the start has left counts as the first 10,000.
  expect(collections).toEqual(["collect 4", "collect 9", "collect 14", "collect 19"]);
});

test("after much it collects when it comes to rest, after little never", () => {
  const burst = (most: number) => (second: number) => (second >= 3 && second < 4 ? most : 0);
  const collections = (most: number) => acts(60, burst(most)).filter((act) => !/code/.test(act));
  expect(collections(1_000)).toEqual(["collect 1", "collect 4"]);
  expect(collections(10)).toEqual(["collect 1"]);
});
