/** Builds frames for tests, from the protocol's own description and not from layouts.ts. */

type Part = Uint8Array | readonly number[] | string;

export function join(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))),
  );
}

export function int16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function int64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

export function text(value: string): Uint8Array {
  return join(int16(Buffer.byteLength(value)), value);
}

/** Unsigned varint. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

export function compact(value: Part): Uint8Array {
  const bytes = join(value);
  return join(varint(bytes.length + 1), bytes);
}

export const NO_TAGS: readonly number[] = [0];

export function sized(...parts: readonly Part[]): Uint8Array {
  const body = join(...parts);
  return join(int32(body.length), body);
}

export interface Head {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  readonly client?: string;
  /** The header ends with tagged fields. */
  readonly flexible?: boolean;
}

export function request(head: Head, ...body: readonly Part[]): Uint8Array {
  const { key, version, correlation, client = "test", flexible } = head;
  const tags = flexible ? NO_TAGS : [];
  return sized(int16(key), int16(version), int32(correlation), text(client), tags, ...body);
}

export function answer(correlation: number, ...body: readonly Part[]): Uint8Array {
  return sized(int32(correlation), ...body);
}

export interface BatchOptions {
  readonly offset?: number;
  readonly count?: number;
  readonly attributes?: number;
  /** Bytes of its records, which nobody reads. */
  readonly bytes?: number;
}

/** A record batch of magic 2. */
export function batch(options: BatchOptions = {}): Uint8Array {
  const { offset = 0, count = 1, attributes = 0, bytes = 20 } = options;
  const rest = join(
    int32(0),
    [2],
    int32(0),
    int16(attributes),
    int32(count - 1),
    int64(0),
    int64(0),
    int64(-1),
    int16(-1),
    int32(-1),
    int32(count),
    new Uint8Array(bytes).fill(0x78),
  );
  return join(int64(offset), int32(rest.length), rest);
}

/** A message of magic 0 or 1. */
export function oldMessage(magic: 0 | 1, offset: number, compression = 0): Uint8Array {
  const time = magic === 1 ? int64(0) : [];
  const rest = join(int32(0), [magic, compression], time, int32(-1), int32(4), "text");
  return join(int64(offset), int32(rest.length), rest);
}

/** Produce 3, one topic and one partition. */
export function produce(correlation: number, topic: string, records: Uint8Array): Uint8Array {
  const head = { key: 0, version: 3, correlation };
  const partition = join(int32(1), int32(2), int32(records.length), records);
  const topics = join(int32(1), text(topic), partition);
  return request(head, int16(-1), int16(1), int32(1_000), topics);
}

/** The answer to produce(). */
export function produced(correlation: number, topic: string, offset: number): Uint8Array {
  const partition = join(int32(1), int32(2), int16(0), int64(offset), int64(-1));
  return answer(correlation, int32(1), text(topic), partition, int32(0));
}

/** Fetch 4 of one partition. */
export function fetch(correlation: number, topic: string): Uint8Array {
  const limits = join(int32(-1), int32(500), int32(1), int32(1 << 20), [0]);
  const partition = join(int32(1), int32(0), int64(0), int32(1 << 20));
  return request({ key: 1, version: 4, correlation }, limits, int32(1), text(topic), partition);
}

/** The answer to fetch(), up to its records. */
export function fetchedHead(topic: string, recordBytes: number): Uint8Array {
  const head = join(int32(0), int32(1), text(topic), int32(1));
  return join(head, int32(0), int16(0), int64(9), int64(9), int32(-1), int32(recordBytes));
}

export function fetched(correlation: number, topic: string, records: Uint8Array): Uint8Array {
  return answer(correlation, fetchedHead(topic, records.length), records);
}
