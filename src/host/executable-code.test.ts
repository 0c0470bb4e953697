import { expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { letGoOfExecutable, type Mapping, unchangedMappings } from "./executable-code.ts";

const smaps = (mappings: readonly (readonly [head: string, anonymous: number])[]) =>
  mappings
    .map(
      ([head, own]) => `${head}\nSize: 8 kB\nRss: 8 kB\nAnonymous:   ${own} kB\nVmFlags: rd mr\n`,
    )
    .join("");

test("code and constants of the file, not what is or was written to, nor other files", () => {
  const text = smaps([
    ["00200000-00204000 r--p 00000000 fe:00 77                 /opt/olly", 0],
    ["00204000-00304000 r-xp 00004000 fe:00 77                 /opt/olly", 0],
    ["00304000-00305000 r--p 00104000 fe:00 77                 /opt/olly", 4],
    ["00305000-00306000 rw-p 00105000 fe:00 77                 /opt/olly", 0],
    ["7f0000000000-7f0000001000 r-xp 00000000 fe:00 78         /opt/olly.so", 0],
    ["7f0000001000-7f0000002000 r-xp 00000000 00:00 0 ", 0],
  ]);
  expect(unchangedMappings(text, "/opt/olly")).toEqual([
    { start: 0x20_0000, bytes: 0x4000 },
    { start: 0x20_4000, bytes: 0x10_0000 },
  ]);
});

test("a mapping of which nothing is said, and text that is none", () => {
  const path = "/opt/olly";
  expect(
    unchangedMappings("00200000-00204000 r-xp 0 fe:00 77 /opt/olly\nRss: 8 kB\n", path),
  ).toEqual([]);
  for (const text of ["", "\n\n", "Anonymous: 0 kB\n", "-".repeat(100_000)]) {
    expect(unchangedMappings(text, path)).toEqual([]);
  }
});

test("this process's own executable has such mappings", () => {
  const mappings: Mapping[] = [];
  letGoOfExecutable((mapping) => void mappings.push(mapping));
  expect(mappings.length).toBeGreaterThan(0);
  expect(readlinkSync("/proc/self/exe")).not.toBe("");
  for (const { start, bytes } of mappings) {
    expect(start % 4096).toBe(0);
    expect(bytes).toBeGreaterThan(0);
  }
});
