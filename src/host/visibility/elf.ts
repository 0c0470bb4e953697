/**
 * What an ELF file says of itself, read from its headers and section table only. Invariant: no
 * offset, size or count of the file is trusted: whatever lies outside the file or beyond a limit
 * makes the answer undefined, and the bytes read are bounded by limits.elf*.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { limits } from "../../limits.ts";

/** A file's bytes by place; undefined when not all of them are there. */
export interface ElfBytes {
  at(offset: number, length: number): Uint8Array | undefined;
}

export interface ElfSection {
  readonly offset: number;
  readonly size: number;
}

export interface ElfHeader {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_machine. */
  readonly machine: number;
  /** Path of the loader, "" when the file names none. */
  readonly interpreter: string;
  readonly hasDynamic: boolean;
  /** By name; undefined when the file has no section table that can be understood. */
  readonly sections: ReadonlyMap<string, ElfSection> | undefined;
}

const MAGIC = 0x7f454c46;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const SHT_NOBITS = 8;
/** Places of the fields that differ between the two classes. */
const layouts = {
  32: { header: 52, phoff: 28, shoff: 32, counts: 42, ph: 32, sh: 40 },
  64: { header: 64, phoff: 32, shoff: 40, counts: 54, ph: 56, sh: 64 },
} as const;

/** Reads fields in the file's own class and byte order. */
class Fields {
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  readonly bits: 32 | 64;

  constructor(bytes: Uint8Array, header: { bits: 32 | 64; littleEndian: boolean }) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = header.littleEndian;
    this.bits = header.bits;
  }

  half(at: number): number {
    return this.#view.getUint16(at, this.#littleEndian);
  }

  word(at: number): number {
    return this.#view.getUint32(at, this.#littleEndian);
  }

  /** An address or offset; beyond 2^53 it is inexact, and outside every file in any case. */
  long(at: number): number {
    if (this.bits === 32) return this.word(at);
    return Number(this.#view.getBigUint64(at, this.#littleEndian));
  }
}

/** Undefined when it is not an ELF file, or its headers contradict the file. */
export function readElf(file: ElfBytes): ElfHeader | undefined {
  const identity = file.at(0, 16);
  if (identity === undefined) return undefined;
  if (new DataView(identity.buffer, identity.byteOffset).getUint32(0) !== MAGIC) return undefined;
  const [elfClass, order] = [identity[4], identity[5]];
  if ((elfClass !== 1 && elfClass !== 2) || (order !== 1 && order !== 2)) return undefined;
  const kind = { bits: elfClass === 1 ? 32 : 64, littleEndian: order === 1 } as const;
  const layout = layouts[kind.bits];
  const bytes = file.at(0, layout.header);
  if (bytes === undefined) return undefined;
  const header = new Fields(bytes, kind);
  const segments = readSegments(file, header, kind);
  if (segments === undefined) return undefined;
  const sections = readSections(file, header, kind);
  return { ...kind, machine: header.half(18), ...segments, sections };
}

type Kind = Pick<ElfHeader, "bits" | "littleEndian">;

function readSegments(
  file: ElfBytes,
  header: Fields,
  kind: Kind,
): Pick<ElfHeader, "interpreter" | "hasDynamic"> | undefined {
  const layout = layouts[kind.bits];
  const count = header.half(layout.counts + 2);
  if (header.half(layout.counts) !== layout.ph || count === 0) return undefined;
  if (count > limits.elfSegmentsMax) return undefined;
  const table = file.at(header.long(layout.phoff), count * layout.ph);
  if (table === undefined) return undefined;
  const fields = new Fields(table, kind);
  let interpreter = "";
  let hasDynamic = false;
  for (let index = 0; index < count; index++) {
    const at = index * layout.ph;
    const type = fields.word(at);
    if (type === PT_DYNAMIC) hasDynamic = true;
    if (type !== PT_INTERP) continue;
    const offset = fields.long(at + (kind.bits === 32 ? 4 : 8));
    const size = fields.long(at + (kind.bits === 32 ? 16 : 32));
    if (size < 2 || size > limits.elfNameBytesMax) return undefined;
    const name = file.at(offset, size);
    if (name === undefined) return undefined;
    interpreter = nameAt(name, 0);
  }
  return { interpreter, hasDynamic };
}

function readSections(
  file: ElfBytes,
  header: Fields,
  kind: Kind,
): ReadonlyMap<string, ElfSection> | undefined {
  const layout = layouts[kind.bits];
  const count = header.half(layout.counts + 6);
  const namesIndex = header.half(layout.counts + 8);
  if (header.half(layout.counts + 4) !== layout.sh) return undefined;
  if (count === 0 || count > limits.elfSectionsMax || namesIndex >= count) return undefined;
  const table = file.at(header.long(layout.shoff), count * layout.sh);
  if (table === undefined) return undefined;
  const fields = new Fields(table, kind);
  const sectionAt = (index: number): ElfSection => {
    const at = index * layout.sh + (kind.bits === 32 ? 16 : 24);
    return { offset: fields.long(at), size: fields.long(at + (kind.bits === 32 ? 4 : 8)) };
  };
  const { offset, size } = sectionAt(namesIndex);
  if (size > limits.elfSectionNamesBytesMax) return undefined;
  const names = file.at(offset, size);
  if (names === undefined) return undefined;
  const sections = new Map<string, ElfSection>();
  for (let index = 1; index < count; index++) {
    const at = index * layout.sh;
    if (fields.word(at + 4) === SHT_NOBITS) continue;
    sections.set(nameAt(names, fields.word(at)), sectionAt(index));
  }
  return sections;
}

/** The string that begins there, up to its NUL or the longest name. */
function nameAt(bytes: Uint8Array, start: number): string {
  if (start >= bytes.length) return "";
  const longest = Math.min(bytes.length, start + limits.elfNameBytesMax);
  const end = bytes.subarray(0, longest).indexOf(0, start);
  return latin1Of(bytes, start, end < 0 ? longest : end);
}
