/**
 * One direction of a connection: the bytes that nobody has consumed yet, and when and by which
 * thread each of them moved. Invariant: bytes[start..end) is contiguous in the stream; gaps are
 * told to the owner, never stored. While a message is handled its payload is borrowed, not
 * copied; retain() copies what is left, and reports to the memory that all streams share.
 */
import type { ByteQueue, Segment } from "../model/stream.ts";
import type { StreamMemory } from "./stream-memory.ts";

const EMPTY = new Uint8Array(0);
const CAPACITY_BYTES_MIN = 1024;
/** An empty stream keeps a buffer of this size for the next time, and returns a larger one. */
const CAPACITY_BYTES_KEPT = 4096;
/** About what a remembered piece holds. */
const SEGMENT_BYTES = 64;

export type { Segment } from "../model/stream.ts";

export class ByteStream implements ByteQueue {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** When and by whom all bytes moved, as long as they came in one piece: most streams do. */
  #only: Segment | undefined;
  /** Segment i covers the indexes up to #ends[i] (exclusive); indexes move when bytes move. */
  #ends: number[] = [];
  #segments: Segment[] = [];
  #borrowed = false;
  #own: Uint8Array = EMPTY;
  #reported = 0;
  readonly #segmentsMax: number;
  readonly #memory: StreamMemory | undefined;

  constructor(segmentsMax: number, memory?: StreamMemory) {
    this.#segmentsMax = segmentsMax;
    this.#memory = memory;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Adds a payload that stays valid until retain(). */
  append(payload: Uint8Array, segment: Segment): void {
    if (this.start === this.end) {
      this.bytes = payload;
      this.start = 0;
      this.end = payload.length;
      this.#borrowed = true;
      this.#forgetSegments();
      this.#only = segment;
      return;
    }
    this.#reserve(payload.length);
    this.bytes.set(payload, this.end);
    if (this.#only !== undefined) this.#addSegment(this.#only);
    this.#only = undefined;
    this.end += payload.length;
    this.#addSegment(segment);
  }

  consume(length: number): void {
    this.start += length;
    if (this.start >= this.end) this.clear();
  }

  clear(): void {
    this.bytes = EMPTY;
    this.start = 0;
    this.end = 0;
    this.#borrowed = false;
    this.#forgetSegments();
  }

  #forgetSegments(): void {
    this.#only = undefined;
    if (this.#ends.length === 0) return;
    this.#ends.length = 0;
    this.#segments.length = 0;
  }

  /** Copies what is left of a borrowed payload; must follow every append before the next one. */
  retain(): void {
    if (this.#borrowed) this.#moveTo(this.#own, this.length);
    else if (this.#own.length > CAPACITY_BYTES_KEPT && this.start === this.end) this.#own = EMPTY;
    this.#report();
  }

  /** Forgets everything and gives all memory back: the connection is over. */
  release(): void {
    this.clear();
    this.#own = EMPTY;
    this.#report();
  }

  #report(): void {
    const segments = this.#only === undefined ? this.#ends.length : 1;
    const held = this.#own.length + segments * SEGMENT_BYTES;
    if (held === this.#reported) return;
    this.#memory?.add(held - this.#reported);
    this.#reported = held;
  }

  timeAt(index: number): number {
    return this.#segmentAt(index)?.timeNs ?? 0;
  }

  tidAt(index: number): number {
    return this.#segmentAt(index)?.tid ?? 0;
  }

  eventLoopAt(index: number): boolean {
    return this.#segmentAt(index)?.eventLoop ?? false;
  }

  #segmentAt(index: number): Segment | undefined {
    if (this.#only !== undefined) return this.#only;
    const ends = this.#ends;
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (index < (ends[middle] ?? 0)) high = middle;
      else low = middle + 1;
    }
    return this.#segments[low];
  }

  /** When a direction comes in very many pieces, later ones share the last one's moment. */
  #addSegment(segment: Segment): void {
    if (this.#ends.length >= this.#segmentsMax) {
      this.#ends[this.#ends.length - 1] = this.end;
      return;
    }
    this.#ends.push(this.end);
    this.#segments.push(segment);
  }

  #reserve(extra: number): void {
    if (!this.#borrowed && this.end + extra <= this.bytes.length) return;
    this.#moveTo(this.#own, this.length + extra);
  }

  #moveTo(target: Uint8Array, needed: number): void {
    const length = this.length;
    let destination = target;
    if (destination.length < needed) {
      destination = new Uint8Array(Math.max(CAPACITY_BYTES_MIN, 2 ** Math.ceil(Math.log2(needed))));
    }
    if (destination === this.bytes) destination.copyWithin(0, this.start, this.end);
    else destination.set(this.bytes.subarray(this.start, this.end), 0);
    const moved = this.start;
    for (let index = 0; index < this.#ends.length; index++) {
      this.#ends[index] = (this.#ends[index] ?? 0) - moved;
    }
    this.#dropPassedSegments();
    this.#own = destination;
    this.bytes = destination;
    this.start = 0;
    this.end = length;
    this.#borrowed = false;
  }

  #dropPassedSegments(): void {
    let passed = 0;
    while (passed < this.#ends.length - 1 && (this.#ends[passed] ?? 0) <= 0) passed++;
    if (passed === 0) return;
    this.#ends.splice(0, passed);
    this.#segments.splice(0, passed);
  }
}
