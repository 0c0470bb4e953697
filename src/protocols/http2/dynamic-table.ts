/**
 * The dynamic table of one direction (RFC 7541 section 2.3.2). Entries are counted from the newest,
 * so those that came after a loss are known by their index although older ones are not. Invariant:
 * size <= tableBytesMax, and only wanted names and their values are kept.
 */
import { http2Limits } from "./limits.ts";

/** A name that nobody wants, or that is not known, is undefined, and its value too. */
export interface TableEntry {
  readonly name: string | undefined;
  readonly value: string | undefined;
  readonly nameBytes: number;
  /** False when the entry took its name from one that was not seen. */
  readonly isKnown: boolean;
  /** RFC 7541 section 4.1: bytes of name and value, and 32. */
  readonly size: number;
}

export const ENTRY_OVERHEAD_BYTES = 32;
const SIZE_DEFAULT = 4_096;
/** Evicted entries at the front of the array before it is made shorter. */
const SLACK_MAX = 64;

export class DynamicTable {
  /** Oldest first, from #first on. */
  readonly #entries: TableEntry[] = [];
  #first = 0;
  #size = 0;
  #sizeMax: number;
  #isWhole: boolean;
  /** The peer's table may hold more than ours. */
  #isCapped: boolean;

  /** joined: the connection is older than what was seen of it. */
  constructor(joined: boolean) {
    this.#isWhole = !joined;
    this.#isCapped = joined;
    this.#sizeMax = joined ? http2Limits.tableBytesMax : SIZE_DEFAULT;
  }

  /** False when entries may exist that were not seen. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** The entry at an index from 0, the newest; undefined when there is none, or it is unknown. */
  at(index: number): TableEntry | undefined {
    return index < this.length ? this.#entries[this.#entries.length - 1 - index] : undefined;
  }

  /** RFC 7541 section 4.4: an entry larger than the table empties it. */
  add(entry: TableEntry): void {
    this.#evictTo(this.#sizeMax - entry.size);
    if (entry.size > this.#sizeMax) return;
    this.#entries.push(entry);
    this.#size += entry.size;
  }

  /** RFC 7541 section 6.3. */
  resize(sizeMax: number): void {
    this.#isCapped = sizeMax > http2Limits.tableBytesMax;
    this.#sizeMax = Math.min(sizeMax, http2Limits.tableBytesMax);
    this.#evictTo(this.#sizeMax);
    // A table that can hold nothing holds nothing unknown.
    if (sizeMax < ENTRY_OVERHEAD_BYTES) this.#isWhole = true;
  }

  /** Blocks were lost: what they added, and so the place of every entry before, is unknown. */
  lose(): void {
    this.#entries.length = 0;
    this.#first = 0;
    this.#size = 0;
    this.#isWhole = false;
    this.#isCapped = true;
    this.#sizeMax = http2Limits.tableBytesMax;
  }

  #evictTo(size: number): void {
    while (this.#size > size && this.#first < this.#entries.length) {
      this.#size -= this.#entries[this.#first]?.size ?? 0;
      this.#first++;
      if (this.#isCapped) this.#isWhole = false;
    }
    if (this.#first > SLACK_MAX || this.#first === this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
