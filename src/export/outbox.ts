/**
 * One signal's items on their way to a receiver: first as they are, then as the bytes of a request.
 * Invariants: what waits for a receiver is bounded in number and bytes; the oldest leaves first.
 */
import { limits } from "../limits.ts";
import { Batcher } from "./batcher.ts";

/** An encoded request. */
export interface Parcel {
  readonly payload: Uint8Array;
  readonly items: number;
}

export interface OutboxOptions<Item> {
  /** About how many bytes an item holds. */
  readonly costOf: (item: Item) => number;
  readonly encode: (items: Item[]) => Uint8Array;
}

export class Outbox<Item> {
  readonly #options: OutboxOptions<Item>;
  readonly #items: Batcher<Item>;
  #parcels: Parcel[] = [];
  #parcelItems = 0;
  #parcelBytes = 0;

  constructor(options: OutboxOptions<Item>) {
    this.#options = options;
    this.#items = new Batcher(options.costOf);
  }

  /** Items that wait. */
  get length(): number {
    return this.#items.length + this.#parcelItems;
  }

  /** False when as many wait as may: the item was not taken. */
  push(item: Item): boolean {
    if (this.length >= limits.exportQueueItemsMax) return false;
    const bytes = this.#items.cost + this.#parcelBytes + this.#options.costOf(item);
    return bytes <= limits.exportQueueBytesMax && this.#items.push(item);
  }

  /** Whether something should leave now; to be asked at every tick, so that waiting is measured. */
  due(nowNs: number): boolean {
    const due = this.#items.due(nowNs);
    return due || this.#parcels.length > 0;
  }

  /**
   * Makes bytes of every full batch. What is encoded early holds a tenth of its memory while it
   * waits, and its objects are gone before a collector takes them for long-lived.
   */
  pack(): void {
    while (this.#items.length >= limits.exportBatchItemsMax) this.#encode(this.#items.take());
  }

  /** The oldest request; items that are no full batch are one, too, when nothing else waits. */
  take(): Parcel | undefined {
    if (this.#parcels.length === 0 && this.#items.length > 0) this.#encode(this.#items.take());
    const parcel = this.#parcels.shift();
    if (parcel === undefined) return undefined;
    this.#parcelItems -= parcel.items;
    this.#parcelBytes -= parcel.payload.length;
    return parcel;
  }

  /** Lets go of everything. Returns how many items that were. */
  discard(): number {
    const discarded = this.length;
    while (this.#items.length > 0) this.#items.take();
    this.#parcels = [];
    this.#parcelItems = 0;
    this.#parcelBytes = 0;
    return discarded;
  }

  /** As one request, or as halves while it would be too large. */
  #encode(items: Item[]): void {
    const payload = this.#options.encode(items);
    if (payload.length > limits.exportRequestBytesMax && items.length > 1) {
      const middle = items.length >> 1;
      this.#encode(items.slice(0, middle));
      this.#encode(items.slice(middle));
      return;
    }
    this.#parcels.push({ payload, items: items.length });
    this.#parcelItems += items.length;
    this.#parcelBytes += payload.length;
  }
}
