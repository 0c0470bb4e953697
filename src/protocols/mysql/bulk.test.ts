import { describe, expect, test } from "bun:test";
import { bulkSets } from "./bulk.ts";
import { concat, integer, text } from "./test-messages.ts";

const TYPES_FOLLOW = 128;
const LONG = 0x03;
const DATETIME = 0x0c;
const VARCHAR = 0xfd;

function bulk(types: readonly number[], ...values: readonly (Uint8Array | number)[]): Uint8Array {
  const ofTypes = types.map((type) => integer(type, 2));
  return concat(0xfa, integer(1, 4), integer(TYPES_FOLLOW, 2), ...ofTypes, ...values);
}

function sets(bytes: Uint8Array, parameters: number, end = bytes.length) {
  return bulkSets(bytes, { from: 0, end }, parameters);
}

const number = (value: number) => concat(0, integer(value, 4));
const string = (value: string) => concat(0, text(value));
const time = concat(0, 7, new Uint8Array(7));

describe("sets of a bulk execution", () => {
  test("values of all kinds of lengths, and none at all", () => {
    const types = [LONG, VARCHAR, DATETIME];
    const long = string("x".repeat(300));
    const bytes = bulk(types, number(1), long, time, number(2), 1, time, 2, 3, 1);
    expect(sets(bytes, 3)).toBe(3);
    expect(sets(bulk([0x01, 0x02], 0, 9, 0, 1, 2), 2)).toBe(1);
    expect(sets(bulk([0x05, 0x10], 0, new Uint8Array(8), string("b")), 2)).toBe(1);
  });

  const two = bulk([LONG, VARCHAR], number(1), string("a"), number(2), string("b"));
  const unknown: [what: string, bytes: Uint8Array, parameters: number][] = [
    ["no parameters", bulk([]), 0],
    ["one parameter too few", two, 1],
    ["one parameter too many", two, 3],
    ["a value that is cut", two.subarray(0, two.length - 1), 2],
    ["a set that is cut", two.subarray(0, two.length - 3), 2],
    ["types that are cut", two.subarray(0, 9), 2],
    ["a hostile number of parameters", two, 65_535],
    ["an unknown indicator", bulk([LONG], 4, integer(1, 4)), 1],
    ["an unknown type", bulk([0x20], 0, 1), 1],
    ["a string of more than 64 KiB", bulk([VARCHAR], 0, 0xfd, integer(1, 3), 1), 1],
    ["types of an earlier execution", concat(0xfa, integer(1, 4), integer(0, 2), number(1)), 1],
  ];
  test.each(unknown)("%s: not known", (_, bytes, parameters) => {
    expect(sets(bytes, parameters)).toBeUndefined();
  });
});
