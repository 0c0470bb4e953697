import { describe, expect, test } from "bun:test";
import { createRandom } from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import type { HookMessage } from "../model/message.ts";
import { Arena } from "./arena.ts";
import { deliverMerged } from "./merge.ts";
import { MessageQueue } from "./message-queue.ts";

function message(timeNs: number, sequence = 0): HookMessage {
  const payload = new Uint8Array(0);
  return { type: 2, flags: 0, sequence, pid: 1, tid: 1, fd: 1, wireLength: 0, timeNs, payload };
}

function queueOf(times: readonly number[]): MessageQueue {
  const queue = new MessageQueue();
  for (const [index, time] of times.entries()) queue.push(message(time, index));
  return queue;
}

function drained(queue: MessageQueue): [time: number, arrival: number][] {
  queue.sort();
  const order: [number, number][] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    order.push([next.timeNs, next.sequence]);
  }
  return order;
}

function sorted(times: readonly number[]): [number, number][] {
  return times
    .map((time, arrival): [number, number] => [time, arrival])
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

describe("one queue", () => {
  const cases: readonly [string, number[]][] = [
    ["empty", []],
    ["in order", [1, 2, 3]],
    ["one late", [1, 5, 6, 7, 2]],
    ["equal times keep their order", [3, 1, 3, 1, 3, 1]],
    ["backwards, further than is inserted", [...Array(500).keys()].reverse()],
    ["one very late", [...Array(500).keys(), -1]],
    ["very late, then in order, then late again", [...Array(200).keys(), -1, 300, 301, 250, -2]],
  ];
  for (const [name, times] of cases) {
    test(name, () => expect(drained(queueOf(times))).toEqual(sorted(times)));
  }

  test("random times with taking in between", () => {
    const random = createRandom(2);
    const queue = new MessageQueue();
    let last = Number.NEGATIVE_INFINITY;
    let waiting: number[] = [];
    for (let round = 0; round < 300; round++) {
      for (let index = 0; index < random() * 200; index++) {
        const time = Math.floor(random() * 1000);
        waiting.push(time);
        queue.push(message(time));
      }
      queue.sort();
      waiting.sort((a, b) => a - b);
      last = Number.NEGATIVE_INFINITY;
      for (let take = Math.floor(random() * 220); take > 0 && queue.length > 0; take--) {
        const head = queue.headNs;
        const next = queue.shift();
        expect(next?.timeNs).toBe(head);
        expect(next?.timeNs).toBe(waiting[0] ?? -1);
        expect(head).toBeGreaterThanOrEqual(last);
        last = head;
        waiting = waiting.slice(1);
      }
      expect(queue.length).toBe(waiting.length);
    }
  });
});

describe("merging", () => {
  for (const cutoff of [70, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    test(`any number of queues come out as one sequence, up to ${cutoff}`, () => merged(cutoff));
  }
});

test("all that comes behind a message that has to wait waits with it", () => {
  const [one, other] = [queueOf([1, 3]), queueOf([2, 4])];
  const sources = [one, other].map((queue, id) => ({ id, queue }));
  for (const { queue } of sources) queue.sort();
  const order: number[] = [];
  const deliver = (waitsFor: number) =>
    deliverMerged(
      sources,
      {
        ...{ cutoffNs: 10, messagesMax: 10 },
        waits: (_, { timeNs }) => timeNs === waitsFor,
      },
      (_, { timeNs }) => order.push(timeNs),
    );
  expect([deliver(2), order]).toEqual([1, [1]]);
  expect([deliver(3), order]).toEqual([1, [1, 2]]);
  expect([deliver(0), order]).toEqual([2, [1, 2, 3, 4]]);
});

function merged(cutoff: number): void {
  const random = createRandom(9);
  for (let count = 0; count < 40; count++) {
    const sources = Array.from({ length: count }, (_, id) => {
      const times = Array.from({ length: random() * 50 }, () => Math.floor(random() * 100));
      const queue = queueOf(times);
      queue.sort();
      return { id, queue, times };
    });
    const order: [number, number, number][] = [];
    const bounds = { cutoffNs: cutoff, messagesMax: 37, waits: () => false };
    const take = (source: { readonly id: number }, next: HookMessage) => {
      order.push([next.timeNs, source.id, next.sequence]);
    };
    let delivered = 0;
    for (let count = 37; count === 37; delivered += count) {
      count = deliverMerged(sources, bounds, take);
      expect(count).toBeLessThanOrEqual(37);
    }
    const expected = sources
      .flatMap(({ id, times }) =>
        times.map((time, arrival): [number, number, number] => [time, id, arrival]),
      )
      .filter(([time]) => time <= cutoff)
      .sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    expect(order).toEqual(expected);
    expect(delivered).toBe(expected.length);
    const left = sources.reduce((sum, { queue }) => sum + queue.length, 0);
    expect(left).toBe(sources.flatMap(({ times }) => times).length - delivered);
  }
}

test("the limits fit each other", () => {
  const recordBytes = 40 + limits.payloadBytesMax;
  expect(limits.ringDrainBytesMax).toBeGreaterThanOrEqual(recordBytes);
  expect(limits.intakeBlockBytes).toBeGreaterThanOrEqual(limits.ringDrainBytesMax);
  // A ring that is full to its last byte is copied whole.
  expect(limits.intakeBytesMax).toBeGreaterThanOrEqual(2 * limits.ringDataBytes);
  expect(limits.intakeBytesMax).toBeGreaterThanOrEqual(2 * limits.pollBytesMax);
  expect(limits.mergeBacklogNs).toBeGreaterThan(limits.mergeHoldBackNs);
});

describe("the arena", () => {
  test("blocks are filled, then used again only when everything in them is delivered", () => {
    const arena = new Arena();
    const fill = (nowNs: number) => {
      const block = arena.blockFor(300 * 1024);
      block.used += 300 * 1024;
      block.filledNs = nowNs;
      return block;
    };
    const first = fill(10);
    const second = fill(20);
    expect(second).not.toBe(first);
    arena.retire(15, 15);
    expect(arena.liveBytes).toBe(512 * 1024);
    expect(fill(30)).toBe(first);
    arena.retire(30, 30);
    expect(arena.liveBytes).toBe(0);
  });

  test("what a burst needed is let go of when it was not needed for a second", () => {
    const blockBytes = 512 * 1024;
    const arena = new Arena();
    const burst = (blocks: number, nowNs: number) => {
      for (let filled = 0; filled < blocks; filled++) {
        const block = arena.blockFor(blockBytes);
        block.used = blockBytes;
        block.filledNs = nowNs;
      }
      arena.retire(nowNs, nowNs);
    };
    burst(40, 2e9);
    expect(arena.spareBytes).toBe(40 * blockBytes);
    for (let nowNs = 2.1e9; nowNs < 3e9; nowNs += 0.1e9) burst(5, nowNs);
    expect(arena.spareBytes).toBe(40 * blockBytes);
    for (let nowNs = 3e9; nowNs < 6e9; nowNs += 0.1e9) burst(5, nowNs);
    expect(arena.spareBytes).toBe(5 * blockBytes);
    for (let nowNs = 6e9; nowNs < 9e9; nowNs += 0.1e9) arena.retire(nowNs, nowNs);
    expect(arena.spareBytes).toBe(2 * blockBytes);
  });
});
