import { expect, test } from "bun:test";
import { keyText } from "./key-text.ts";

test.each([
  ["", "?"],
  ["alpha", "alpha"],
  ["user:42", "user:?"],
  ["user:alice:v2", "user:alice:v2"],
  ["{cart}:7/items", "{cart}:?/items"],
  ["550e8400-e29b-41d4-a716-446655440000", "?"],
  ["alice@example.org", "?"],
  ["session:abcdefghijklmnopqrstuvwxyz", "session:?"],
  ["with space", "?"],
  ["a::b", "a::b"],
])("%j is told as %j", (key, text) => {
  const bytes = new TextEncoder().encode(`<${key}>`);
  expect(keyText(bytes, 1, bytes.length - 1)).toBe(text);
});
