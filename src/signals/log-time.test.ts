import { expect, test } from "bun:test";
import { commonLogTimeAt, isoTimeAt, unixTimeOf } from "./log-time.ts";

const whole: readonly (readonly [unknown, bigint | undefined])[] = [
  ["1970-01-01T00:00:00Z", 0n],
  ["2026-01-02T03:04:05Z", 1_767_323_045_000_000_000n],
  ["2026-01-02 03:04:05.123456789 UTC", 1_767_323_045_123_456_789n],
  ["2026-01-02T03:04:05,5+05:30", 1_767_303_245_500_000_000n],
  ["2026-01-02T03:04:05-0100", 1_767_326_645_000_000_000n],
  ["2026-01-02T03:04:05+01", 1_767_319_445_000_000_000n],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000_000_000n],
  ["2026-01-02T03:04:05", undefined],
  ["2026-02-29T00:00:00Z", undefined],
  ["2026-13-01T00:00:00Z", undefined],
  ["2026-01-02T24:00:00Z", undefined],
  ["2026-01-02T03:04:05Zx", undefined],
  ["2026-01-02T03:04:05Z and more", undefined],
  ["1767323045", 1_767_323_045_000_000_000n],
  ["1767323045123", 1_767_323_045_123_000_000n],
  [1767323045.123456, 1_767_323_045_123_456_000n],
  [1767323045123, 1_767_323_045_123_000_000n],
  [1767323045123456, 1_767_323_045_123_456_000n],
  [Number(1_767_323_045_123_456_768n), 1_767_323_045_123_456_768n],
  [12.5, undefined],
  [-1, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  ["", undefined],
  ["x".repeat(100), undefined],
  [undefined, undefined],
  [{}, undefined],
];

for (const [value, expected] of whole) {
  test(`time field ${String(value).slice(0, 40)}`, () => {
    expect(unixTimeOf(value)).toBe(expected);
  });
}

test("a time inside a line says where it ends", () => {
  expect(isoTimeAt("at 2026-01-02T03:04:05Z, done", 3)).toEqual({
    unixNs: 1_767_323_045_000_000_000n,
    end: 23,
  });
  expect(commonLogTimeAt("[02/Jan/2026:03:04:05 +0000]", 1)).toEqual({
    unixNs: 1_767_323_045_000_000_000n,
    end: 27,
  });
  expect(commonLogTimeAt("[02/Jan/2026:03:04:05]", 1)).toBeUndefined();
  expect(commonLogTimeAt("[02/anF/2026:03:04:05 +0000]", 1)).toBeUndefined();
});
