import { expect, test } from "bun:test";
import { isGlob, matchesGlob } from "./glob.ts";

test.each([
  ["", "", true],
  ["", "a", false],
  ["a", "a", true],
  ["a", "ab", false],
  ["ab", "a", false],
  ["*", "", true],
  ["*", "a/b c", true],
  ["/usr/*/nginx", "/usr/local/sbin/nginx", true],
  ["/usr/*/nginx", "/usr/nginx", false],
  ["python3*", "python3.11", true],
  ["python3?11", "python3.11", true],
  ["python3?11", "python311", false],
  ["*worker*", "gunicorn: worker [app]", true],
  ["*a*b", "xaxbxab", true],
  ["*a*b", "xaxbxaba", false],
  ["a.c", "abc", false],
  ["[ab]", "[ab]", true],
  ["a**b", "ab", true],
])("%s against %s: %p", (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

test("hostile text costs no more than length times length", () => {
  const text = "a".repeat(20_000);
  const started = process.cpuUsage().user;
  expect(matchesGlob("*a*a*a*a*a*a*a*a*b", text)).toBe(false);
  // Backtracking over each star would take until the end of days.
  expect(process.cpuUsage(undefined).user - started).toBeLessThan(5e6);
});

test("what a pattern is", () => {
  expect([isGlob("a*"), isGlob("a?"), isGlob("a[b]")]).toEqual([true, true, false]);
});
