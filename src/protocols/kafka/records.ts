/**
 * Record batches (magic 2) and the message sets before them (magic 0 and 1), by their headers.
 * Invariant: no key, value or header of a record is ever looked at.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";

/** What is known of the records of one request or answer. */
export interface RecordCount {
  messages: number;
  batches: number;
  /** False when a count is not known: compressed old message sets, batches that were not seen. */
  counted: boolean;
  /** Number of the first batch's compression. */
  compression: number;
  /** Offset of the first batch; undefined when there is none. */
  firstOffset: number | undefined;
}

export const compressionNames = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** Offset, length, leader's epoch or checksum, magic: what all three formats begin with. */
const COMMON_BYTES = 17;
const LENGTH_AT = 8;
const MAGIC_AT = 16;
/** Bytes of a batch or message that its length does not count. */
const UNCOUNTED_BYTES = 12;
const BATCH_HEADER_BYTES = 61;
const BATCH_ATTRIBUTES_AT = 21;
const BATCH_RECORDS_AT = 57;
const MESSAGE_ATTRIBUTES_AT = 17;
const MESSAGE_BYTES_MIN = 26;
const COMPRESSION_MASK = 7;
const CONTROL_BIT = 0x20;

/** Where records stand: bytes[start..limit), of which those before `end` are here. */
export interface RecordRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly limit: number;
  readonly end: number;
}

/** Adds the batches of a range; a last one that the broker has cut off does not count. */
export function countRecords(range: RecordRange, count: RecordCount): void {
  const { bytes, start, limit, end } = range;
  let at = start;
  while (at + COMMON_BYTES <= limit) {
    if (at + COMMON_BYTES > end) {
      count.counted = false;
      return;
    }
    const size = UNCOUNTED_BYTES + uint32BE(bytes, at + LENGTH_AT);
    const magic = bytes[at + MAGIC_AT] ?? 0;
    const least = magic === 2 ? BATCH_HEADER_BYTES : MESSAGE_BYTES_MIN;
    if (magic > 2 || size < least) {
      count.counted = false;
      return;
    }
    if (at + size > limit) return;
    if (at + least > end) {
      count.counted = false;
      return;
    }
    if (magic === 2) addBatch(bytes, at, count);
    else addMessage(bytes, at, count);
    at += size;
  }
}

/** Control batches mark the ends of transactions and hold no messages. */
function addBatch(bytes: Uint8Array, at: number, count: RecordCount): void {
  const attributes = uint16BE(bytes, at + BATCH_ATTRIBUTES_AT);
  if ((attributes & CONTROL_BIT) !== 0) return;
  const records = uint32BE(bytes, at + BATCH_RECORDS_AT) | 0;
  if (records < 0) count.counted = false;
  else count.messages += records;
  addTo(count, attributes & COMPRESSION_MASK, int64BE(bytes, at));
}

/** A compressed message holds others, whose number is not known without decompressing it. */
function addMessage(bytes: Uint8Array, at: number, count: RecordCount): void {
  const compression = (bytes[at + MESSAGE_ATTRIBUTES_AT] ?? 0) & COMPRESSION_MASK;
  if (compression !== 0) count.counted = false;
  count.messages++;
  addTo(count, compression, int64BE(bytes, at));
}

function addTo(count: RecordCount, compression: number, offset: number): void {
  if (count.batches === 0) {
    count.compression = compression;
    count.firstOffset = offset;
  }
  count.batches++;
}

/** A signed 64-bit number; exact up to 2^53. */
export function int64BE(bytes: Uint8Array, at: number): number {
  return (uint32BE(bytes, at) | 0) * 2 ** 32 + uint32BE(bytes, at + 4);
}
