/**
 * Decides when queued items are worth a delivery: when a batch is full, or when the oldest item
 * has waited long enough. Invariant: take() gives items in the order in which they were pushed.
 */
import { limits } from "../limits.ts";
import { BoundedQueue } from "./queue.ts";

export class Batcher<Item> {
  readonly #queue: BoundedQueue<Item>;
  /** When the oldest item was first seen by due(); undefined while the queue is empty. */
  #waitingSinceNs: number | undefined;

  /** costOf: about how many bytes an item holds. */
  constructor(costOf: (item: Item) => number) {
    this.#queue = new BoundedQueue({
      itemsMax: limits.exportQueueItemsMax,
      costMax: limits.exportQueueBytesMax,
      costOf,
    });
  }

  get length(): number {
    return this.#queue.length;
  }

  get cost(): number {
    return this.#queue.cost;
  }

  /** False when the queue is full: the item was not taken. */
  push(item: Item): boolean {
    return this.#queue.push(item);
  }

  /** Whether a batch should leave now; to be asked at every tick, so that waiting is measured. */
  due(nowNs: number): boolean {
    if (this.#queue.length === 0) return false;
    if (this.#queue.length >= limits.exportBatchItemsMax) return true;
    this.#waitingSinceNs ??= nowNs;
    return nowNs - this.#waitingSinceNs >= limits.exportIntervalMs * 1e6;
  }

  /** The oldest items, at most a batch of them. */
  take(): Item[] {
    this.#waitingSinceNs = undefined;
    return this.#queue.take(limits.exportBatchItemsMax);
  }
}
