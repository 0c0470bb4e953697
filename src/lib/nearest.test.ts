import { describe, expect, test } from "bun:test";
import { editDistance, nearest, suggestion } from "./nearest.ts";

describe("editDistance", () => {
  const cases: [left: string, right: string, edits: number][] = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["socket_pth", "socket_path", 1],
    ["sokcet", "socket", 1],
    ["kitten", "sitting", 3],
    ["same", "same", 0],
  ];
  test.each(cases)("%p and %p are %p edits apart", (left, right, edits) => {
    expect(editDistance(left, right)).toBe(edits);
    expect(editDistance(right, left)).toBe(edits);
  });
});

describe("nearest", () => {
  const known = ["enabled", "socket_path", "on_demand", "path"];
  const cases: [word: string, found: string | undefined][] = [
    ["enable", "enabled"],
    ["Enabled", "enabled"],
    ["socketpath", "socket_path"],
    ["pth", "path"],
    ["colour", undefined],
    ["x".repeat(100_000), undefined],
  ];
  test.each(cases)("of %p", (word, found) => expect(nearest(word, known)).toBe(found as string));

  test("names everything when nothing is near", () => {
    expect(suggestion("colour", ["a", "b"])).toBe("; known are a, b");
    expect(suggestion("ena", ["enabled", "end"])).toBe(", did you mean end?");
  });
});
