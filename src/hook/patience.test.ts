import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { Patience } from "./patience.ts";

const wait = limits.causeWaitNs;

test("a message waits until it is so old", () => {
  const patience = new Patience();
  expect(patience.has(1_000, 1_000)).toBe(true);
  expect(patience.has(1_000, 1_000 + wait - 1)).toBe(true);
  expect(patience.has(1_000, 1_000 + wait)).toBe(false);
});

test("what was waited for in vain is followed by nine times as long without waiting", () => {
  const patience = new Patience();
  expect(patience.has(0, wait)).toBe(false);
  expect(patience.has(wait, wait)).toBe(false);
  expect(patience.has(10 * wait - 1, 10 * wait - 1)).toBe(false);
  expect(patience.has(10 * wait, 10 * wait)).toBe(true);
});
