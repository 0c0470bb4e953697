/**
 * Log writes → lines. A line can come in several writes (print() of an unbuffered Python program
 * emits text and newline separately) and a write can carry several lines, so an unfinished line is
 * kept per process, descriptor and thread until its newline comes, its time is up, or its
 * descriptor or process ends. Lines that continue the one before in the same write stay with it
 * (log-multiline.ts). Bytes are joined before they are decoded, so a character split over two
 * writes survives.
 *
 * A write whose size is a multiple of the usual buffer sizes and that ends inside a line is the
 * flush of a full stdio buffer: whichever thread flushes next continues that line, so it is kept
 * for the descriptor instead of the thread and is marked as nobody's (buffered).
 *
 * Invariant: what is kept never exceeds logPartialLinesMax lines or logPartialBytesMax bytes, and
 * every cut is counted.
 */
import { limits } from "../limits.ts";
import type { Drops } from "../self/drops.ts";
import {
  followRecord,
  isBlankLine,
  type RecordExtent,
  type RecordShape,
  shapeAfter,
} from "./log-multiline.ts";

const NEWLINE = 10;
/** Linux gives out thread ids below 2^22, so that descriptor and thread fit one exact number. */
const THREAD_IDS = 2 ** 22;
/** And descriptors below 2^21. */
const DESCRIPTORS = 2 ** 21;
/** Key of lines that belong to the descriptor; no thread has the id 0. */
const ANY_THREAD = 0;
/** Sizes of stdio buffers are multiples of this. */
const STDIO_BLOCK_BYTES = 4_096;
const PARTIAL_BYTES_MIN = 256;

/** One captured write. */
export interface LogWrite {
  /** Number of the process that is never used twice. */
  readonly processId: number;
  readonly fd: number;
  readonly tid: number;
  readonly timeNs: number;
  /** Bytes that the process wrote; more than payload.length when the rest was not captured. */
  readonly wireLength: number;
  /** Valid only during the call. */
  readonly payload: Uint8Array;
}

/** A line, or several that belong together: bytes[start..end), valid only during the call. */
export interface LogLine<Origin> {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The end of the line was not captured or is beyond logLineBytesMax. */
  readonly truncated: boolean;
  /** Flushed out of a stdio buffer: the writing thread need not be the line's author. */
  readonly buffered: boolean;
  /** What the caller gave with the write that holds the line's first byte. */
  readonly origin: Origin;
}

export type LogLineSink<Origin> = (line: LogLine<Origin>) => void;

interface PartialLine<Origin> {
  readonly owner: Map<number, PartialLine<Origin>>;
  readonly key: number;
  /** Process and descriptor. */
  readonly place: number;
  readonly firstNs: number;
  readonly origin: Origin;
  readonly buffered: boolean;
  bytes: Uint8Array;
  length: number;
  /** Where the unfinished line begins, behind the lines that it continues. */
  lineStart: number;
  shape: RecordShape;
  cut: boolean;
}

export class LogLines<Origin> {
  readonly #drops: Drops;
  readonly #byProcess = new Map<number, Map<number, PartialLine<Origin>>>();
  /** How many partial lines each process and descriptor has. */
  readonly #ofPlace = new Map<number, number>();
  /** All partial lines, oldest first. */
  readonly #byAge = new Set<PartialLine<Origin>>();
  readonly #extent: RecordExtent = { end: 0, next: 0, openLine: -1, shape: 0 };
  #bytesHeld = 0;

  constructor(drops: Drops) {
    this.#drops = drops;
  }

  /** Unfinished lines that are being kept. */
  get partialLines(): number {
    return this.#byAge.size;
  }

  /** Memory of the unfinished lines. */
  get partialBytes(): number {
    return this.#bytesHeld;
  }

