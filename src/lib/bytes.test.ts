import { expect, test } from "bun:test";
import { textOf } from "./bytes.ts";

const decoder = new TextDecoder();

test("textOf reads what a decoder of the standard reads", () => {
  const cases = [
    [],
    [0x41],
    [0xef, 0xbb, 0xbf],
    [0xef, 0xbb, 0xbf, 0x41],
    [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 0x41],
    [0xef, 0xbb, 0x41],
    [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x90, 0x98],
    [0xf0, 0x9f, 0x90, 0x41],
    [0xed, 0xa0, 0x80, 0xc0, 0x80, 0xff, 0xf4, 0x90, 0x80, 0x80],
  ];
  for (const bytes of cases) {
    const padded = Uint8Array.from([0x78, ...bytes, 0x79]);
    expect(textOf(padded, 1, 1 + bytes.length)).toBe(decoder.decode(Uint8Array.from(bytes)));
  }
});

test("textOf reads no further than the bytes reach", () => {
  const bytes = Uint8Array.from([0x41, 0x42, 0x43]);
  expect(textOf(bytes, 1, 9)).toBe("BC");
  expect(textOf(bytes, 5, 9)).toBe("");
  expect(textOf(bytes, 2, 1)).toBe("");
});
