/** What a process may write and which memory it keeps, told from the producer's side. */
import { beforeEach, describe, expect, test } from "bun:test";
import { FakeClock, RingWriter } from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import { ringOffset } from "./layout.ts";
import { RingRoom } from "./ring-room.ts";

const KIB = 1024;
const MIB = KIB * KIB;
const { ringDataBytes, ringDataBytesMin, ringRewindBytes, ringCalmNs } = limits;

let clock: FakeClock;
let writer: RingWriter;
let room: RingRoom;

/** A ring that its library has begun with so much room. */
function begin(bytes: number): void {
  writer = new RingWriter(ringDataBytes);
  writer.view.setBigUint64(ringOffset.limit, BigInt(bytes), true);
}

beforeEach(() => {
  clock = new FakeClock();
  begin(ringDataBytesMin);
  room = new RingRoom(writer.memory, clock);
});

/** The process writes so many bytes; the number that found room, in records of 16 KiB. */
function write(bytes: number): number {
  let written = 0;
  while (written < bytes && writer.reserve(16 * KIB) >= 0) written += 16 * KIB;
  return written;
}

/** The agent reads everything that was written. */
function readAll(): void {
  room.release(writer.head - room.tail);
  room.rewind();
}

describe("room", () => {
  test("a ring begins with little, and may be allowed more, or less again", () => {
    expect(write(ringDataBytes)).toBe(ringDataBytesMin);
    room.allow(8 * MIB);
    expect(write(ringDataBytes)).toBe(8 * MIB - ringDataBytesMin);
    room.allow(ringDataBytesMin);
    room.release(6 * MIB);
    expect(write(ringDataBytes)).toBe(2 * MIB);
  });

  test("what the library began with stays until another room is allowed", () => {
    begin(16 * MIB);
    expect(write(10 * MIB)).toBe(10 * MIB);
    room = new RingRoom(writer.memory, clock);
    expect(write(ringDataBytes)).toBe(6 * MIB);
    begin(0);
    room = new RingRoom(writer.memory, clock);
    expect(writer.limit).toBe(ringDataBytesMin);
    begin(1024 * MIB);
    room = new RingRoom(writer.memory, clock);
    expect(writer.limit).toBe(ringDataBytes);
  });

  test("never more than there is, and a small ring has all of it", () => {
    room.allow(1024 * MIB);
    expect(write(2 * ringDataBytes)).toBe(ringDataBytes);
    const small = new RingWriter(64 * KIB);
    new RingRoom(small.memory, clock).allow(8 * MIB);
    expect(small.limit).toBe(64 * KIB);
  });

  test("is short from a quarter on", () => {
    room.allow(8 * MIB);
    expect([room.isShort(2 * MIB), room.isShort(2 * MIB + 8)]).toEqual([false, true]);
  });
});

describe("rewinding", () => {
  test("an empty ring goes on at the beginning of its data, with all its room", () => {
    write(ringRewindBytes);
    readAll();
    expect(writer.head).toBe(ringDataBytes);
    expect([room.tail, writer.tail]).toEqual([ringDataBytes, ringDataBytes]);
    expect(room.tailUnits).toBe(ringDataBytes / 8);
    expect(write(ringDataBytes)).toBe(ringDataBytesMin);
  });

  test("not as long as little was used", () => {
    write(ringRewindBytes - 16 * KIB);
    readAll();
    expect(writer.head).toBe(ringRewindBytes - 16 * KIB);
  });

  test("not when a record has come meanwhile", () => {
    write(3 * MIB);
    room.release(3 * MIB);
    write(16 * KIB);
    room.rewind();
    expect(writer.head).toBe(3 * MIB + 16 * KIB);
    expect(room.tail).toBe(3 * MIB);
    expect(writer.limit).toBe(3 * MIB + ringDataBytesMin);
  });

  test("thousands of laps stay within the data that keeps its memory", () => {
    for (let round = 0; round < 10_000; round++) {
      expect(write(300 * KIB) % ringDataBytes).toBeGreaterThan(0);
      expect(writer.head % ringDataBytes).toBeLessThanOrEqual(ringRewindBytes + 512 * KIB);
      readAll();
    }
    expect(room.tail).toBeGreaterThan(2 ** 32);
  });
});

describe("what a burst has left", () => {
  test("is wiped out before the stamps of its records are due again", () => {
    write(3 * MIB);
    readAll();
    const lapsMax = 2 ** 35 / ringDataBytes;
    let laps = 1;
    for (; writer.discarded.length === 0 && laps < lapsMax; laps++) {
      write(ringRewindBytes);
      readAll();
    }
    expect(laps).toBe(lapsMax / 4);
    expect(writer.discarded).toEqual([[ringRewindBytes, 3 * MIB]]);
    expect(writer.limit).toBe(room.tail + ringDataBytesMin);
  });
});

describe("the memory of a burst", () => {
  function burst(): void {
    room.allow(ringDataBytes);
    write(20 * MIB);
    readAll();
  }

  test("goes back when it has been calm, from behind what may be written meanwhile", () => {
    burst();
    clock.nowNs += ringCalmNs - 1;
    room.rewind();
    expect(writer.discarded).toEqual([]);
    clock.nowNs += 1;
    room.rewind();
    expect(writer.discarded).toEqual([[ringDataBytesMin, 20 * MIB]]);
    expect(writer.limit).toBe(room.tail + ringDataBytes);
    clock.nowNs += 10 * ringCalmNs;
    room.rewind();
    expect(writer.discarded).toHaveLength(1);
  });

  test("stays as long as there are bursts", () => {
    for (let round = 0; round < 5; round++) {
      burst();
      clock.nowNs += ringCalmNs - 1;
      room.rewind();
    }
    expect(writer.discarded).toEqual([]);
  });

  test("what is written in the same lap is not given back", () => {
    burst();
    write(MIB);
    readAll();
    clock.nowNs += ringCalmNs;
    room.rewind();
    expect(writer.discarded).toEqual([[ringDataBytesMin + MIB, 20 * MIB]]);
  });

  test("nor when the next burst has begun", () => {
    burst();
    clock.nowNs += ringCalmNs;
    write(5 * MIB);
    room.rewind();
    expect(writer.discarded).toEqual([]);
    expect(writer.limit).toBe(room.tail + ringDataBytes);
  });
});