  /** Takes one write; emits the lines that it completes. */
  add(write: LogWrite, origin: Origin, emit: LogLineSink<Origin>): void {
    const { payload } = write;
    const lost = write.wireLength > payload.length;
    const partial = this.#find(write);
    let position = 0;
    if (partial !== undefined) {
      position = this.#continue(partial, payload, lost, emit);
      if (position < 0) return;
    }
    const extent = this.#extent;
    while (position < payload.length) {
      const newline = payload.indexOf(NEWLINE, position);
      if (newline >= 0 && isBlankLine(payload, position, newline)) {
        position = newline + 1;
        continue;
      }
      if (newline < 0) {
        extent.end = payload.length;
        extent.openLine = position;
        extent.shape = 0;
      } else {
        const shape = shapeAfter(0, payload, position, newline);
        followRecord(payload, newline + 1, shape, extent);
      }
      if (extent.openLine >= 0) {
        if (lost) this.#emitFrom(payload, position, origin, emit);
        else this.#keep(write, position, origin, emit);
        return;
      }
      this.#emit({ bytes: payload, start: position, end: extent.end, origin }, emit);
      position = extent.next;
    }
    // The captured part ends with a whole line; what followed it is missing all the same.
    if (lost) this.#drops.count("log_line_truncated");
  }

  /** Emits lines that have waited for their end since before nowNs - logPartialNsMax. */
  expire(nowNs: number, emit: LogLineSink<Origin>): void {
    for (const partial of this.#byAge) {
      if (nowNs - partial.firstNs < limits.logPartialNsMax) return;
      this.#release(partial, false, emit);
    }
  }

  /** The descriptor was closed: its unfinished lines are all there will be. */
  closed(processId: number, fd: number, emit: LogLineSink<Origin>): void {
    const partials = this.#byProcess.get(processId);
    if (partials === undefined || !this.#ofPlace.has(placeOf(processId, fd))) return;
    for (const partial of partials.values()) {
      if (Math.floor(partial.key / THREAD_IDS) === fd) this.#release(partial, false, emit);
    }
  }

  processEnded(processId: number, emit: LogLineSink<Origin>): void {
    const partials = this.#byProcess.get(processId);
    if (partials === undefined) return;
    for (const partial of partials.values()) this.#release(partial, false, emit);
    this.#byProcess.delete(processId);
  }

  /** Emits every unfinished line. */
  flush(emit: LogLineSink<Origin>): void {
    for (const partial of this.#byAge) this.#release(partial, false, emit);
  }

  #find(write: LogWrite): PartialLine<Origin> | undefined {
    const partials = this.#byProcess.get(write.processId);
    if (partials === undefined || partials.size === 0) return undefined;
    return (
      partials.get(partialKey(write.fd, write.tid)) ??
      partials.get(partialKey(write.fd, ANY_THREAD))
    );
  }

  /** Adds the write's beginning to a kept line. Where the next line begins, or -1: still open. */
  #continue(
    partial: PartialLine<Origin>,
    payload: Uint8Array,
    lost: boolean,
    emit: LogLineSink<Origin>,
  ): number {
    const newline = payload.indexOf(NEWLINE);
    this.#append(partial, payload, 0, newline < 0 ? payload.length : newline);
    if (newline < 0) {
      if (lost) this.#release(partial, true, emit);
      else this.#evict(emit);
      return -1;
    }
    const { bytes, lineStart, length } = partial;
    const shape = shapeAfter(partial.shape, bytes, lineStart, length);
    const extent = this.#extent;
    followRecord(payload, newline + 1, shape, extent);
    if (extent.end > newline) this.#append(partial, payload, newline, extent.end);
    if (extent.openLine < 0) {
      this.#release(partial, false, emit);
      return extent.next;
    }
    partial.lineStart = Math.max(0, partial.length - (extent.end - extent.openLine));
    partial.shape = extent.shape;
    if (lost) this.#release(partial, true, emit);
    else this.#evict(emit);
    return -1;
  }

