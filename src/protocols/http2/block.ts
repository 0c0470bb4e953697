/**
 * Field blocks out of HEADERS, PUSH_PROMISE and CONTINUATION frames (RFC 9113 section 4.3).
 * Invariant: no more than blockBytesMax of a block is kept, and nothing of one that is longer.
 */
import type { StreamView } from "../contract.ts";
import { Flag, type FrameHead, FrameType } from "./frame-head.ts";
import { createFieldBlock, type FieldBlock, type HpackDecoder } from "./hpack.ts";
import { http2Limits } from "./limits.ts";
import type { OpenBlock } from "./types.ts";

/** Where a frame's part of the block stands; valid until the next call. */
export interface Fragment {
  start: number;
  end: number;
}

const BYTES_MIN = 1_024;
const PRIORITY_BYTES = 5;
const PROMISED_STREAM_BYTES = 4;

/** The fields of the block that was read last: match() takes them before another one is. */
const fields = createFieldBlock();

/** Padding, priority and the promised stream cut off; false when they do not fit the payload. */
export function readFragment(
  bytes: Uint8Array,
  payload: number,
  head: FrameHead,
  fragment: Fragment,
): boolean {
  fragment.start = payload;
  fragment.end = payload + head.length;
  if (head.type === FrameType.continuation) return true;
  if (head.flags & Flag.padded) {
    if (head.length === 0) return false;
    fragment.end -= bytes[payload] ?? 0;
    fragment.start++;
  }
  if (head.type === FrameType.pushPromise) fragment.start += PROMISED_STREAM_BYTES;
  else if (head.flags & Flag.priority) fragment.start += PRIORITY_BYTES;
  return fragment.start <= fragment.end;
}

export function openBlock(view: StreamView, head: FrameHead): OpenBlock {
  return {
    stream: head.stream,
    endsStream: head.type === FrameType.headers && (head.flags & Flag.endStream) !== 0,
    isPushed: head.type === FrameType.pushPromise,
    startNs: view.timeAt(view.start),
    tid: view.tidAt(view.start),
    eventLoop: view.eventLoopAt(view.start),
    bytes: new Uint8Array(0),
    length: 0,
    isLost: false,
  };
}

/** Keeps a part of a block that comes in several frames. */
export function addFragment(block: OpenBlock, bytes: Uint8Array, fragment: Fragment): void {
  const needed = block.length + fragment.end - fragment.start;
  if (block.isLost || needed > http2Limits.blockBytesMax) {
    loseBlock(block);
    return;
  }
  if (block.bytes.length < needed) {
    const larger = new Uint8Array(Math.max(BYTES_MIN, 2 ** Math.ceil(Math.log2(needed))));
    larger.set(block.bytes.subarray(0, block.length));
    block.bytes = larger;
  }
  block.bytes.set(bytes.subarray(fragment.start, fragment.end), block.length);
  block.length = needed;
}

export function loseBlock(block: OpenBlock): void {
  block.isLost = true;
  block.bytes = new Uint8Array(0);
  block.length = 0;
}

/** The fields of a block in one piece; an invalid one has none, and unknown ones. */
export function readBlock(hpack: HpackDecoder, bytes: Uint8Array, range: Fragment): FieldBlock {
  hpack.decode(bytes, range.start, range.end, fields);
  return fields;
}

/** The same of a kept block. */
export function readKeptBlock(hpack: HpackDecoder, block: OpenBlock): FieldBlock {
  if (!block.isLost) return readBlock(hpack, block.bytes, { start: 0, end: block.length });
  hpack.lose();
  fields.count = 0;
  fields.unknown = 1;
  return fields;
}
