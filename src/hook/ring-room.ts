/**
 * How much a process may write into its ring: the words that only the agent writes, and the memory
 * behind them. Invariants: what was not read is never within the limit again; a process with little
 * to say writes to the beginning of the data only, so that the rest takes no memory.
 */
import { limits } from "../limits.ts";
import type { Clock } from "../model/clock.ts";
import { RECORD_BYTES_MAX, RING_HEADER_BYTES, RING_WORD_BYTES, ringOffset } from "./layout.ts";
import type { SharedMemory } from "./shared-memory.ts";

/** Data that keeps its memory for as long as the process lives. */
const KEPT_BYTES = limits.ringDataBytesMin;
const PAGE_BYTES = 4096;
/** A record's stamp is that of every position so many bytes further on. */
const STAMPS_BYTES = 2 ** 35;
const HEAD = ringOffset.head / 8;
const TAIL = ringOffset.tail / 8;
const LIMIT = ringOffset.limit / 8;

export class RingRoom {
  readonly #memory: SharedMemory;
  readonly #clock: Clock;
  readonly #words: BigUint64Array;
  readonly #dataBytes: number;
  #waitingBytesMax: number;
  #tail = 0;
  #tailUnits = 0;
  /** End of the data that may hold memory. */
  #touchedEnd = 0;
  /** Laps since old records were wiped out that not every lap overwrites. */
  #laps = 0;
  /** When data was last read that lay behind what keeps its memory. */
  #deepNs = 0;

  constructor(memory: SharedMemory, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
    this.#words = new BigUint64Array(memory.buffer, 0, RING_HEADER_BYTES / 8);
    this.#dataBytes = memory.buffer.byteLength - RING_HEADER_BYTES;
    // What the library began with holds until allow(): it may have written more than is kept.
    const begun = Number(Atomics.load(this.#words, LIMIT));
    this.#waitingBytesMax = Math.min(Math.max(KEPT_BYTES, begun), this.#dataBytes);
    this.#storeLimit(this.#waitingBytesMax);
  }

  /** Position up to which everything has been read, in bytes since the ring began. */
  get tail(): number {
    return this.#tail;
  }

  /** The same as ringUnits counts. */
  get tailUnits(): number {
    return this.#tailUnits;
  }

  /** So many bytes may wait from now on, at most as many as the ring has. */
  allow(waitingBytesMax: number): void {
    this.#waitingBytesMax = Math.min(waitingBytesMax, this.#dataBytes);
    this.#storeLimit(this.#tail + this.#waitingBytesMax);
  }

  /** Whether so many waiting bytes leave little room to a process that writes at full speed. */
  isShort(waiting: number): boolean {
    return waiting > this.#waitingBytesMax / 4;
  }

  /** `length` bytes at the tail have been read, or are given up. */
  release(length: number): void {
    const end = (this.#tail % this.#dataBytes) + length;
    this.#touchedEnd = Math.max(this.#touchedEnd, Math.min(end, this.#dataBytes));
    if (end > KEPT_BYTES) this.#deepNs = this.#clock.monotonicNs();
    this.#moveTail(this.#tail + length);
    this.#storeLimit(this.#tail + this.#waitingBytesMax);
  }

  /**
   * Everything has been read: writing goes on at the beginning of the data, unless a record came
   * meanwhile; and memory that a burst has taken goes back when there has been none for a while.
   */
  rewind(): void {
    const place = this.#tail % this.#dataBytes;
    if (place >= limits.ringRewindBytes) this.#toNextLap(place);
    if (this.#laps * this.#dataBytes >= STAMPS_BYTES / 4) {
      // One that a burst has left would pass for a new one when its stamp is due again.
      if (this.#discardBehind(limits.ringRewindBytes)) this.#laps = 0;
    } else if (this.#touchedEnd > KEPT_BYTES) this.#giveBack();
  }

  #toNextLap(place: number): void {
    const next = this.#tail - place + this.#dataBytes;
    const head = BigInt(this.#tail);
    const moved = BigInt(next);
    // Right for both laps: records at the old head, should the exchange fail, and at the new one.
    this.#storeLimit(next + Math.min(place, this.#waitingBytesMax));
    if (Atomics.compareExchange(this.#words, HEAD, head, moved) === head) {
      this.#moveTail(next);
      this.#laps++;
    }
    this.#storeLimit(this.#tail + this.#waitingBytesMax);
  }

  #giveBack(): void {
    if (this.#clock.monotonicNs() - this.#deepNs >= limits.ringCalmNs)
      this.#discardBehind(KEPT_BYTES);
  }

  /** Wipes out what lies so far behind the tail; false = it is being written again. */
  #discardBehind(bytes: number): boolean {
    const kept = (this.#tail % this.#dataBytes) + bytes;
    const from = Math.ceil(kept / PAGE_BYTES) * PAGE_BYTES;
    if (this.#touchedEnd <= from) return true;
    // Nobody gets as far as `from` meanwhile; who has seen the old limit reserves one record more.
    this.#storeLimit(this.#tail + bytes - RECORD_BYTES_MAX);
    const head = Number(Atomics.load(this.#words, HEAD));
    const isFree = head - this.#tail <= bytes - RECORD_BYTES_MAX;
    if (isFree) {
      this.#memory.discard(RING_HEADER_BYTES + from, RING_HEADER_BYTES + this.#touchedEnd);
      this.#touchedEnd = from;
    }
    this.#storeLimit(this.#tail + this.#waitingBytesMax);
    return isFree;
  }

  /** One 64-bit store, so that no half is ever seen. */
  #moveTail(tail: number): void {
    const bytes = tail - this.#tail;
    this.#tail = tail;
    this.#tailUnits = (this.#tailUnits + bytes / RING_WORD_BYTES) | 0;
    Atomics.store(this.#words, TAIL, BigInt(tail));
  }

  #storeLimit(limit: number): void {
    Atomics.store(this.#words, LIMIT, BigInt(limit));
  }
}
