import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../limits.ts";
import { readElf } from "./elf.ts";
import { exportsFunction } from "./elf-exports.ts";
import { FileKnowledge } from "./file-facts.ts";
import { buildElf, MemoryFile, readMemoryFile } from "./test-elf.ts";

// Compilers and thousands of files may wait for a processor that others use.
setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "olly-elf-"));
afterAll(() => rmSync(directory, { recursive: true }));

const exporting = buildElf(directory, "exporting", { flags: ["-rdynamic"] });

describe("a program's file", () => {
  test("names its loader when it is linked dynamically", () => {
    const header = readElf(readMemoryFile(exporting));
    expect(header?.bits).toBe(64);
    expect(header?.interpreter).toMatch(/^\/lib.*\/ld-/);
    expect(header?.hasDynamic).toBe(true);
    expect(header?.sections?.has(".dynsym")).toBe(true);
  });

  test("names none when it is linked statically", () => {
    const header = readElf(readMemoryFile(buildElf(directory, "static", { flags: ["-static"] })));
    expect(header?.interpreter).toBe("");
    expect(header?.hasDynamic).toBe(false);
    const pie = readElf(readMemoryFile(buildElf(directory, "pie", { flags: ["-static-pie"] })));
    expect(pie?.interpreter).toBe("");
    expect(pie?.hasDynamic).toBe(true);
  });

  test("exports what its hash table holds, and nothing else", () => {
    const file = readMemoryFile(exporting);
    const header = readElf(file);
    if (header === undefined) throw new Error("not understood");
    expect(exportsFunction(file, header, "SSL_read")).toBe(true);
    expect(exportsFunction(file, header, "main")).toBe(true);
    expect(exportsFunction(file, header, "SSL_write")).toBe(false);
    // Imported, but defined elsewhere.
    expect(exportsFunction(file, header, "__libc_start_main")).toBe(false);
  });

  test("names the libraries that it needs", () => {
    const needed = (path: string) => new FileKnowledge().factsOf(readMemoryFile(path))?.needed;
    expect(needed(exporting)).toEqual(["libc.so.6"]);
    const flags = ["-Wl,--no-as-needed", "-lm", "-lpthread"];
    const two = needed(buildElf(directory, "two", { flags }));
    expect(two).toContain("libm.so.6");
    expect(two).toContain("libc.so.6");
    expect(needed(buildElf(directory, "static", { flags: ["-static"] }))).toEqual([]);
  });

  test("needs what cannot be known when its names lie outside the file", () => {
    const bytes = readFileSync(exporting);
    const dynamic = readElf(new MemoryFile(bytes))?.sections?.get(".dynamic");
    if (dynamic === undefined) throw new Error("no table");
    for (const place of [0xffff_ffff_ffff_ffffn, 0x10_0000n]) {
      bytes.writeBigUInt64LE(place, dynamic.offset + 8);
      expect(new FileKnowledge().factsOf(new MemoryFile(bytes))?.needed).toBeUndefined();
    }
  });

  test("that hides its functions exports none", () => {
    const file = readMemoryFile(buildElf(directory, "hiding"));
    const header = readElf(file);
    if (header === undefined) throw new Error("not understood");
    expect(exportsFunction(file, header, "SSL_read")).toBe(false);
  });

  test("without a section table is not known whole", () => {
    const bytes = readFileSync(exporting);
    bytes.writeUInt16LE(0, 60);
    const header = readElf(new MemoryFile(bytes));
    expect(header?.interpreter).not.toBe("");
    expect(header?.sections).toBeUndefined();
    expect(new FileKnowledge().factsOf(new MemoryFile(bytes))?.go).toBeUndefined();
  });
});

describe("a file that is none", () => {
  const cases: [string, Uint8Array][] = [
    ["an empty one", new Uint8Array()],
    ["a script", Buffer.from("#!/bin/sh\nexit 0\n")],
    ["a magic number alone", Buffer.from("\x7fELF", "latin1")],
    ["zeros", new Uint8Array(4_096)],
  ];
  test.each(cases)("%s", (_, bytes) => {
    expect(readElf(new MemoryFile(bytes))).toBeUndefined();
  });
});

/** More than the largest tables that the limits allow can never be read. */
const READ_MAX =
  64 +
  limits.elfSegmentsMax * (56 + limits.elfNameBytesMax) +
  limits.elfSectionsMax * 64 +
  limits.elfSectionNamesBytesMax +
  4 * (limits.elfChainMax * 64 + 64);

function survives(bytes: Uint8Array): void {
  const file = new MemoryFile(bytes);
  const knowledge = new FileKnowledge();
  knowledge.factsOf(file);
  const headers = file.bytesRead;
  knowledge.linkedTlsOf(file);
  // expect() for each of so many files would take longer than reading them.
  if (headers > READ_MAX || file.bytesRead > 2 * (READ_MAX + bytes.length)) {
    expect(`${headers} and ${file.bytesRead} bytes read`).toBe("less");
  }
}

