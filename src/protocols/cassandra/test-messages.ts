/** Builds CQL messages for tests. */
import type { Step } from "../../../test/harness/stream-cases.ts";
import { crc24, crc24Table, crc32 } from "../../lib/crc.ts";
import { Opcode } from "./messages.ts";

const encoder = new TextEncoder();

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export function short(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

export function int(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}

export function text(value: string): Uint8Array {
  const bytes = encoder.encode(value);
  return joined(short(bytes.length), bytes);
}

export function longText(value: string): Uint8Array {
  const bytes = encoder.encode(value);
  return joined(int(bytes.length), bytes);
}

export interface Head {
  readonly stream: number;
  readonly version?: number;
  readonly flags?: number;
}

function envelope(first: number, opcode: number, head: Head, body: Uint8Array): Uint8Array {
  const { stream, flags = 0 } = head;
  const start = Uint8Array.of(first, flags, (stream >> 8) & 0xff, stream & 0xff, opcode);
  return joined(start, int(body.length), body);
}

export function asked(opcode: number, head: Head, body: Uint8Array = new Uint8Array()): Uint8Array {
  return envelope(head.version ?? 4, opcode, head, body);
}

export function answered(
  opcode: number,
  head: Head,
  body: Uint8Array = new Uint8Array(),
): Uint8Array {
  return envelope(0x80 | (head.version ?? 4), opcode, head, body);
}

/** QUERY with consistency one and, if given, one value and a page size. */
export function query(
  head: Head,
  statement: string,
  value?: string,
  pageSize?: number,
): Uint8Array {
  const flags = (value === undefined ? 0 : 1) + (pageSize === undefined ? 0 : 4);
  const parts: Uint8Array[] = [longText(statement), short(1)];
  parts.push(head.version === 5 ? int(flags) : Uint8Array.of(flags));
  if (value !== undefined) parts.push(short(1), longText(value));
  if (pageSize !== undefined) parts.push(int(pageSize));
  return asked(Opcode.query, head, joined(...parts));
}

/** RESULT Rows of one text column of the table. */
export function rows(head: Head, table: string, values: readonly string[]): Uint8Array {
  const column = joined(text("shop"), text(table), text("item"), short(0x0d));
  const head4 = joined(int(2), int(1), int(1), column, int(values.length));
  return answered(Opcode.result, head, joined(head4, ...values.map(longText)));
}

export function done(head: Head): Uint8Array {
  return answered(Opcode.result, head, int(1));
}

const table = crc24Table(0x1974f0b);
const seed = crc32(Uint8Array.of(0xfa, 0x2d, 0x55, 0xca));

/** A segment of version 5 without compression. */
export function segment(payload: Uint8Array, isSelfContained = true): Uint8Array {
  const word = payload.length | (isSelfContained ? 0x20000 : 0);
  const head = Uint8Array.of(word & 0xff, (word >> 8) & 0xff, word >> 16);
  const sum = crc24(table, head, { start: 0, end: 3 }, 0x875060);
  const sums = Uint8Array.of(sum & 0xff, (sum >> 8) & 0xff, sum >> 16);
  const trailer = int(crc32(payload, seed)).reverse();
  return joined(head, sums, payload, trailer);
}

export function asks(bytes: Uint8Array): Step {
  return { side: "request", bytes };
}

export function answers(bytes: Uint8Array): Step {
  return { side: "response", bytes };
}
