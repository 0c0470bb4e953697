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
const FREE_BLOCKS_MIN = 2;
/** What nobody has needed for so long is let go of. */
const BURST_NS = 1e9;

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
  /** Fewest free blocks since then: so many were too many. */
  #spare = 0;
  #spareSinceNs = 0;

  /** Bytes that cannot be used again yet. */
  get liveBytes(): number {
    return this.#live.length * BLOCK_BYTES;
  }

  /** Bytes that are kept for what comes next. */
  get spareBytes(): number {
    return this.#free.length * BLOCK_BYTES;
  }

  /** A block with room for `length` bytes at block.used; at most BLOCK_BYTES. The caller adds. */
  blockFor(length: number): ArenaBlock {
    const current = this.#live.at(-1);
    if (current !== undefined && current.used + length <= BLOCK_BYTES) return current;
    const block = this.#free.pop() ?? createBlock();
    this.#spare = Math.min(this.#spare, this.#free.length);
    block.used = 0;
    this.#live.push(block);
    return block;
  }

  /** Every message up to this time has been delivered; `nowNs` does not go back. */
  retire(deliveredNs: number, nowNs: number): void {
    let kept = 0;
    for (const block of this.#live) {
      if (block.filledNs > deliveredNs) this.#live[kept++] = block;
      else if (this.#free.length < FREE_BLOCKS_MAX) this.#free.push(block);
    }
    this.#live.length = kept;
    if (nowNs - this.#spareSinceNs >= BURST_NS) this.#trim(nowNs);
  }

  #trim(nowNs: number): void {
    const surplus = Math.min(this.#spare, this.#free.length - FREE_BLOCKS_MIN);
    if (surplus > 0) this.#free.splice(0, surplus);
    this.#spare = this.#free.length;
    this.#spareSinceNs = nowNs;
  }
}

function createBlock(): ArenaBlock {
  const bytes = new Uint8Array(BLOCK_BYTES);
  return { bytes, view: new DataView(bytes.buffer), used: 0, filledNs: 0 };
}
