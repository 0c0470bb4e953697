/**
 * The consumer's side of one process's ring, in two steps: copying makes room for the process and
 * is quick, decoding may come later. Invariants: what the process can still write is read only by
 * atomic loads and by one bulk copy; a length is believed only after it was checked in private
 * memory; whatever the memory holds, a step ends after bounded work.
 */
import { limits } from "../limits.ts";
import type { Clock } from "../model/clock.ts";
import { type HookMessage, MessageType } from "../model/message.ts";
import type { DropReason, Drops } from "../self/drops.ts";
import type { Arena, ArenaBlock } from "./arena.ts";
import {
  RECORD_BYTES_MAX,
  RECORD_BYTES_MIN,
  RING_COUNTERS,
  RING_HEADER_BYTES,
  RING_PADDING,
  RING_WORD_BYTES,
  ringOffset,
  ringStamp,
  ringVerdict,
} from "./layout.ts";
import type { MessageQueue } from "./message-queue.ts";
import { RingRoom } from "./ring-room.ts";
import type { SharedMemory } from "./shared-memory.ts";

/** Decodes the message in bytes[start..end); `view` covers the same memory. Never throws. */
export type MessageDecoder = (
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
) => HookMessage | DropReason;

export interface RingContext {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly drops: Drops;
  readonly decode: MessageDecoder;
}

/** Records that were copied and not yet decoded. */
interface Piece {
  readonly block: ArenaBlock;
  readonly start: number;
  readonly length: number;
  /** Position of the first one, as ringUnits counts. */
  readonly units: number;
  /** When it was copied. */
  readonly copiedNs: number;
}

const TWO_32 = 2 ** 32;
const LENGTH_MASK = RING_PADDING - 1;
/** Tries to read a 64-bit number in two halves that belong together. */
const TORN_READS_MAX = 8;
/** The agent's reading of the clock and the library's may be so far apart. */
const CLOCK_SLACK_NS = 1e6;
const UNMAPPED = new ArrayBuffer(0);

export class Ring {
  readonly #context: RingContext;
  readonly #memory: SharedMemory;
  readonly #room: RingRoom;
  readonly #dataBytes: number;
  #words: Int32Array;
  #bytes: Uint8Array;
  /** Offset of a word in the data = (units & this) words. */
  readonly #unitsMask: number;
  #stalledNs: number | undefined;
  #pieces: Piece[] = [];
  #lastNs = 0;
  #corrupt = false;

  /** `memory` is a header page and data of a power of two, as mapRing has checked. */
  constructor(memory: SharedMemory, context: RingContext) {
    this.#memory = memory;
    this.#context = context;
    this.#room = new RingRoom(memory, context.clock);
    this.#words = new Int32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer, RING_HEADER_BYTES);
    this.#dataBytes = this.#bytes.length;
    this.#unitsMask = this.#dataBytes / RING_WORD_BYTES - 1;
  }

  /** True when the memory broke the contract; then nothing more is read. */
  get corrupt(): boolean {
    return this.#corrupt;
  }

  /** Time of the last message that was read. */
  get lastNs(): number {
    return this.#lastNs;
  }

  /** True while copied records wait for decode(). */
  get holdsCopies(): boolean {
    return this.#pieces.length > 0;
  }

  /** No message that waits for decode() is in a block that was last filled before this. */
  get heldSinceNs(): number {
    return this.#pieces[0]?.copiedNs ?? Number.POSITIVE_INFINITY;
  }

