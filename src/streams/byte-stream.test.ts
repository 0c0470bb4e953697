import { describe, expect, test } from "bun:test";
import { ByteStream, type Segment } from "./byte-stream.ts";

const segment = (timeNs: number, tid = 1): Segment => ({ timeNs, tid, eventLoop: false });
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (stream: ByteStream) =>
  new TextDecoder().decode(stream.bytes.subarray(stream.start, stream.end));

describe("ByteStream", () => {
  test("borrows a payload and copies only what is left of it", () => {
    const stream = new ByteStream(16);
    const payload = bytes("hello world");
    stream.append(payload, segment(10));
    expect(stream.bytes).toBe(payload);
    stream.consume(6);
    stream.retain();
    payload.fill(0);
    expect(textOf(stream)).toBe("world");
  });

  test("remembers when and by whom each byte moved, across consume and growth", () => {
    const stream = new ByteStream(16);
    stream.append(bytes("aaaa"), segment(10, 1));
    stream.retain();
    stream.append(bytes("bbbb"), segment(20, 2));
    stream.retain();
    stream.consume(2);
    stream.append(bytes("c".repeat(5000)), { timeNs: 30, tid: 3, eventLoop: true });
    stream.retain();
    expect(textOf(stream).slice(0, 7)).toBe("aabbbbc");
    const at = (offset: number) => [
      stream.timeAt(stream.start + offset),
      stream.tidAt(stream.start + offset),
      stream.eventLoopAt(stream.start + offset),
    ];
    expect(at(0)).toEqual([10, 1, false]);
    expect(at(1)).toEqual([10, 1, false]);
    expect(at(2)).toEqual([20, 2, false]);
    expect(at(6)).toEqual([30, 3, true]);
    stream.consume(6);
    expect(at(0)).toEqual([30, 3, true]);
  });

  test("consuming everything leaves nothing behind", () => {
    const stream = new ByteStream(16);
    stream.append(bytes("abc"), segment(1));
    stream.consume(3);
    expect(stream.length).toBe(0);
    stream.append(bytes("def"), segment(2));
    expect(stream.timeAt(stream.start)).toBe(2);
  });

  test("a stream in very many pieces keeps a bounded number of moments", () => {
    const stream = new ByteStream(4);
    for (let index = 0; index < 100; index++) {
      stream.append(bytes("x"), segment(index));
      stream.retain();
    }
    expect(stream.length).toBe(100);
    expect(stream.timeAt(stream.start)).toBe(0);
    expect(stream.timeAt(stream.end - 1)).toBe(3);
  });

  test("equals plain concatenation under a long random walk", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed % below;
    };
    const stream = new ByteStream(1000);
    let model = "";
    for (let step = 0; step < 3000; step++) {
      const text = String.fromCharCode(97 + random(26)).repeat(1 + random(40));
      stream.append(bytes(text), segment(step));
      model += text;
      const take = random(model.length + 1);
      stream.consume(take);
      model = model.slice(take);
      stream.retain();
      expect(textOf(stream)).toBe(model);
    }
  });
});
