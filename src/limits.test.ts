import { expect, test } from "bun:test";
import { limits } from "./limits.ts";

test("every limit is a positive number", () => {
  for (const [name, value] of Object.entries(limits))
    expect([name, value > 0]).toEqual([name, true]);
});

test("limits fit each other", () => {
  // A record must fit the ring many times over, or one message could block it.
  expect(limits.ringDataBytes).toBeGreaterThan(64 * limits.payloadBytesMax);
  expect(Number.isInteger(Math.log2(limits.ringDataBytes))).toBe(true);
  // The messages of a call are full but the last, and many calls fit the ring.
  expect(limits.captureBytesMax % limits.payloadBytesMax).toBe(0);
  expect(limits.ringDataBytes).toBeGreaterThan(16 * limits.captureBytesMax);
  // What was captured of one call fits the window of its stream.
  expect(limits.captureBytesMax).toBeLessThanOrEqual(limits.streamBytesMax);
  // What one poll copies must fit what may wait to be delivered.
  expect(limits.pollBytesMax).toBeLessThanOrEqual(limits.intakeBytesMax);
  expect(limits.ringDrainBytesMax).toBeLessThanOrEqual(limits.pollBytesMax);
  // A message is looked for longer than messages are held back for the sake of order.
  expect(limits.sequenceHoldNs).toBeGreaterThan(limits.mergeHoldBackNs);
  expect(limits.mergeBacklogNs).toBeGreaterThan(limits.mergeHoldBackNs);
  expect(limits.causeWaitNs).toBeGreaterThan(limits.mergeHoldBackNs);
  // Detection must be able to see a whole message's beginning.
  expect(limits.detectBytesMax).toBeLessThanOrEqual(limits.payloadBytesMax);
  // A batch must fit the queue, and a line a batch.
  expect(limits.exportBatchItemsMax).toBeLessThan(limits.exportQueueItemsMax);
  expect(limits.logLineBytesMax).toBeLessThan(limits.exportRequestBytesMax);
  // An unfinished line is over before its connection's exchange is.
  expect(limits.logPartialNsMax).toBeLessThan(limits.exchangeNsMax);
});
