import { expect, describe as suite, test } from "bun:test";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { decoded, inflated, unzstd } from "./inflate.ts";
import { lz4Prefix } from "./lz4.ts";
import { snappyPrefix } from "./snappy.ts";

const text = (value: string) => new TextEncoder().encode(value);
const hex = (value: string) => Uint8Array.from(Buffer.from(value.replaceAll(" ", ""), "hex"));
const all = (bytes: Uint8Array) => ({ start: 0, end: bytes.length, whole: true });
const part = (bytes: Uint8Array, end: number) => ({
  start: 0,
  end: Math.min(end, bytes.length),
  whole: false,
});

/** "abcd" 25 times and "xyz": a literal, copies of all three kinds, a literal. */
const repeated = text(`${"abcd".repeat(25)}xyz`);
const snappy = hex("67 0c 61626364 1d 04 fe 0400 5e 0400 03 04000000 08 78797a");
/** Literal of 4, match of 96 at distance 4, literals. */
const lz4 = hex("4f 61626364 0400 4d 30 78797a");

suite("snappy", () => {
  test("what the format's description says", () => {
    // The pieces: 4 + 11 + 64 + 24 - what is over is cut by the length that stands in front.
    const bytes = hex("0c 0c 61626364 11 04");
    expect(snappyPrefix(bytes, all(bytes), 100)).toEqual(text("abcdabcdabcd"));
    const long = hex(`64 f0 63 ${"41".repeat(100)}`);
    expect(snappyPrefix(long, all(long), 1000)).toEqual(text("A".repeat(100)));
  });

  test("no more than asked for, and no more than there is", () => {
    expect(snappyPrefix(snappy, all(snappy), 10)).toEqual(repeated.subarray(0, 10));
    expect(snappyPrefix(snappy, part(snappy, 8), 1000)).toEqual(repeated.subarray(0, 15));
    expect(snappyPrefix(snappy, { ...all(snappy), end: 8 }, 1000)).toBeUndefined();
  });

  test.each(["", "ffffffffff", "ffffffff7f 00", "0a 01 00", "0a 05 ff", "0a 00 41 09 00"])(
    "wrong: %s",
    (value) => {
      const bytes = hex(value);
      expect(snappyPrefix(bytes, all(bytes), 100)).toBeUndefined();
    },
  );
});

suite("lz4", () => {
  test("literals and an overlapping match", () => {
    expect(lz4Prefix(lz4, all(lz4), 103)).toEqual(repeated);
    expect(lz4Prefix(lz4, all(lz4), 50)).toEqual(repeated.subarray(0, 50));
    expect(lz4Prefix(lz4, part(lz4, 5), 103)).toEqual(text("abcd"));
  });

  test.each(["", "10", "4f 61626364 0000 4d", "4f 61626364 0500 4d", "f0 ff", "40 616263"])(
    "wrong: %s",
    (value) => {
      const bytes = hex(value);
      expect(lz4Prefix(bytes, all(bytes), 103)).toBeUndefined();
    },
  );
});

suite("zlib and zstd", () => {
  const plain = text("some words ".repeat(50));
  test("what was compressed", () => {
    expect(inflated(deflateSync(plain), plain.length)).toEqual(Buffer.from(plain));
    expect(unzstd(zstdCompressSync(plain), plain.length)).toEqual(Buffer.from(plain));
    const short = inflated(deflateSync(text("abc")), 1_000_000);
    expect(new TextDecoder().decode(short)).toBe("abc");
  });

  test.each([1_000, 1_000_000])("what is cut off gives its beginning, of %d at most", (max) => {
    const noise = Uint8Array.from({ length: 400 }, (_, index) => (index * index * 31) >> 3);
    const cut = inflated(deflateSync(noise).subarray(0, 200), max) ?? new Uint8Array();
    expect(cut.length).toBeGreaterThan(50);
    expect(cut).toEqual(Buffer.from(noise.subarray(0, cut.length)));
  });

  test("what would be more than asked for, or is no such thing, is nothing", () => {
    for (const size of [plain.length - 1, 10]) {
      expect(inflated(deflateSync(plain), size)).toBeUndefined();
      expect(unzstd(zstdCompressSync(plain), size)).toBeUndefined();
    }
    expect(inflated(plain, 100)).toBeUndefined();
    expect(inflated(hex("789c ffff"), 10_000_000)).toBeUndefined();
    expect(unzstd(plain, 100)).toBeUndefined();
    expect(inflated(new Uint8Array(), 100)).toBeUndefined();
  });
});

suite("content codings", () => {
  const plain = text("a line\n".repeat(2000));
  const coded: [coding: string, bytes: Uint8Array][] = [
    ["gzip", gzipSync(plain)],
    ["deflate", deflateSync(plain)],
    ["deflate", deflateRawSync(plain)],
    ["br", brotliCompressSync(plain)],
    ["zstd", zstdCompressSync(plain)],
  ];
  test.each(coded)("%s", (coding, bytes) => {
    expect(decoded(coding, bytes, 1 << 20)?.length).toBe(plain.length);
    expect(decoded(coding, bytes, 1000)).toBeUndefined();
    expect(decoded(coding, text("no such stream"), 1000)).toBeUndefined();
    expect(decoded("compress", bytes, 1 << 20)).toBeUndefined();
  });

  test("of gzip that is cut off, the beginning", () => {
    const noise = text(Array.from({ length: 5000 }, (_, index) => index * 7919).join());
    const bytes = gzipSync(noise);
    const part = decoded("gzip", bytes.subarray(0, bytes.length / 2), 1 << 20);
    expect(part?.length).toBeGreaterThan(1000);
    expect(part).toEqual(noise.subarray(0, part?.length));
  });
});
