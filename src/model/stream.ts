import type { Direction } from "./connection.ts";

/** One direction of a connection as a protocol driver uses it: bytes at the head, and consume. */
export interface ByteQueue {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  timeAt(index: number): number;
  tidAt(index: number): number;
  eventLoopAt(index: number): boolean;
  /** Adds bytes, borrowed until retain(), which must follow before the next append(). */
  append(payload: Uint8Array, segment: Segment): void;
  /** Copies what is left of borrowed bytes. */
  retain(): void;
  /** Forgets the first `length` bytes; length <= end - start. */
  consume(length: number): void;
  /** Forgets everything that is queued. */
  clear(): void;
}

export type StreamPair = Readonly<Record<Direction, ByteQueue>>;

/** When and by whom the last of some bytes moved. */
export interface Moment {
  readonly timeNs: number;
  readonly tid: number;
}

/** The same of a piece of a stream; eventLoop: that thread runs an event loop. */
export interface Segment extends Moment {
  readonly eventLoop: boolean;
}
