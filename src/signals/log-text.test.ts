import { expect, test } from "bun:test";
import { readableText, withoutEscapes } from "./log-text.ts";

const encoder = new TextEncoder();

function read(bytes: Uint8Array | string): string | undefined {
  const given = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
  return readableText(given, 0, given.length);
}

const texts: readonly (readonly [string, string | undefined])[] = [
  ["plain", "plain"],
  ["with\ttab \r", "with\ttab"],
  ["a\r\n  b\r", "a\n  b"],
  ["\x1b[31mred\x1b[0m text", "red text"],
  ["\x1b[38;5;196mx\x1b[0m", "x"],
  ["\x1b]8;;http://h\x07link\x1b]8;;\x1b\\ after", "link after"],
  ["\x1b(Bx", "Bx"],
  ["cut \x1b[3", "cut"],
  ["größer 漢字 🙂", "größer 漢字 🙂"],
  ["nul\0", undefined],
  ["\x01\x02 binary", undefined],
  ["one \x01 control character in twenty", "one \x01 control character in twenty"],
];

for (const [given, expected] of texts) {
  test(`text of ${JSON.stringify(given)}`, () => expect(read(given)).toBe(expected));
}

test("bytes that are not UTF-8 are binary when they are many", () => {
  expect(read(Uint8Array.of(0xff, 0xfe, 0x41, 0x42))).toBeUndefined();
  const latin1 = Uint8Array.from("Die Stra\u00dfe ist gesperrt worden", (char) =>
    char.charCodeAt(0),
  );
  expect(read(latin1)).toBe("Die Stra\ufffde ist gesperrt worden");
});

test("escape sequences without end leave the text behind them", () => {
  expect(withoutEscapes("\x1b")).toBe("");
  expect(withoutEscapes(`\x1b]${"x".repeat(400)}`)).toBe("x".repeat(400));
});
