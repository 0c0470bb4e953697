/** Messages for tests, written down part by part. */
import { Type } from "./codes.ts";

export interface Parts {
  readonly id?: number;
  /** The two bytes behind the id. */
  readonly flags?: number;
  readonly counts?: readonly [number, number, number, number];
  readonly body: readonly number[];
}

export const QUERY = 0x0100;
export const RESPONSE = 0x8180;
export const TRUNCATED_RESPONSE = 0x8380;

export function uint16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function uint32(value: number): number[] {
  return [...uint16(value >>> 16), ...uint16(value & 0xffff)];
}

export function message({ id = 1, flags = QUERY, counts = [1, 0, 0, 0], body }: Parts): Uint8Array {
  return Uint8Array.from([...uint16(id), ...uint16(flags), ...counts.flatMap(uint16), ...body]);
}

/** "a.b" → its labels; "" is the root. */
export function name(text: string): number[] {
  const labels = text === "" ? [] : text.split(".");
  return [...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0];
}

export function question(text: string, type: number = Type.a): number[] {
  return [...name(text), ...uint16(type), ...uint16(1)];
}

/** Pointer to a place in the message. */
export function pointer(to: number): number[] {
  return uint16(0xc000 | to);
}

export function record(owner: readonly number[], type: number, data: readonly number[]): number[] {
  const head = [...uint16(type), ...uint16(1), ...uint32(300), ...uint16(data.length)];
  return [...owner, ...head, ...data];
}

/** As TCP carries it. */
export function framed(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...uint16(bytes.length), ...bytes]);
}