  /** So many bytes may wait in the ring from now on. */
  allow(waitingBytesMax: number): void {
    if (this.#words.length > 0) this.#room.allow(waitingBytesMax);
  }

  /** True when a process that goes on writing at full speed will soon find no room. */
  get isFilling(): boolean {
    if (this.#corrupt || this.#words.length === 0) return false;
    return this.#room.isShort(this.#load64(ringOffset.head) - this.#room.tail);
  }

  /**
   * Copies committed records, at most limits.ringDrainBytesMax. `writerGone`: the process has
   * ended, so a record that is unfinished stays so. True when more can be copied at once.
   */
  copy(writerGone: boolean): boolean {
    if (this.#corrupt || this.#words.length === 0) return false;
    const head = this.#load64(ringOffset.head);
    const waiting = head - this.#room.tail;
    if (waiting === 0) {
      this.#room.rewind();
      return false;
    }
    if (waiting < 0 || waiting > this.#dataBytes || waiting % RING_WORD_BYTES !== 0) {
      this.#markCorrupt();
      return false;
    }
    const length = this.#scan(waiting);
    if (this.#corrupt) return false;
    if (length === 0) return this.#skipUnfinished(waiting, writerGone);
    this.#stalledNs = undefined;
    this.#copyOut(length);
    if (length === waiting) this.#room.rewind();
    return length < waiting;
  }

  /** Decodes what one copy() brought, the oldest first. Returns its bytes. */
  decode(queue: MessageQueue): number {
    const piece = this.#pieces.shift();
    if (piece === undefined) return 0;
    this.#read(piece, queue);
    return piece.length;
  }

  /** The library's counters in the order of enum olly_counter. */
  counters(): readonly number[] {
    const counters: number[] = [];
    if (this.#words.length === 0) return counters;
    for (let index = 0; index < RING_COUNTERS; index++) {
      counters.push(this.#load64(ringOffset.counters + 8 * index));
    }
    return counters;
  }

  /** Tells the process that nothing of it is wanted. */
  refuse(): void {
    if (this.#words.length > 0)
      Atomics.store(this.#words, ringOffset.verdict >> 2, ringVerdict.refused);
  }

  /** Unmaps; the ring is empty from then on. */
  close(): void {
    if (this.#words.length === 0) return;
    this.#words = new Int32Array(UNMAPPED);
    this.#bytes = new Uint8Array(UNMAPPED);
    this.#memory.release();
  }

  /** A 64-bit number that others write, read in halves: the high one must not change meanwhile. */
  #load64(offset: number): number {
    const index = offset >> 2;
    let high = Atomics.load(this.#words, index + 1);
    for (let attempt = 0; ; attempt++) {
      const low = Atomics.load(this.#words, index) >>> 0;
      const again = Atomics.load(this.#words, index + 1);
      if (again === high || attempt === TORN_READS_MAX) return (again >>> 0) * TWO_32 + low;
      high = again;
    }
  }

  /** Bytes of committed records at the tail, within the limit of one drain. */
  #scan(waiting: number): number {
    let scanned = 0;
    while (scanned < waiting) {
      const length = this.#committedAt(this.#room.tailUnits + scanned / RING_WORD_BYTES);
      if (length === 0) break;
      if (length < 0 || length > waiting - scanned) {
        this.#markCorrupt();
        return 0;
      }
      if (scanned + length > limits.ringDrainBytesMax) break;
      scanned += length;
    }
    return scanned;
  }

  /** Length of the record committed at a position; 0 = none yet, -1 = impossible. */
  #committedAt(units: number): number {
    const place = units & this.#unitsMask;
    const index = (RING_HEADER_BYTES >> 2) + 2 * place;
    // The stamp is loaded before the length: a stamp that is new proves that the length is, too.
    if (Atomics.load(this.#words, index + 1) !== ringStamp(units)) return 0;
    return recordLength(Atomics.load(this.#words, index), this.#bytesToEnd(place));
  }

  #bytesToEnd(place: number): number {
    return this.#dataBytes - RING_WORD_BYTES * place;
  }

  /** Copies `length` bytes from the tail into the arena and gives their room back. */
  #copyOut(length: number): void {
    const block = this.#context.arena.blockFor(length);
    const offset = RING_WORD_BYTES * (this.#room.tailUnits & this.#unitsMask);
    const first = Math.min(length, this.#dataBytes - offset);
    block.bytes.set(this.#bytes.subarray(offset, offset + first), block.used);
    if (first < length) {
      block.bytes.set(this.#bytes.subarray(0, length - first), block.used + first);
    }
    const copiedNs = this.#context.clock.monotonicNs();
    block.filledNs = copiedNs + CLOCK_SLACK_NS;
    this.#pieces.push({ block, start: block.used, length, units: this.#room.tailUnits, copiedNs });
    block.used += length;
    this.#room.release(length);
  }

  /** Walks the copy; every word is checked again, since it may have changed before the copy. */
  #read(piece: Piece, queue: MessageQueue): void {
    const { block, start } = piece;
    const end = start + piece.length;
    let { units } = piece;
    let at = start;
    while (at < end) {
      const word = block.view.getInt32(at, true);
      const committed = block.view.getInt32(at + 4, true) === ringStamp(units);
      const bytes = committed ? recordLength(word, this.#bytesToEnd(units & this.#unitsMask)) : -1;
      if (bytes < 0 || bytes > end - at) {
        this.#markCorrupt();
        return;
      }
      if (word > 0) this.#decode(piece, { start: at, bytes }, queue);
      at += bytes;
      units = (units + bytes / RING_WORD_BYTES) | 0;
    }
  }

  #decode(
    { block, copiedNs }: Piece,
    record: { readonly start: number; readonly bytes: number },
    queue: MessageQueue,
  ): void {
    const { start, bytes } = record;
    const decode = this.#context.decode;
    const message = decode(block.bytes, block.view, start + RING_WORD_BYTES, start + bytes);
    if (typeof message === "string") {
      this.#context.drops.count(message);
      return;
    }
    if (message.type === MessageType.process) {
      this.#context.drops.count("message_malformed");
      return;
    }
    const honest = notAfter(message, copiedNs);
    this.#lastNs = honest.timeNs;
    queue.push(honest);
  }

  /**
   * The record at the tail is reserved and not written. Its writer may be in the middle of it, or
   * have died there; then reading goes on with the next record that carries its stamp.
   */
  #skipUnfinished(waiting: number, writerGone: boolean): boolean {
    const nowNs = this.#context.clock.monotonicNs();
    this.#stalledNs ??= nowNs;
    if (!writerGone && nowNs - this.#stalledNs < limits.ringStallNs) return false;
    const next = this.#findCommitted(waiting);
    if (next < 0 && !writerGone) {
      // Nothing waits behind it, and a frozen process may still finish it.
      this.#stalledNs = nowNs;
      return false;
    }
    this.#context.drops.count("ring_skipped");
    this.#stalledNs = undefined;
    this.#room.release(next < 0 ? waiting : next);
    return next >= 0;
  }

  /** Distance from the tail to the next committed record, or -1. */
  #findCommitted(waiting: number): number {
    for (let at = RING_WORD_BYTES; at < waiting; at += RING_WORD_BYTES) {
      const length = this.#committedAt(this.#room.tailUnits + at / RING_WORD_BYTES);
      if (length > 0 && length <= waiting - at) return at;
    }
    return -1;
  }

  #markCorrupt(): void {
    this.#corrupt = true;
    this.#pieces = [];
    this.#context.drops.count("ring_corrupt");
  }
}

/** The message with its time corrected when it claims to be from the future. */
export function notAfter(message: HookMessage, nowNs: number): HookMessage {
  return message.timeNs <= nowNs + CLOCK_SLACK_NS ? message : { ...message, timeNs: nowNs };
}

/** Length in a word's low half when it can be right, else -1. `toEnd`: bytes left of the lap. */
function recordLength(word: number, toEnd: number): number {
  const length = word & LENGTH_MASK;
  if (length % RING_WORD_BYTES !== 0 || length > RECORD_BYTES_MAX || length > toEnd) return -1;
  if (word < 0) return length === toEnd ? length : -1;
  return length >= RECORD_BYTES_MIN ? length : -1;
}
