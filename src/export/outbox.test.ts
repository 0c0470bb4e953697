import { expect, test } from "bun:test";
import { limits } from "../limits.ts";
import { Outbox } from "./outbox.ts";

/** Items are numbers; a request is a byte for each, or more. */
function outboxOf(bytesOfItem = 1): { outbox: Outbox<number>; encoded: number[][] } {
  const encoded: number[][] = [];
  const outbox = new Outbox<number>({
    costOf: () => 1_000,
    encode: (items) => {
      encoded.push(items);
      return new Uint8Array(items.length * bytesOfItem);
    },
  });
  return { outbox, encoded };
}

const batch = limits.exportBatchItemsMax;

test("full batches become bytes before they are asked for, the rest when it is", () => {
  const { outbox, encoded } = outboxOf();
  for (let item = 0; item < 2 * batch + 3; item++) expect(outbox.push(item)).toBe(true);
  outbox.pack();
  expect(encoded.map((items) => items.length)).toEqual([batch, batch]);
  expect(outbox.length).toBe(2 * batch + 3);
  const taken = [outbox.take(), outbox.take(), outbox.take(), outbox.take()];
  expect(taken.map((parcel) => parcel?.items)).toEqual([batch, batch, 3, undefined]);
  expect(encoded.flat()).toEqual(Array.from({ length: 2 * batch + 3 }, (_, index) => index));
  expect(outbox.length).toBe(0);
});

test("it is due when a batch is full or packed, or after the interval", () => {
  const { outbox } = outboxOf();
  expect(outbox.due(0)).toBe(false);
  outbox.push(1);
  expect(outbox.due(1e9)).toBe(false);
  expect(outbox.due(1e9 + limits.exportIntervalMs * 1e6)).toBe(true);
  for (let item = 1; item < batch; item++) outbox.push(item);
  outbox.pack();
  expect(outbox.due(2e9)).toBe(true);
  outbox.take();
  expect(outbox.due(3e9)).toBe(false);
});

test("packed or not, so many may wait and no more", () => {
  const { outbox } = outboxOf();
  let taken = 0;
  for (let item = 0; item < limits.exportQueueItemsMax + 10; item++) {
    if (outbox.push(item)) taken++;
    outbox.pack();
  }
  expect(taken).toBe(limits.exportQueueItemsMax);
  expect(outbox.take()?.items).toBe(batch);
  expect(outbox.push(0)).toBe(true);
});

test("packed bytes are bounded, too", () => {
  const bytesOfItem = 4_096;
  const { outbox } = outboxOf(bytesOfItem);
  const most = Math.ceil(limits.exportQueueBytesMax / bytesOfItem);
  let taken = 0;
  while (outbox.push(taken)) {
    taken++;
    outbox.pack();
  }
  expect(taken).toBeGreaterThan(most - batch);
  expect(taken).toBeLessThanOrEqual(most);
});

test("a request that would be too large is halved until it is none", () => {
  const { outbox } = outboxOf(Math.ceil((2.5 * limits.exportRequestBytesMax) / batch));
  for (let item = 0; item < batch; item++) outbox.push(item);
  outbox.pack();
  const parcels = [outbox.take(), outbox.take(), outbox.take(), outbox.take(), outbox.take()];
  const quarter = batch / 4;
  expect(parcels.map((parcel) => parcel?.items)).toEqual([
    ...[quarter, quarter, quarter, quarter],
    undefined,
  ]);
});

test("what is discarded is counted once, packed and not", () => {
  const { outbox } = outboxOf();
  for (let item = 0; item < batch + 5; item++) outbox.push(item);
  outbox.pack();
  expect(outbox.discard()).toBe(batch + 5);
  expect(outbox.discard()).toBe(0);
  expect(outbox.take()).toBeUndefined();
  expect(outbox.push(1)).toBe(true);
});
