/**
 * What is kept of a connection while its protocol is a guess: the moves so far, so that another
 * protocol can be given them, and the exchanges that are over but not told. Invariant: the moves
 * are all that happened since the beginning (or the last loss), in order, or none.
 */
import { limits } from "../limits.ts";
import type { ConnectionInfo, Direction, Role } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { ByteQueue, Segment } from "../model/stream.ts";
import type { StreamView } from "./contract.ts";

/** One call of the driver: bytes came, or passed without being captured, or the direction ended. */
export interface Move {
  readonly direction: Direction;
  readonly bytes: Uint8Array;
  /** Bytes that were not captured. */
  readonly passed: number;
  readonly ended: boolean;
  readonly segment: Segment;
}

/** Frames without an error after which a guess is believed, answered or not. */
export const TRIAL_FRAMES_MAX = 8;
const NOTHING = new Uint8Array(0);
/** About what a move takes beside its bytes. */
const MOVE_BYTES = 64;

/** Memory of the moves of all connections. */
export interface TrialMemory {
  bytes: number;
}

export class Trial {
  readonly #moves: Move[] = [];
  #bytes = 0;
  #records = true;
  /** The move that is being made: its bytes are borrowed until kept. */
  #current: Move | undefined;
  /** Exchanges that are over and wait to be told. */
  readonly held: Exchange[] = [];
  completed = 0;
  /** Directions whose first bytes have been compared with the guess. */
  readonly heard = { in: false, out: false };
  /** As it was before the guess. */
  readonly role: Role;
  readonly firstIndex: number;
  readonly firstPushedIndex: number;
  readonly garbled: boolean;

  constructor(info: ConnectionInfo, firstIndex: number, firstPushedIndex: number) {
    this.role = info.role;
    this.garbled = info.garbled === true;
    this.firstIndex = firstIndex;
    this.firstPushedIndex = firstPushedIndex;
  }

  /** Whether another protocol can still be given everything from the beginning. */
  get isWhole(): boolean {
    return this.#records;
  }

  /** The bytes are copied by keep(), when they are still needed then. */
  arrived(direction: Direction, bytes: Uint8Array, segment: Segment): void {
    if (this.#records) this.#current = { direction, bytes, passed: 0, ended: false, segment };
  }

  passed(direction: Direction, length: number, segment: Segment): void {
    if (!this.#records) return;
    this.#current = { direction, bytes: NOTHING, passed: length, ended: false, segment };
  }

  ended(direction: Direction, segment: Segment): void {
    if (!this.#records) return;
    this.#current = { direction, bytes: NOTHING, passed: 0, ended: true, segment };
  }

  /** The move is over and the guess still is one. */
  keep(memory: TrialMemory): void {
    const move = this.#current;
    this.#current = undefined;
    if (move === undefined || !this.#records) return;
    const size = MOVE_BYTES + move.bytes.length;
    const most = 2 * limits.detectBytesMax;
    if (this.#bytes + size > most || memory.bytes + size > limits.trialBytesMax) {
      this.stop(memory);
      return;
    }
    this.#moves.push({ ...move, bytes: move.bytes.slice() });
    this.#bytes += size;
    memory.bytes += size;
  }

  /** Nothing is kept any more: too much, or bytes are missing. */
  stop(memory: TrialMemory): void {
    this.forget(memory);
    this.#records = false;
  }

  forget(memory: TrialMemory, direction?: Direction): void {
    const kept =
      direction === undefined ? [] : this.#moves.filter((move) => move.direction !== direction);
    const bytes = kept.reduce((sum, move) => sum + MOVE_BYTES + move.bytes.length, 0);
    memory.bytes += bytes - this.#bytes;
    this.#bytes = bytes;
    this.#moves.splice(0, this.#moves.length, ...kept);
    if (direction === undefined || this.#current?.direction === direction)
      this.#current = undefined;
  }

  /** Bytes that stand in a stream since before the trial. */
  foundWaiting(direction: Direction, stream: ByteQueue, memory: TrialMemory): void {
    if (stream.end - stream.start > limits.detectBytesMax) this.stop(memory);
    for (let from = stream.start; from < stream.end && this.#records; ) {
      const timeNs = stream.timeAt(from);
      let to = from + 1;
      while (to < stream.end && stream.timeAt(to) === timeNs) to++;
      const segment = { timeNs, tid: stream.tidAt(from), eventLoop: stream.eventLoopAt(from) };
      this.arrived(direction, stream.bytes.subarray(from, to), segment);
      this.keep(memory);
      from = to;
    }
    this.#moves.sort((a, b) => a.segment.timeNs - b.segment.timeNs);
  }

  /** All moves, to be made again; the trial is as new. */
  takeMoves(memory: TrialMemory): readonly Move[] {
    this.keep(memory);
    const moves = this.#moves.slice();
    this.forget(memory);
    this.completed = 0;
    this.heard.in = false;
    this.heard.out = false;
    return moves;
  }

  /** What the direction has brought so far, in one piece up to the first gap. */
  viewOf(direction: Direction, ahead: readonly Move[]): StreamView {
    const current = this.#current === undefined ? [] : [this.#current];
    const all = [...this.#moves, ...current, ...ahead];
    const own = all.filter((move) => move.direction === direction);
    const gap = own.findIndex((move) => move.passed > 0);
    return viewOfMoves(gap < 0 ? own : own.slice(0, gap));
  }
}

function viewOfMoves(moves: readonly Move[]): StreamView {
  const ends: number[] = [];
  let end = 0;
  for (const move of moves) {
    end += move.bytes.length;
    ends.push(end);
  }
  const bytes = new Uint8Array(end);
  moves.forEach((move, index) => {
    bytes.set(move.bytes, (ends[index] ?? 0) - move.bytes.length);
  });
  const at = (index: number) => {
    const position = ends.findIndex((behind) => index < behind);
    return moves[position < 0 ? moves.length - 1 : position]?.segment;
  };
  return {
    bytes,
    start: 0,
    end,
    timeAt: (index) => at(index)?.timeNs ?? 0,
    tidAt: (index) => at(index)?.tid ?? 0,
    eventLoopAt: (index) => at(index)?.eventLoop ?? false,
  };
}
