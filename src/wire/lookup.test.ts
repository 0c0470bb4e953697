import { describe, expect, test } from "bun:test";
import { createRandom } from "../../test/harness/fake-library.ts";
import { decodeLookup } from "./lookup.ts";

interface Given {
  readonly name?: string;
  readonly result?: number;
  readonly error?: number;
  readonly flags?: number;
  readonly durationNs?: number;
  readonly addresses?: readonly (readonly number[])[];
}

function payload({ name = "db.local", addresses = [], ...given }: Given): Uint8Array {
  const nameBytes = new TextEncoder().encode(name);
  const list = addresses.flatMap((address) => [address.length, ...address]);
  const bytes = new Uint8Array(24 + nameBytes.length + list.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(given.durationNs ?? 0), true);
  view.setInt32(8, given.result ?? 0, true);
  view.setInt32(12, given.error ?? 0, true);
  view.setUint16(16, nameBytes.length, true);
  view.setUint8(18, addresses.length);
  view.setUint8(19, 10);
  view.setUint8(20, given.flags ?? 0);
  bytes.set(nameBytes, 24);
  bytes.set(list, 24 + nameBytes.length);
  return bytes;
}

const ipv6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];

test("an answer with addresses of both families", () => {
  const bytes = payload({ addresses: [[10, 0, 0, 7], ipv6, mapped], durationNs: 5e9, flags: 1 });
  expect(decodeLookup(bytes)).toEqual({
    name: "db.local",
    result: 0,
    error: 0,
    family: 10,
    addresses: ["10.0.0.7", "2001:db8::5", "10.0.0.1"],
    hasMore: true,
    durationNs: 5e9,
  });
});

test("a failure", () => {
  expect(decodeLookup(payload({ result: -11, error: 111 }))).toMatchObject({
    result: -11,
    error: 111,
    addresses: [],
    hasMore: false,
  });
});

test("bytes that no name has are no name", () => {
  expect(decodeLookup(payload({ name: "a\nb" }))).toMatchObject({ name: "" });
  expect(decodeLookup(payload({ name: "bücher.example" }))).toMatchObject({
    name: "bücher.example",
  });
});

describe("malformed", () => {
  const whole = payload({ addresses: [[10, 0, 0, 7], ipv6] });
  test("cut anywhere, or longer than its parts", () => {
    for (let end = 0; end < whole.length; end++) {
      expect(decodeLookup(whole.subarray(0, end))).toBe("message_malformed");
    }
    expect(decodeLookup(new Uint8Array([...whole, 0]))).toBe("message_malformed");
  });

  test("lengths that are none", () => {
    expect(decodeLookup(payload({ addresses: [[1, 2, 3]] }))).toBe("message_malformed");
    const many = Array.from({ length: 17 }, () => [127, 0, 0, 1]);
    expect(decodeLookup(payload({ addresses: many }))).toBe("message_malformed");
    expect(decodeLookup(payload({ name: "n".repeat(1_025) }))).toBe("message_malformed");
  });

  test("noise is survived", () => {
    const random = createRandom(17);
    for (let round = 0; round < 2_000; round++) {
      const bytes = Uint8Array.from({ length: random() % 80 }, () => random() & 0xff);
      const decoded = decodeLookup(bytes);
      if (typeof decoded === "object") expect(decoded.addresses.length).toBeLessThanOrEqual(16);
    }
  });
});
