import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { placeEmptyLibrary } from "./embedded-library.ts";
import { emptyLibrary } from "./empty-library.ts";
import { hasPlatform, placeByPlatform } from "./platform-paths.ts";

let directory: string;
let library: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "olly-platforms-"));
  library = join(directory, "libolly-01.so");
  writeFileSync(library, "wide");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function place(architecture: string): string {
  return placeByPlatform(library, placeEmptyLibrary, architecture);
}

const layouts: [architecture: string, wide: string[], narrow: string[]][] = [
  ["x64", ["x86_64", "haswell", "xeon_phi", "$PLATFORM"], ["i386", "i486", "i586", "i686"]],
  ["arm64", ["aarch64", "$PLATFORM"], ["v6l", "v7l", "v8l"]],
];

describe("a path by platform", () => {
  test.each(layouts)("%s", (architecture, wide, narrow) => {
    expect(place(architecture)).toBe(join(directory, "$PLATFORM/libolly-01.so"));
    for (const platform of wide) {
      expect(realpathSync(join(directory, platform, "libolly-01.so"))).toBe(library);
    }
    for (const platform of narrow) {
      const found = new Uint8Array(readFileSync(join(directory, platform, "libolly-01.so")));
      expect(Buffer.compare(found, emptyLibrary(architecture) ?? new Uint8Array())).toBe(0);
      expect(statSync(join(directory, platform)).mode & 0o777).toBe(0o755);
    }
    const directories = readdirSync(directory).filter((name) => !name.endsWith(".so"));
    expect(directories.sort()).toEqual([...wide, ...narrow].sort());
  });

  test("another processor: the plain path", () => {
    expect(place("s390x")).toBe(library);
    expect(readdirSync(directory)).toEqual(["libolly-01.so"]);
  });

  test("what is there is kept, a wrong link is replaced", () => {
    place("x64");
    const right = join(directory, "x86_64/libolly-01.so");
    const wrong = join(directory, "i686/libolly-01.so");
    const { ino } = lstatSync(right);
    rmSync(wrong);
    symlinkSync("/nowhere", wrong);
    place("x64");
    expect(lstatSync(right).ino).toBe(ino);
    expect(readlinkSync(wrong)).toMatch(/^\.\.\/libolly32-[0-9a-f]{16}\.so$/);
    expect(readdirSync(join(directory, "i686"))).toEqual(["libolly-01.so"]);
  });

  test("a file where a directory should be is one line", () => {
    writeFileSync(join(directory, "x86_64"), "");
    expect(() => place("x64")).toThrow(/^cannot make [^\n]+$/);
  });
});

describe("the platform that the kernel states", () => {
  const auxv = (...entries: [number, number][]) =>
    new Uint8Array(new BigUint64Array(entries.flat().map(BigInt)).buffer);
  test("there", () => expect(hasPlatform(auxv([6, 4096], [15, 77], [0, 0]))).toBe(true));
  test("not there", () => expect(hasPlatform(auxv([6, 15], [0, 0]))).toBe(false));
  test("empty", () => expect(hasPlatform(auxv([15, 0]))).toBe(false));
  test("cut off", () => expect(hasPlatform(auxv([15, 77]).subarray(0, 9))).toBe(false));
});
