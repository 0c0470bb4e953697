/**
 * Field blocks (RFC 7541). Invariant: a field is told only when its name and value are certain; one
 * that refers to an entry that was not seen is counted as unknown, and an invalid block makes every
 * entry before it unknown. Only wanted fields become text.
 */
import { latin1Of, textOf } from "../../lib/bytes.ts";
import { DynamicTable, ENTRY_OVERHEAD_BYTES, type TableEntry } from "./dynamic-table.ts";
import { decodeHuffman, huffmanBytesMax } from "./huffman.ts";
import { http2Limits } from "./limits.ts";
import { STATIC_TABLE } from "./static-table.ts";

/** The wanted fields of a block, in order; valid until the next one is read. */
export interface FieldBlock {
  readonly names: string[];
  readonly values: string[];
  count: number;
  /** Fields of which name or value are not known. */
  unknown: number;
}

/** Which fields are worth keeping. */
export interface WantedNames {
  /** By their lengths. */
  readonly byLength: readonly (readonly string[])[];
  readonly staticTable: readonly TableEntry[];
}

const INTEGER_BYTES_MAX = 4;
const BROKEN = -1;
const HUFFMAN = 0x80;
const INDEXED = 0x80;
const INSERTED = 0x40;
const RESIZE = 0x20;

export function createFieldBlock(): FieldBlock {
  return { names: [], values: [], count: 0, unknown: 0 };
}

/** Names in lowercase, for any number of decoders. */
export function wantedNames(names: Iterable<string>): WantedNames {
  const wanted = new Set(names);
  const byLength: string[][] = [];
  for (const name of wanted) {
    while (byLength.length <= name.length) byLength.push([]);
    byLength[name.length]?.push(name);
  }
  const staticTable = STATIC_TABLE.map(([name, value]) => ({
    name: wanted.has(name) ? name : undefined,
    value,
    nameBytes: name.length,
    isKnown: true,
    size: name.length + value.length + ENTRY_OVERHEAD_BYTES,
  }));
  return { byLength, staticTable };
}

/** Scratch of one literal: decoded Huffman text. */
let scratch = new Uint8Array(1024);

export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #wanted: WantedNames;
  #bytes: Uint8Array = scratch;
  #position = 0;
  #end = 0;
  /** What the last string literal said: where its bytes stand. */
  #textBytes: Uint8Array = scratch;
  #textStart = 0;
  #textEnd = 0;

  constructor(wanted: WantedNames, joined: boolean) {
    this.#wanted = wanted;
    this.#table = new DynamicTable(joined);
  }

  get table(): DynamicTable {
    return this.#table;
  }

  /** Blocks of this direction were lost. */
  lose(): void {
    this.#table.lose();
  }

  /** Reads the block bytes[start..end) into `block`; false = it is invalid. */
  decode(bytes: Uint8Array, start: number, end: number, block: FieldBlock): boolean {
    block.count = 0;
    block.unknown = 0;
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    while (this.#position < end) {
      if (this.#field(block)) continue;
      block.count = 0;
      block.unknown++;
      this.#table.lose();
      return false;
    }
    return true;
  }

  #field(block: FieldBlock): boolean {
    const first = this.#bytes[this.#position] ?? 0;
    if (first & INDEXED) return this.#indexed(block);
    if (first & INSERTED) return this.#literal(block, 6, true);
    if (first & RESIZE) {
      const size = this.#integer(5);
      if (size < 0) return false;
      this.#table.resize(size);
      return true;
    }
    return this.#literal(block, 4, false);
  }

  #indexed(block: FieldBlock): boolean {
    const index = this.#integer(7);
    if (index <= 0) return false;
    const entry = this.#entryAt(index);
    if (entry?.isKnown === true) {
      if (entry.name !== undefined) tell(block, entry);
      return true;
    }
    block.unknown++;
    return entry !== undefined || !this.#table.isWhole;
  }

  #entryAt(index: number): TableEntry | undefined {
    const { staticTable } = this.#wanted;
    const known = staticTable.length;
    return index <= known ? staticTable[index - 1] : this.#table.at(index - known - 1);
  }

  #literal(block: FieldBlock, prefixBits: number, inserted: boolean): boolean {
    const index = this.#integer(prefixBits);
    if (index < 0) return false;
    let name: string | undefined;
    let nameBytes = 0;
    let isKnown = true;
    if (index === 0) {
      if (!this.#text(true)) return false;
      nameBytes = this.#textEnd - this.#textStart;
      name = this.#wantedName();
    } else {
      const named = this.#entryAt(index);
      if (named === undefined && this.#table.isWhole) return false;
      isKnown = named?.isKnown === true;
      name = named?.name;
      nameBytes = named?.nameBytes ?? 0;
    }
    if (!this.#text(inserted || name !== undefined)) return false;
    if (!isKnown) block.unknown++;
    const value = name === undefined ? undefined : this.#textValue();
    if (name === undefined && !inserted) return true;
    const size = nameBytes + this.#textEnd - this.#textStart + ENTRY_OVERHEAD_BYTES;
    const entry = { name, value, nameBytes, isKnown, size };
    if (name !== undefined) tell(block, entry);
    if (inserted) this.#table.add(entry);
    return true;
  }

  /** RFC 7541 section 5.1; BROKEN when it is cut off or absurd. */
  #integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = (this.#bytes[this.#position++] ?? 0) & most;
    if (value < most) return value;
    for (let shift = 0; shift < 7 * INTEGER_BYTES_MAX; shift += 7) {
      if (this.#position >= this.#end) return BROKEN;
      const byte = this.#bytes[this.#position++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return BROKEN;
  }

  /** RFC 7541 section 5.2. What is not `needed` is passed over, and its length is not true. */
  #text(needed: boolean): boolean {
    if (this.#position >= this.#end) return false;
    const coded = ((this.#bytes[this.#position] ?? 0) & HUFFMAN) !== 0;
    const length = this.#integer(7);
    const start = this.#position;
    if (length < 0 || length > this.#end - start) return false;
    this.#position = start + length;
    this.#textBytes = this.#bytes;
    this.#textStart = start;
    this.#textEnd = start + length;
    if (!coded || !needed) return true;
    const most = huffmanBytesMax(length);
    if (scratch.length < most) scratch = new Uint8Array(2 * most);
    const decoded = decodeHuffman(this.#bytes, start, start + length, scratch);
    this.#textBytes = scratch;
    this.#textStart = 0;
    this.#textEnd = decoded;
    return decoded >= 0;
  }

  #wantedName(): string | undefined {
    const candidates = this.#wanted.byLength[this.#textEnd - this.#textStart];
    if (candidates === undefined) return undefined;
    const bytes = this.#textBytes;
    for (const candidate of candidates) {
      let index = 0;
      while (
        index < candidate.length &&
        bytes[this.#textStart + index] === candidate.charCodeAt(index)
      ) {
        index++;
      }
      if (index === candidate.length) return candidate;
    }
    return undefined;
  }

  #textValue(): string {
    const bytes = this.#textBytes;
    for (let index = this.#textStart; index < this.#textEnd; index++) {
      if ((bytes[index] ?? 0) >= 0x80) return textOf(bytes, this.#textStart, this.#textEnd);
    }
    return latin1Of(bytes, this.#textStart, this.#textEnd);
  }
}

function tell(block: FieldBlock, entry: TableEntry): void {
  if (block.count >= http2Limits.blockFieldsMax) return;
  block.names[block.count] = entry.name ?? "";
  block.values[block.count] = entry.value ?? "";
  block.count++;
}
