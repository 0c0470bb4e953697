import { beforeEach, describe, expect, test } from "bun:test";
import {
  createRandom,
  FakeClock,
  type MessageFields,
  RingWriter,
  wire,
} from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import type { HookMessage } from "../model/message.ts";
import { Drops } from "../self/drops.ts";
import { Arena } from "./arena.ts";
import { MessageQueue } from "./message-queue.ts";
import { Ring } from "./ring.ts";

let drops: Drops;
let clock: FakeClock;
let arena: Arena;
let queue: MessageQueue;

beforeEach(() => {
  drops = new Drops();
  clock = new FakeClock();
  arena = new Arena();
  queue = new MessageQueue();
});

function ringOf(writer: RingWriter): Ring {
  return new Ring(writer.memory, { arena, clock, drops, decode: wire.message });
}

/** Copies and decodes once, as the intake does. */
function drain(ring: Ring, writerGone: boolean): boolean {
  const more = ring.copy(writerGone);
  ring.decode(queue);
  return more;
}

function taken(): HookMessage[] {
  queue.sort();
  const messages: HookMessage[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) messages.push(next);
  return messages;
}

function texts(): string[] {
  return taken().map((message) => Buffer.from(message.payload).toString());
}

describe("reading", () => {
  test("records come out in order with all fields, and their room is given back", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    const fields: MessageFields = { type: 3, flags: 0x80, sequence: 9, tid: 5, fd: 11, timeNs: 42 };
    writer.put({ ...fields, payload: "first", wireLength: 50 });
    writer.put({ ...fields, payload: "", sequence: 10, timeNs: 43 });
    expect(drain(ring, false)).toBe(false);
    const [first, second] = taken();
    expect(first).toMatchObject({ type: 3, flags: 0x80, sequence: 9, tid: 5, fd: 11, timeNs: 42 });
    expect(first?.wireLength).toBe(50);
    expect(second).toMatchObject({ sequence: 10, wireLength: 0, timeNs: 43 });
    expect(writer.tail).toBe(writer.head);
    expect(drops.entries()).toEqual([]);
  });

  test("an empty ring gives nothing", () => {
    expect(drain(ringOf(new RingWriter()), false)).toBe(false);
    expect(queue.length).toBe(0);
  });

  test("what was read survives what the process writes later", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.put({ payload: "kept" });
    drain(ring, false);
    writer.bytes.fill(0xee, 4096);
    expect(texts()).toEqual(["kept"]);
  });

  test("many laps: wrapping, padding, every length", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    const random = createRandom(11);
    const expected: string[] = [];
    let laps = 0;
    for (let round = 0; laps < 40; round++) {
      const length = Math.floor(random() * random() * 16_384);
      const payload = String.fromCharCode(97 + (round % 26)).repeat(length);
      const before = writer.head;
      if (!writer.put({ payload, timeNs: round })) {
        while (drain(ring, false)) expect(queue.length).toBeGreaterThan(0);
        expect(texts()).toEqual(expected.splice(0));
        arena.retire(Number.POSITIVE_INFINITY, 0);
        expect(writer.put({ payload, timeNs: round })).toBe(true);
      }
      expected.push(payload);
      laps += Math.floor(writer.head / 65_536) - Math.floor(before / 65_536);
    }
    drain(ring, false);
    expect(texts()).toEqual(expected);
    expect(drops.entries()).toEqual([]);
  });

  test("a full ring is read whole and takes new records", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    let written = 0;
    while (writer.put({ payload: "x".repeat(200), timeNs: written })) written++;
    while (drain(ring, false));
    expect(taken()).toHaveLength(written);
    expect(writer.put({ payload: "again" })).toBe(true);
    drain(ring, false);
    expect(texts()).toEqual(["again"]);
  });

  test("one drain is bounded, the next goes on", () => {
    const writer = new RingWriter(1024 * 1024);
    const ring = ringOf(writer);
    let written = 0;
    while (writer.put({ payload: "x".repeat(16_000), timeNs: written })) written++;
    let drains = 1;
    while (drain(ring, false)) drains++;
    expect(drains).toBeGreaterThanOrEqual(4);
    expect(taken().map((message) => message.timeNs)).toEqual([...Array(written).keys()]);
  });

  test("a message from the future gets the time of its arrival", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.put({ timeNs: clock.nowNs + 2e6 });
    writer.put({ timeNs: clock.nowNs - 1 });
    writer.put({ timeNs: clock.nowNs + 1000 });
    drain(ring, false);
    const times = taken().map((message) => message.timeNs - clock.nowNs);
    expect(times).toEqual([-1, 0, 1000]);
  });

  test("a message that says nothing useful is counted and its neighbours are read", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.put({ type: 99 });
    writer.put({ payload: "abc", payloadLength: 9000 });
    writer.put({ type: 16 });
    writer.put({ payload: "good" });
    drain(ring, false);
    expect(texts()).toEqual(["good"]);
    expect(drops.get("message_unknown_type")).toBe(1);
    expect(drops.get("message_malformed")).toBe(2);
  });

  test("the library's counters", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.setCounter(0, 3);
    writer.setCounter(7, 2 ** 40 + 5);
    expect(ring.counters()).toEqual([3, 0, 0, 0, 0, 0, 0, 2 ** 40 + 5, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("after close nothing is touched", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.put({ payload: "unread" });
    ring.close();
    ring.close();
    expect(writer.released).toBe(true);
    expect(drain(ring, false)).toBe(false);
    expect(ring.counters()).toEqual([]);
    expect(queue.length).toBe(0);
  });
});