  /** Keeps payload[start..), whose last line begins at extent.openLine. */
  #keep(write: LogWrite, start: number, origin: Origin, emit: LogLineSink<Origin>): void {
    const { payload, wireLength } = write;
    let owner = this.#byProcess.get(write.processId);
    if (owner === undefined) {
      owner = new Map();
      this.#byProcess.set(write.processId, owner);
    }
    const buffered = wireLength >= STDIO_BLOCK_BYTES && wireLength % STDIO_BLOCK_BYTES === 0;
    const key = partialKey(write.fd, buffered ? ANY_THREAD : write.tid);
    const partial: PartialLine<Origin> = {
      owner,
      key,
      place: placeOf(write.processId, write.fd),
      firstNs: write.timeNs,
      origin,
      buffered,
      bytes: new Uint8Array(PARTIAL_BYTES_MIN),
      length: 0,
      lineStart: this.#extent.openLine - start,
      shape: this.#extent.shape,
      cut: false,
    };
    owner.set(key, partial);
    this.#ofPlace.set(partial.place, (this.#ofPlace.get(partial.place) ?? 0) + 1);
    this.#byAge.add(partial);
    this.#bytesHeld += PARTIAL_BYTES_MIN;
    this.#append(partial, payload, start, payload.length);
    this.#evict(emit);
  }

  /** Emits the oldest lines unfinished while there are too many; what follows them comes apart. */
  #evict(emit: LogLineSink<Origin>): void {
    let evicted = 0;
    for (const oldest of this.#byAge) {
      const fits =
        this.#byAge.size <= limits.logPartialLinesMax &&
        this.#bytesHeld <= limits.logPartialBytesMax;
      if (fits && (evicted === 0 || evicted >= limits.evictedAtOnce)) return;
      evicted++;
      this.#drops.count("log_partial_limit");
      this.#release(oldest, false, emit);
    }
  }

  #append(partial: PartialLine<Origin>, from: Uint8Array, start: number, end: number): void {
    const room = limits.logLineBytesMax - partial.length;
    const taken = Math.min(end - start, room);
    if (taken < end - start) partial.cut = true;
    const needed = partial.length + taken;
    if (needed > partial.bytes.length) {
      const doubled = Math.max(needed, partial.bytes.length * 2);
      const grown = new Uint8Array(Math.min(doubled, limits.logLineBytesMax));
      grown.set(partial.bytes.subarray(0, partial.length));
      this.#bytesHeld += grown.length - partial.bytes.length;
      partial.bytes = grown;
    }
    partial.bytes.set(from.subarray(start, start + taken), partial.length);
    partial.length = needed;
  }

  #release(partial: PartialLine<Origin>, lost: boolean, emit: LogLineSink<Origin>): void {
    partial.owner.delete(partial.key);
    this.#byAge.delete(partial);
    this.#bytesHeld -= partial.bytes.length;
    const left = (this.#ofPlace.get(partial.place) ?? 0) - 1;
    if (left > 0) this.#ofPlace.set(partial.place, left);
    else this.#ofPlace.delete(partial.place);
    const truncated = lost || partial.cut;
    if (truncated) this.#drops.count("log_line_truncated");
    const { bytes, length: end, buffered, origin } = partial;
    emit({ bytes, start: 0, end, truncated, buffered, origin });
  }

  /** Emits the last, uncaptured line of a write. */
  #emitFrom(payload: Uint8Array, start: number, origin: Origin, emit: LogLineSink<Origin>): void {
    this.#drops.count("log_line_truncated");
    const end = Math.min(payload.length, start + limits.logLineBytesMax);
    emit({ bytes: payload, start, end, truncated: true, buffered: false, origin });
  }

  #emit(
    line: { bytes: Uint8Array; start: number; end: number; origin: Origin },
    emit: LogLineSink<Origin>,
  ): void {
    const { bytes, start, origin } = line;
    const truncated = line.end - start > limits.logLineBytesMax;
    if (truncated) this.#drops.count("log_line_truncated");
    const end = truncated ? start + limits.logLineBytesMax : line.end;
    emit({ bytes, start, end, truncated, buffered: false, origin });
  }
}

function placeOf(processId: number, fd: number): number {
  return processId * DESCRIPTORS + (fd % DESCRIPTORS);
}

function partialKey(fd: number, tid: number): number {
  return fd * THREAD_IDS + (tid % THREAD_IDS);
}
