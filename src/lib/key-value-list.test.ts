import { expect, test } from "bun:test";
import { parseKeyValueList } from "./key-value-list.ts";

const cases: [text: string, pairs: [string, string][] | undefined][] = [
  ["", []],
  ["a=b", [["a", "b"]]],
  [
    "a=b,c=d",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  [
    " a = b , c = d ,",
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  ["a=", [["a", ""]]],
  ["a=b=c", [["a", "b=c"]]],
  ["a=b%2Cc%3D%20%C3%A9", [["a", "b,c= é"]]],
  ["k%20y=v", [["k y", "v"]]],
  [
    "a=1,b=2,a=3",
    [
      ["b", "2"],
      ["a", "3"],
    ],
  ],
  ["a=b,c", undefined],
  ["=b", undefined],
  ["a=b,c=%", undefined],
  ["a=b,c=%zz", undefined],
  ["a=%ff", undefined],
];

test.each(cases)("%p", (text, pairs) => {
  const parsed = parseKeyValueList(text);
  expect(parsed === undefined ? undefined : [...parsed]).toEqual(pairs as [string, string][]);
});
