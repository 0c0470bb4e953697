/**
 * Whether an ELF file exports a function, looked up in its hash table as the loader does it: a few
 * reads, however large the file. Invariant: undefined is the answer to every table that contradicts
 * itself; a chain is followed for limits.elfChainMax steps at most.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { limits } from "../../limits.ts";
import type { ElfBytes, ElfHeader, ElfSection } from "./elf.ts";

const HASH_HEADER_BYTES = 16;
const SYMBOL_BYTES = 24;

/** True when the 64-bit little-endian file defines `name` for others; false when it does not. */
export function exportsFunction(
  file: ElfBytes,
  { bits, littleEndian, sections }: ElfHeader,
  name: string,
): boolean | undefined {
  if (bits !== 64 || !littleEndian || sections === undefined) return undefined;
  const symbols = sections.get(".dynsym");
  const names = sections.get(".dynstr");
  if (symbols === undefined || names === undefined) return false;
  const hash = sections.get(".gnu.hash");
  if (hash === undefined) return undefined;
  return lookUp({ file, hash, symbols, names }, name);
}

interface Tables {
  readonly file: ElfBytes;
  readonly hash: ElfSection;
  readonly symbols: ElfSection;
  readonly names: ElfSection;
}

function lookUp(tables: Tables, name: string): boolean | undefined {
  const { file, hash } = tables;
  const head = view(file, hash.offset, HASH_HEADER_BYTES);
  if (head === undefined) return undefined;
  const buckets = head.getUint32(0, true);
  const firstSymbol = head.getUint32(4, true);
  const bloomWords = head.getUint32(8, true);
  if (buckets === 0) return false;
  const wanted = hashOf(name);
  const bucketsAt = hash.offset + HASH_HEADER_BYTES + bloomWords * 8;
  const bucket = view(file, bucketsAt + (wanted % buckets) * 4, 4);
  if (bucket === undefined) return undefined;
  let symbol = bucket.getUint32(0, true);
  if (symbol === 0) return false;
  if (symbol < firstSymbol) return undefined;
  const chainsAt = bucketsAt + buckets * 4;
  for (let step = 0; step < limits.elfChainMax; step++, symbol++) {
    const chain = view(file, chainsAt + (symbol - firstSymbol) * 4, 4)?.getUint32(0, true);
    if (chain === undefined) return undefined;
    if ((chain | 1) === (wanted | 1) && isNamed(tables, symbol, name)) return true;
    if ((chain & 1) === 1) return false;
  }
  return undefined;
}

/** The symbol has this name and is defined here. */
function isNamed({ file, symbols, names }: Tables, symbol: number, name: string): boolean {
  const entry = view(file, symbols.offset + symbol * SYMBOL_BYTES, SYMBOL_BYTES);
  if (entry === undefined || entry.getUint16(6, true) === 0) return false;
  const text = file.at(names.offset + entry.getUint32(0, true), name.length + 1);
  return text !== undefined && latin1Of(text, 0, text.length) === `${name}\0`;
}

function view(file: ElfBytes, offset: number, length: number): DataView | undefined {
  const bytes = file.at(offset, length);
  return bytes === undefined
    ? undefined
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The GNU hash of a symbol's name. */
function hashOf(name: string): number {
  let hash = 5381;
  for (let index = 0; index < name.length; index++) {
    hash = (Math.imul(hash, 33) + name.charCodeAt(index)) >>> 0;
  }
  return hash;
}
