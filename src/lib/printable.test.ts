import { expect, test } from "bun:test";
import { printable } from "./printable.ts";

const cases: [string, string][] = [
  ["plain größe 日本語 🚀", "plain größe 日本語 🚀"],
  ["a\tb\r\nc", "a\\tb\\r\\nc"],
  ["\x1b[31mred\x07\x00\x7f", "\\x1b[31mred\\x07\\x00\\x7f"],
  ["\x9b31m", "\\x9b31m"],
  ["\u202egnp.exe\u2066\u200f", "\\u202egnp.exe\\u2066\\u200f"],
  ["one\u2028two\u2029", "one\\u2028two\\u2029"],
  ["\ud800", "\ufffd"],
];
for (const [text, expected] of cases) {
  test(JSON.stringify(text), () => expect(printable(text)).toBe(expected));
}
