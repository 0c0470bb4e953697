import { describe, expect, test } from "bun:test";
import { createRandom, type MessageFields, messageBytes } from "../../test/harness/fake-library.ts";
import { limits } from "../limits.ts";
import { MessageFlag, MessageType } from "../model/message.ts";
import { decodeMessage } from "./decode.ts";

function decode(bytes: Uint8Array<ArrayBuffer>, start = 0, end = bytes.length) {
  return decodeMessage(bytes, new DataView(bytes.buffer, bytes.byteOffset), start, end);
}

test("every field of the header comes out", () => {
  const message = decode(
    messageBytes({
      type: MessageType.sslIn,
      flags: MessageFlag.sequenced | MessageFlag.eventLoop,
      sequence: 65_535,
      pid: 4_294_967_295,
      tid: 4_000_000_000,
      fd: -1,
      wireLength: 70_000,
      timeNs: 2 ** 52 + 1,
      payload: "GET",
    }),
  );
  expect(message).toEqual({
    type: 6,
    flags: 0x90,
    sequence: 65_535,
    pid: 4_294_967_295,
    tid: 4_000_000_000,
    fd: -1,
    wireLength: 70_000,
    timeNs: 2 ** 52 + 1,
    payload: new Uint8Array(Buffer.from("GET")),
  });
});

test("the payload is a view of the bytes, not a copy", () => {
  const bytes = messageBytes({ payload: "abc" });
  const message = decode(bytes);
  bytes[32] = "z".charCodeAt(0);
  expect(typeof message === "object" && Buffer.from(message.payload).toString()).toBe("zbc");
});

test("a message is found at its place in a larger buffer, padding behind it is ignored", () => {
  const one = messageBytes({ payload: "padded" });
  const bytes = new Uint8Array(8 + one.length + 7);
  bytes.set(one, 8);
  const message = decode(bytes, 8);
  expect(typeof message === "object" && Buffer.from(message.payload).toString()).toBe("padded");
});

describe("a sender that knows only the eight types and leaves reserved fields zero", () => {
  for (const type of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`type ${type}`, () => {
      const payload = new Uint8Array([127, 0, 0, 1, 0x1f, 0x90]);
      const message = decode(messageBytes({ type, payload }));
      expect(message).toMatchObject({ type, flags: 0, sequence: 0, wireLength: 6, payload });
    });
  }
});

const refused: readonly [string, MessageFields, string][] = [
  ["type 0", { type: 0 }, "message_unknown_type"],
  ["type 9", { type: 9 }, "message_unknown_type"],
  ["type 15", { type: 15 }, "message_unknown_type"],
  ["type 22", { type: 22 }, "message_unknown_type"],
  ["type 255", { type: 255 }, "message_unknown_type"],
  ["a payload longer than the bytes", { payload: "ab", payloadLength: 3 }, "message_malformed"],
  ["a payload length of 2^32 - 1", { payloadLength: 0xffffffff }, "message_malformed"],
  [
    "a payload above the maximum",
    { payload: "x".repeat(limits.payloadBytesMax + 1) },
    "message_malformed",
  ],
  ["less on the wire than captured", { payload: "abc", wireLength: 2 }, "message_malformed"],
];

describe("refused with a reason", () => {
  for (const [name, fields, reason] of refused) {
    test(name, () => expect(decode(messageBytes(fields))).toBe(reason as "message_malformed"));
  }
});

const accepted: readonly [string, MessageFields, { wireLength: number; length: number }][] = [
  ["the end of a direction", {}, { wireLength: 0, length: 0 }],
  ["bytes that were not captured", { wireLength: 900 }, { wireLength: 900, length: 0 }],
  ["as much on the wire", { payload: "abc", wireLength: 3 }, { wireLength: 3, length: 3 }],
  [
    "the longest payload",
    { payload: "x".repeat(limits.payloadBytesMax) },
    { wireLength: limits.payloadBytesMax, length: limits.payloadBytesMax },
  ],
];

describe("accepted", () => {
  for (const [name, fields, { wireLength, length }] of accepted) {
    test(name, () => {
      const message = decode(messageBytes(fields));
      expect(message).toMatchObject({ wireLength });
      expect(typeof message === "object" && message.payload.length).toBe(length);
    });
  }
});

test("every truncation of a message is malformed", () => {
  const bytes = messageBytes({ payload: "some payload" });
  for (let length = 0; length < bytes.length; length++) {
    expect(decode(bytes, 0, length)).toBe("message_malformed");
  }
});

test("impossible bounds are malformed", () => {
  const bytes = messageBytes({ payload: "x" });
  for (const [start, end] of [
    [-1, 33],
    [0, 34],
    [33, 0],
    [40, 80],
  ]) {
    expect(decode(bytes, start, end)).toBe("message_malformed");
  }
});

test("garbage never throws and never yields more than there is", () => {
  const random = createRandom(7);
  for (let round = 0; round < 20_000; round++) {
    const bytes = new Uint8Array(Math.floor(random() * 80));
    for (let index = 0; index < bytes.length; index++) bytes[index] = random() * 256;
    if (bytes.length > 20 && round % 2 === 0) {
      bytes[0] = 1 + Math.floor(random() * 8);
      bytes.fill(0, 17, 20);
    }
    const message = decode(bytes);
    if (typeof message === "string") continue;
    expect(message.payload.length).toBeLessThanOrEqual(bytes.length - 32);
    expect(message.wireLength).toBeGreaterThanOrEqual(message.payload.length);
  }
});
