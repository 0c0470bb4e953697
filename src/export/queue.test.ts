import { describe, expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { Batcher } from "./batcher.ts";
import { seededRandom } from "./otlp/test-data.ts";
import { BoundedQueue } from "./queue.ts";

describe("BoundedQueue", () => {
  test("refuses what is beyond its maximum and gives items in order", () => {
    const queue = new BoundedQueue<number>({ itemsMax: 3, costMax: 99, costOf: () => 1 });
    expect([1, 2, 3, 4].map((item) => queue.push(item))).toEqual([true, true, true, false]);
    expect(queue.take(2)).toEqual([1, 2]);
    expect(queue.push(5)).toBe(true);
    expect(queue.take(10)).toEqual([3, 5]);
    expect(queue.take(1)).toEqual([]);
    expect(queue.length).toBe(0);
  });

  test("refuses what would cost too much, until there is room again", () => {
    const queue = new BoundedQueue<number>({ itemsMax: 99, costMax: 10, costOf: (item) => item });
    expect([6, 5, 4, 1].map((item) => queue.push(item))).toEqual([true, false, true, false]);
    expect(queue.take(1)).toEqual([6]);
    expect([6, 1].map((item) => queue.push(item))).toEqual([true, false]);
  });

  test("behaves as an array does, through growth and wrap-around", () => {
    const random = seededRandom(3);
    const queue = new BoundedQueue<number>({ itemsMax: 500, costMax: 1e9, costOf: () => 1 });
    const model: number[] = [];
    for (let step = 0; step < 20_000; step++) {
      if (random() < 0.6) {
        const taken = model.length < 500;
        expect(queue.push(step)).toBe(taken);
        if (taken) model.push(step);
      } else {
        const count = Math.floor(random() * 8);
        expect(queue.take(count)).toEqual(model.splice(0, count));
      }
      expect(queue.length).toBe(model.length);
    }
  });
});

describe("Batcher", () => {
  const intervalNs = limits.exportIntervalMs * 1e6;

  test("a full batch is due at once, a small one when it has waited", () => {
    const batcher = new Batcher<number>(() => 1);
    expect(batcher.due(0)).toBe(false);
    batcher.push(1);
    expect(batcher.due(1e9)).toBe(false);
    expect(batcher.due(1e9 + intervalNs - 1)).toBe(false);
    expect(batcher.due(1e9 + intervalNs)).toBe(true);
    expect(batcher.take()).toEqual([1]);
    for (let item = 0; item < limits.exportBatchItemsMax + 1; item++) batcher.push(item);
    expect(batcher.due(2e9)).toBe(true);
    expect(batcher.take()).toHaveLength(limits.exportBatchItemsMax);
    expect(batcher.due(2e9)).toBe(false);
    expect(batcher.due(2e9 + intervalNs)).toBe(true);
    expect(batcher.take()).toEqual([limits.exportBatchItemsMax]);
  });
});
