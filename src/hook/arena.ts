/**
 * Private memory into which ring records are copied before anybody looks at them. Invariant: a
 * block is used again only when every message in it has been delivered, which is known from time
 * alone: no message is younger than the moment its block was filled.
 */
import { limits } from "../limits.ts";

const BLOCK_BYTES = limits.intakeBlockBytes;
/** Kept for the rest of a burst: memory asked for anew costs as much as the copy into it. */
const FREE_BLOCKS_MAX = 64;
/** Kept for ever. */
const FREE_BLOCKS_MIN = 8;

export interface ArenaBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Over the same memory as bytes. */
  readonly view: DataView;
  used: number;
  /** CLOCK_MONOTONIC ns that no message in it exceeds. */
  filledNs: number;
}

export class Arena {
  #live: ArenaBlock[] = [];
  readonly #free: ArenaBlock[] = [];

  /** Bytes that cannot be used again yet. */
  get liveBytes(): number {
    return this.#live.length * BLOCK_BYTES;
  }

  /** A block with room for `length` bytes at block.used; at most BLOCK_BYTES. The caller adds. */
  blockFor(length: number): ArenaBlock {
    const current = this.#live.at(-1);
    if (current !== undefined && current.used + length <= BLOCK_BYTES) return current;
    const block = this.#free.pop() ?? createBlock();
    block.used = 0;
    this.#live.push(block);
    return block;
  }

  /** Every message up to this time has been delivered. */
  retire(deliveredNs: number): void {
    let kept = 0;
    for (const block of this.#live) {
      if (block.filledNs > deliveredNs) this.#live[kept++] = block;
      else if (this.#free.length < FREE_BLOCKS_MAX) this.#free.push(block);
    }
    this.#live.length = kept;
    if (kept === 0 && this.#free.length > FREE_BLOCKS_MIN) this.#free.pop();
  }
}

function createBlock(): ArenaBlock {
  const bytes = new Uint8Array(BLOCK_BYTES);
  return { bytes, view: new DataView(bytes.buffer), used: 0, filledNs: 0 };
}
