import { describe, expect, test } from "bun:test";
import { durationText, fitted, padded, paddedLeft, widthOf } from "./text.ts";

describe("fitted", () => {
  const cases: [string, number, string][] = [
    ["hello", 5, "hello"],
    ["hello", 4, "hel…"],
    ["hello", 1, "…"],
    ["hello", 0, ""],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["👩‍👩‍👧x", 2, "…"],
    ["👩‍👩‍👧x", 3, "👩‍👩‍👧x"],
    ["x".repeat(100), Number.POSITIVE_INFINITY, "x".repeat(100)],
  ];
  for (const [text, columns, expected] of cases) {
    test(`${text} in ${columns}`, () => {
      expect(fitted(text, columns)).toBe(expected);
      expect(widthOf(fitted(text, columns))).toBeLessThanOrEqual(columns);
    });
  }

  test("padding reaches the width exactly, also with wide characters", () => {
    expect(padded("日本", 6)).toBe("日本  ");
    expect(paddedLeft("日本", 6)).toBe("  日本");
    expect(widthOf(padded("日本語", 4))).toBe(4);
  });
});

describe("durationText", () => {
  const cases: [number, string][] = [
    [0, "0 ns"],
    [999, "999 ns"],
    [1_000, "1.00 µs"],
    [12_345, "12.3 µs"],
    [999_499, "999 µs"],
    [999_500, "1.00 ms"],
    [12_400_000, "12.4 ms"],
    [99_950_000, "100 ms"],
    [999_500_000, "1.00 s"],
    [59_900_000_000, "59.9 s"],
    [59_960_000_000, "1 min 0 s"],
    [125_000_000_000, "2 min 5 s"],
  ];
  for (const [ns, text] of cases) test(text, () => expect(durationText(ns)).toBe(text));
});
