/**
 * Which libraries an ELF file asks its loader for. Invariant: undefined is the answer to every
 * table that contradicts itself; the table and each name are read up to limits.elf*.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { limits } from "../../limits.ts";
import type { ElfBytes, ElfHeader } from "./elf.ts";

const ENTRY_BYTES = 16;
const DT_NULL = 0n;
const DT_NEEDED = 1n;

/** The names in DT_NEEDED entries of a 64-bit little-endian file; [] when it has none. */
export function neededLibraries(
  file: ElfBytes,
  { bits, littleEndian, sections }: ElfHeader,
): readonly string[] | undefined {
  if (bits !== 64 || !littleEndian || sections === undefined) return undefined;
  const dynamic = sections.get(".dynamic");
  const names = sections.get(".dynstr");
  if (dynamic === undefined) return [];
  if (names === undefined || dynamic.size > limits.elfDynamicBytesMax) return undefined;
  const table = file.at(dynamic.offset, dynamic.size);
  if (table === undefined) return undefined;
  const entries = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const found: string[] = [];
  for (let at = 0; at + ENTRY_BYTES <= table.length; at += ENTRY_BYTES) {
    const tag = entries.getBigUint64(at, true);
    if (tag === DT_NULL) break;
    if (tag !== DT_NEEDED) continue;
    const place = entries.getBigUint64(at + 8, true);
    const name = place < BigInt(names.size) ? textAt(file, names, Number(place)) : undefined;
    if (name === undefined) return undefined;
    found.push(name);
  }
  return found;
}

function textAt(
  file: ElfBytes,
  names: { readonly offset: number; readonly size: number },
  place: number,
): string | undefined {
  const length = Math.min(names.size - place, limits.elfLibraryNameBytesMax);
  const bytes = file.at(names.offset + place, length);
  const end = bytes?.indexOf(0) ?? -1;
  return bytes === undefined || end < 0 ? undefined : latin1Of(bytes, 0, end);
}
