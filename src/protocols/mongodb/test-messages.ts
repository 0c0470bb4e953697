/** Builds MongoDB messages for tests. */
import type { Step } from "../../../test/harness/stream-cases.ts";

const encoder = new TextEncoder();

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

export function cstring(text: string): Uint8Array {
  return encoder.encode(`${text}\0`);
}

/** A number is an int32, a bigint an int64; other values by their nature. */
export type Value = string | number | bigint | boolean | null | Double | Fields | readonly Value[];
export interface Fields {
  readonly [name: string]: Value;
}
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export function document(fields: Fields): Uint8Array {
  const elements = Object.entries(fields).map(([name, value]) => element(name, value));
  const body = joined(...elements, Uint8Array.of(0));
  return joined(int32(body.length + 4), body);
}

function element(name: string, value: Value): Uint8Array {
  const [type, bytes] = encoded(value);
  return joined(Uint8Array.of(type), cstring(name), bytes);
}

function encoded(value: Value): [type: number, bytes: Uint8Array] {
  if (value === null) return [0x0a, new Uint8Array()];
  if (typeof value === "boolean") return [0x08, Uint8Array.of(value ? 1 : 0)];
  if (typeof value === "number") return [0x10, int32(value)];
  if (typeof value === "string") {
    const text = cstring(value);
    return [0x02, joined(int32(text.length), text)];
  }
  const eight = new DataView(new ArrayBuffer(8));
  if (typeof value === "bigint") {
    eight.setBigInt64(0, value, true);
    return [0x12, new Uint8Array(eight.buffer)];
  }
  if (value instanceof Double) {
    eight.setFloat64(0, value.value, true);
    return [0x01, new Uint8Array(eight.buffer)];
  }
  if (!Array.isArray(value)) return [0x03, document(value as Fields)];
  return [0x04, document(Object.fromEntries(Object.entries(value)))];
}

export interface Ids {
  readonly id: number;
  readonly to?: number;
}

export function message(opcode: number, { id, to = 0 }: Ids, body: Uint8Array): Uint8Array {
  return joined(int32(16 + body.length), int32(id), int32(to), int32(opcode), body);
}

/** OP_MSG with its command, or answer, and further sections. */
export function opMsg(
  ids: Ids & { readonly flags?: number },
  fields: Fields,
  ...sections: readonly Uint8Array[]
): Uint8Array {
  const head = joined(int32(ids.flags ?? 0), Uint8Array.of(0), document(fields));
  return message(2013, ids, joined(head, ...sections));
}

export function sequence(name: string, documents: readonly Fields[]): Uint8Array {
  const body = joined(cstring(name), ...documents.map(document));
  return joined(Uint8Array.of(1), int32(body.length + 4), body);
}

export function asks(bytes: Uint8Array): Step {
  return { side: "request", bytes };
}

export function answers(bytes: Uint8Array): Step {
  return { side: "response", bytes };
}
