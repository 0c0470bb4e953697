/**
 * First in, first out, with two maxima. Invariant: at most `itemsMax` items that cost at most
 * `costMax` together; a push beyond that is refused and the caller counts it.
 */

export interface QueueBounds<Item> {
  readonly itemsMax: number;
  readonly costMax: number;
  /** The same number whenever it is asked. */
  costOf(item: Item): number;
}

export class BoundedQueue<Item> {
  readonly #bounds: QueueBounds<Item>;
  /** A ring that doubles as needed; its size is a power of two. */
  #ring: (Item | undefined)[] = new Array(64);
  #head = 0;
  #length = 0;
  #cost = 0;

  constructor(bounds: QueueBounds<Item>) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#length;
  }

  /** Of all items together. */
  get cost(): number {
    return this.#cost;
  }

  /** False when the queue is full: the item was not taken. */
  push(item: Item): boolean {
    const cost = this.#cost + this.#bounds.costOf(item);
    if (this.#length >= this.#bounds.itemsMax || cost > this.#bounds.costMax) return false;
    this.#cost = cost;
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length += 1;
    return true;
  }

  /** Removes and returns up to `count` of the oldest items. */
  take(count: number): Item[] {
    const size = Math.min(count, this.#length);
    const items: Item[] = [];
    const mask = this.#ring.length - 1;
    for (let index = 0; index < size; index++) {
      const item = this.#ring[this.#head];
      this.#ring[this.#head] = undefined;
      this.#head = (this.#head + 1) & mask;
      if (item === undefined) continue;
      this.#cost -= this.#bounds.costOf(item);
      items.push(item);
    }
    this.#length -= size;
    return items;
  }

  #grow(): void {
    const size = this.#ring.length;
    const grown: (Item | undefined)[] = new Array(size * 2);
    for (let index = 0; index < size; index++) {
      grown[index] = this.#ring[(this.#head + index) & (size - 1)];
    }
    this.#ring = grown;
    this.#head = 0;
  }
}
