/**
 * A shared library for 32-bit programs that holds nothing: what their loader finds where 64-bit
 * programs find libolly.so, so that it has no reason to warn. Invariant: nothing in it can be
 * executed, nothing is exported, and it needs no other library.
 */

/** By the names that Node has for processors; what 32-bit programs there are built for. */
const MACHINES: Readonly<Record<string, { machine: number; flags: number }>> = {
  x64: { machine: 3, flags: 0 }, // EM_386
  arm64: { machine: 40, flags: 0x05000000 }, // EM_ARM, EABI version 5
};

const HEADER_BYTES = 52;
const SEGMENT_BYTES = 32;
const SYMBOL_BYTES = 16;
const HASH_WORDS = [1, 1, 0, 0]; // one bucket, one symbol, which is the nameless one
const ALIGNMENT = 0x10000; // the largest page

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PF_READ_WRITE = 6;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SYMENT = 11;

const DYNAMIC_AT = HEADER_BYTES + 3 * SEGMENT_BYTES;
const DYNAMIC_BYTES = 6 * 8;
const HASH_AT = DYNAMIC_AT + DYNAMIC_BYTES;
const SYMBOLS_AT = HASH_AT + 4 * HASH_WORDS.length;
const STRINGS_AT = SYMBOLS_AT + SYMBOL_BYTES;
const TOTAL_BYTES = STRINGS_AT + 4;

/** Undefined for processors that run no 32-bit programs. */
export function emptyLibrary(architecture: string): Uint8Array | undefined {
  const target = MACHINES[architecture];
  if (target === undefined) return undefined;
  const bytes = new Uint8Array(TOTAL_BYTES);
  const view = new DataView(bytes.buffer);
  const words = (at: number, values: readonly number[]) => {
    for (const [index, value] of values.entries()) view.setUint32(at + 4 * index, value, true);
  };
  const halves = (at: number, values: readonly number[]) => {
    for (const [index, value] of values.entries()) view.setUint16(at + 2 * index, value, true);
  };
  // 32 bits, little-endian, version 1; then: shared object, machine, version.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  halves(16, [3, target.machine]);
  // version, entry, segments, sections, flags
  words(20, [1, 0, HEADER_BYTES, 0, target.flags]);
  // sizes of the header and of a segment, segments; sections: none
  halves(40, [HEADER_BYTES, SEGMENT_BYTES, 3, 0, 0, 0]);
  // Each: type, offset, address, physical address, bytes in file and memory, flags, alignment.
  words(HEADER_BYTES, [PT_LOAD, 0, 0, 0, TOTAL_BYTES, TOTAL_BYTES, PF_READ_WRITE, ALIGNMENT]);
  words(HEADER_BYTES + SEGMENT_BYTES, [
    ...[PT_DYNAMIC, DYNAMIC_AT, DYNAMIC_AT, DYNAMIC_AT, DYNAMIC_BYTES, DYNAMIC_BYTES],
    ...[PF_READ_WRITE, 4],
  ]);
  words(HEADER_BYTES + 2 * SEGMENT_BYTES, [PT_GNU_STACK, 0, 0, 0, 0, 0, PF_READ_WRITE, 16]);
  words(DYNAMIC_AT, [
    ...[DT_HASH, HASH_AT, DT_STRTAB, STRINGS_AT, DT_SYMTAB, SYMBOLS_AT],
    ...[DT_STRSZ, 1, DT_SYMENT, SYMBOL_BYTES, 0, 0],
  ]);
  words(HASH_AT, HASH_WORDS);
  return bytes;
}