describe("a writer that stopped in the middle of a record", () => {
  test("what is committed before and behind it is read, the hole is counted", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.put({ payload: "before" });
    writer.reserve(104);
    writer.put({ payload: "behind" });
    while (drain(ring, false));
    expect(texts()).toEqual(["before"]);
    clock.nowNs += limits.ringStallNs - 1;
    drain(ring, false);
    expect(texts()).toEqual([]);
    clock.nowNs += 1;
    while (drain(ring, false));
    expect(texts()).toEqual(["behind"]);
    expect(drops.entries()).toEqual([["ring_skipped", 1]]);
    expect(writer.tail).toBe(writer.head);
  });

  test("a record that is finished in time is read", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    const position = writer.reserve(40);
    drain(ring, false);
    clock.nowNs += limits.ringStallNs / 2;
    writer.view.setUint8(4096 + 8, 4);
    writer.commit(position, 40);
    drain(ring, false);
    expect(taken()).toHaveLength(1);
    expect(drops.entries()).toEqual([]);
  });

  test("nothing behind it: a living process may still finish it, however late", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    const position = writer.reserve(40);
    for (let second = 0; second < 5; second++) {
      expect(drain(ring, false)).toBe(false);
      clock.nowNs += limits.ringStallNs;
    }
    writer.view.setUint8(4096 + 8, 4);
    writer.commit(position, 40);
    drain(ring, false);
    expect(taken()).toHaveLength(1);
    expect(drops.entries()).toEqual([]);
  });

  test("the process has ended: the hole is passed at once, also at the very end", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    writer.reserve(5000);
    writer.put({ payload: "behind" });
    writer.reserve(48);
    while (drain(ring, true));
    expect(texts()).toEqual(["behind"]);
    expect(drops.entries()).toEqual([["ring_skipped", 2]]);
    expect(writer.tail).toBe(writer.head);
  });

  test("words of an earlier lap are not taken for records", () => {
    const writer = new RingWriter();
    const ring = ringOf(writer);
    for (let index = 0; index < 800; index++) writer.put({ payload: "old lap", timeNs: index });
    while (drain(ring, false));
    taken();
    writer.reserve(65_536 - 800 * 48);
    writer.reserve(480);
    writer.put({ payload: "new" });
    while (drain(ring, true));
    expect(texts()).toEqual(["new"]);
  });
});