describe("a hostile file never ends the reader and is not read without a bound", () => {
  const original = readFileSync(exporting);
  const sectionTable = Number(original.readBigUInt64LE(40));
  const sectionCount = original.readUInt16LE(60);

  test("every byte of its headers changed", () => {
    const headers = Array(64 + 56 * original.readUInt16LE(56)).keys();
    const sections = Array.from({ length: 64 * sectionCount }, (_, index) => sectionTable + index);
    const bytes = new Uint8Array(original);
    for (const place of [...headers, ...sections]) {
      for (const value of place < sectionTable ? [0x00, 0x80, 0xff] : [0xff]) {
        bytes[place] = value;
        survives(bytes);
      }
      bytes[place] = original[place] ?? 0;
    }
  });

  test("every 64-bit field of its headers as large as can be", () => {
    for (let place = 16; place < 64 + 56 * original.readUInt16LE(56) - 8; place += 4) {
      for (const value of [0xffff_ffff_ffff_ffffn, 0x7fff_ffff_ffff_ffffn, 0xffff_ffffn]) {
        const bytes = Buffer.from(original);
        bytes.writeBigUInt64LE(value, place);
        survives(bytes);
      }
    }
  });

  test("its hash table changed", () => {
    const { sections } = readElf(new MemoryFile(original)) ?? {};
    const hash = sections?.get(".gnu.hash");
    if (hash === undefined) throw new Error("no hash table");
    for (let place = hash.offset; place < hash.offset + hash.size; place++) {
      for (const value of [0x00, 0xff]) {
        const bytes = new Uint8Array(original);
        bytes[place] = value;
        survives(bytes);
      }
    }
  });

  test("cut at every length of its headers, and further on", () => {
    for (let length = 0; length < original.length; length += length < 2_048 ? 1 : 509) {
      survives(original.subarray(0, length));
    }
  });
});

describe("the TLS library linked into a file", () => {
  const cases: [marker: string, library: string][] = [
    ["../ssl/ssl_lib.c", "OpenSSL"],
    ["/src/third_party/boringssl/src/ssl/ssl_lib.cc", "BoringSSL"],
    ["/registry/src/rustls-0.23.5/src/conn.rs", "rustls"],
    ["/registry/src/rustls-pemfile-2.0.0/src/lib.rs", ""],
    ["/rustls-pemfile-2.0.0/src/lib.rs/rustls-pki-types-1.7.0/rustls-0.23.5/src/conn.rs", "rustls"],
    ["ssl/ssl_lib.css", ""],
    ["ssl/ssl_lib.css ssl/ssl_lib.cc", "BoringSSL"],
    ["OpenSSL 3.0.2 15 Mar 2022", ""],
  ];
  test.each(cases)("%s", (marker, library) => {
    const file = readMemoryFile(buildElf(directory, "linked", { marker }));
    expect(new FileKnowledge().linkedTlsOf(file)).toBe(library as never);
  });

  test("is found across the border of two blocks", () => {
    for (const place of [0, 1, 8, 13, 14, 15, 16, 17]) {
      const padding = "x".repeat(limits.elfSearchBlockBytes - place);
      const program = paddedElf(`${padding}ssl/ssl_lib.c\0`);
      expect(new FileKnowledge().linkedTlsOf(program)).toBe("OpenSSL");
    }
  });

  test("is unknown when there is more than is searched", () => {
    const program = paddedElf("x".repeat(limits.elfSearchBytesMax + 1));
    expect(new FileKnowledge().linkedTlsOf(program)).toBeUndefined();
    expect(program.bytesRead).toBeLessThan(limits.elfSearchBytesMax * 1.01);
  });
});

test("one look searches so much and no more; the next one goes on", () => {
  const knowledge = new FileKnowledge();
  const size = limits.elfSearchBytesMax;
  const [first, second, third] = ["1", "2", "3"].map((key) => paddedElf("x".repeat(size), key));
  if (first === undefined || second === undefined || third === undefined) throw new Error();
  expect(limits.lookSearchBytesMax).toBe(2 * size);
  expect([first, second, third].map((file) => knowledge.linkedTlsOf(file))).toEqual([
    "",
    "",
    undefined,
  ]);
  expect(third.bytesRead).toBeLessThan(size / 100);
  knowledge.nextLook();
  expect(knowledge.linkedTlsOf(third)).toBe("");
});

test("a search lets others have their turn after each block", () => {
  const blocks = 3;
  let turns = 0;
  const knowledge = new FileKnowledge(() => turns++);
  knowledge.linkedTlsOf(paddedElf("x".repeat((blocks - 0.5) * limits.elfSearchBlockBytes)));
  expect(turns).toBe(blocks);
});

/** The program with other read-only data, at its end. */
function paddedElf(text: string, key = "padded"): MemoryFile {
  const original = readFileSync(exporting);
  const bytes = Buffer.concat([original, Buffer.from(text, "latin1")]);
  const names = readElf(new MemoryFile(original))?.sections;
  const data = names?.get(".rodata");
  if (data === undefined) throw new Error("no read-only data");
  const table = Number(original.readBigUInt64LE(40));
  for (let index = 0; index < original.readUInt16LE(60); index++) {
    const at = table + index * 64;
    if (Number(original.readBigUInt64LE(at + 24)) !== data.offset) continue;
    bytes.writeBigUInt64LE(BigInt(original.length), at + 24);
    bytes.writeBigUInt64LE(BigInt(text.length), at + 32);
  }
  return new MemoryFile(bytes, key);
}

test("a file is looked into once, until it changes", () => {
  const knowledge = new FileKnowledge();
  const file = readMemoryFile(exporting);
  const facts = knowledge.factsOf(file);
  const { bytesRead } = file;
  expect(knowledge.factsOf(file)).toEqual(facts as never);
  expect(file.bytesRead).toBe(bytesRead);
  const changed = new MemoryFile(Buffer.from("#!/bin/sh"), "changed");
  expect(knowledge.factsOf(changed)).toBeUndefined();
  expect(knowledge.factsOf(changed)).toBeUndefined();
  expect(changed.reads).toBe(0);
});