describe("hostile memory", () => {
  const word = 4096;
  const cases: readonly [string, (writer: RingWriter) => void][] = [
    ["head behind tail", (writer) => writer.view.setBigUint64(64, 2n ** 64n - 8n, true)],
    ["head unaligned", (writer) => writer.view.setBigUint64(64, 41n, true)],
    ["head a lap and more ahead", (writer) => writer.view.setBigUint64(64, 65_544n, true)],
    ["length 0", (writer) => writer.view.setUint32(word, 0, true)],
    ["length below a header", (writer) => writer.view.setUint32(word, 32, true)],
    ["length unaligned", (writer) => writer.view.setUint32(word, 44, true)],
    ["length beyond head", (writer) => writer.view.setUint32(word, 16_000, true)],
    ["length beyond a record", (writer) => writer.view.setUint32(word, 60_000, true)],
    ["length 2^31 - 8", (writer) => writer.view.setUint32(word, 0x7ffffff8, true)],
    ["padding that is not the rest", (writer) => writer.view.setUint32(word, 0x80000030, true)],
    ["padding of 0", (writer) => writer.view.setUint32(word, 0x80000000, true)],
  ];
  for (const [name, spoil] of cases) {
    test(name, () => {
      const writer = new RingWriter();
      const ring = ringOf(writer);
      writer.put({ payload: "a" });
      spoil(writer);
      expect(drain(ring, false)).toBe(false);
      expect(ring.corrupt).toBe(true);
      expect(drops.entries()).toEqual([["ring_corrupt", 1]]);
      expect(drain(ring, false)).toBe(false);
      expect(drops.get("ring_corrupt")).toBe(1);
      expect(queue.length).toBe(0);
    });
  }

  test("seeded garbage over header and data: never a crash, never a hang", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = createRandom(seed);
      const writer = new RingWriter();
      const ring = ringOf(writer);
      for (let step = 0; step < 60; step++) {
        const usable = writer.head % 8 === 0;
        const payload = "p".repeat(random() * 2000);
        if (usable && random() < 0.7) writer.put({ payload, type: random() * 20 });
        if (usable && random() < 0.1) writer.reserve(8 * Math.floor(5 + random() * 50));
        if (random() < 0.2) spoil(writer, random);
        clock.nowNs += random() * limits.ringStallNs;
        for (let drains = 0; drain(ring, random() < 0.1); drains++) {
          expect(drains).toBeLessThan(10_000);
        }
        for (const message of taken()) expect(message.payload.length).toBeLessThanOrEqual(16_384);
        arena.retire(Number.POSITIVE_INFINITY, 0);
      }
    }
  });

  test("lengths that change under the reader's eyes", () => {
    // The writer's memory is changed by the clock, which is asked between copying and decoding,
    // and by the decoder, which is asked between one record and the next.
    const random = createRandom(5);
    for (let round = 0; round < 200; round++) {
      const writer = new RingWriter();
      const treacherous = new FakeClock();
      treacherous.monotonicNs = () => {
        spoil(writer, random);
        return 1e12;
      };
      const ring = new Ring(writer.memory, {
        arena,
        clock: treacherous,
        drops,
        decode: (...args) => {
          spoil(writer, random);
          return wire.message(...args);
        },
      });
      for (let index = 0; index < 20; index++) writer.put({ payload: "abc", timeNs: index });
      drain(ring, false);
      expect(texts()).toEqual(Array(20).fill("abc"));
      arena.retire(1e12, 0);
    }
  });
});

function spoil(writer: RingWriter, random: () => number): void {
  const inHeader = random() < 0.4;
  const range = inHeader ? 200 : writer.dataBytes;
  const at = (inHeader ? 0 : 4096) + 4 * Math.floor((random() * range) / 4);
  const values = [0, 8, 40, 0xffffffff, 0x80000000, 0x7fffffff, random() * 2 ** 32, writer.head];
  writer.view.setUint32(at, values[Math.floor(random() * values.length)] ?? 0, true);
}
