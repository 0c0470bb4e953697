/**
 * The compressed protocol (MySQL internals manual, "Compression"; MariaDB documentation,
 * "Compression"): packets around the packets, each deflated, a Zstandard frame, or stored.
 * Invariant: what is held of a direction stays below one compressed packet's bound; of a packet
 * that would be longer only the beginning is read.
 */
import { inflated, unzstd } from "../../lib/inflate.ts";
import type { Side } from "../../model/connection.ts";
import { type FrameSink, ParseError, type ParseStatus, type StreamView } from "../contract.ts";
import { enterDoubt } from "./doubt.ts";
import { mysqlLimits } from "./limits.ts";
import { uint24LE } from "./packets.ts";
import type { Inner, MysqlFrame, MysqlState } from "./types.ts";

/** Length, sequence number, length before compression (0 = stored). */
export const OUTER_HEADER_BYTES = 7;
/** Of a packet beyond the bound: deflated bytes that are read, and what they become at most. */
const PREFIX_BYTES = 1_000;
const PREFIX_INFLATED_BYTES = PREFIX_BYTES * 1_032 - 1;
const ZSTD_MAGIC = 0x28b52ffd;
/** A stored packet of one inner packet: a header, then the command. */
const INNER_HEADER_BYTES = 4;

export interface Layer {
  readonly side: Side;
  readonly state: MysqlState;
  readonly out: FrameSink<MysqlFrame>;
  readonly parsePlain: (
    view: StreamView,
    side: Side,
    state: MysqlState,
    out: FrameSink<MysqlFrame>,
  ) => ParseStatus;
}

/** Whether a command at the head of the view is compressed, when the opening was not seen. */
export function isCompressed(view: StreamView): boolean | "more" {
  const { bytes, start, end } = view;
  if (end - start < 5) return "more";
  // No command is 0; a stored packet has three of them there, a deflated one says what it is.
  const plainSize = uint24LE(bytes, start + INNER_HEADER_BYTES);
  if (end - start < OUTER_HEADER_BYTES) return bytes[start + 4] === 0 ? "more" : false;
  if (plainSize === 0) return true;
  if (end - start < OUTER_HEADER_BYTES + 4) return false;
  const at = start + OUTER_HEADER_BYTES;
  const size = uint24LE(bytes, start);
  return plainSize > size && (isZlib(bytes, at) || isZstd(bytes, at));
}

/** The beginning of what the compressed packet at index holds; undefined when it is none. */
export function firstInner(view: StreamView, index: number): Uint8Array | undefined {
  const { bytes, end } = view;
  if (end - index < OUTER_HEADER_BYTES + INNER_HEADER_BYTES) return undefined;
  const size = uint24LE(bytes, index);
  const plainSize = uint24LE(bytes, index + INNER_HEADER_BYTES);
  const from = index + OUTER_HEADER_BYTES;
  const body = bytes.subarray(from, Math.min(end, from + size));
  if (plainSize === 0) {
    const isOne = uint24LE(bytes, from) + INNER_HEADER_BYTES === size && bytes[from + 3] === 0;
    return isOne ? body : undefined;
  }
  if (plainSize <= size || (!isZlib(bytes, from) && !isZstd(bytes, from))) return undefined;
  return decompressed(body, { plainSize, isWhole: body.length === size });
}

function isZlib(bytes: Uint8Array, at: number): boolean {
  const method = bytes[at] ?? 0;
  return (method & 0x0f) === 8 && ((method << 8) | (bytes[at + 1] ?? 0)) % 31 === 0;
}

function isZstd(bytes: Uint8Array, at: number): boolean {
  return (
    ((bytes[at] ?? 0) << 24) +
      ((bytes[at + 1] ?? 0) << 16) +
      ((bytes[at + 2] ?? 0) << 8) +
      (bytes[at + 3] ?? 0) ===
    ZSTD_MAGIC
  );
}

/** What a body holds, or its beginning; undefined = it is not what it says. */
function decompressed(
  body: Uint8Array,
  { plainSize, isWhole }: { readonly plainSize: number; readonly isWhole: boolean },
): Uint8Array | undefined {
  if (isZstd(body, 0)) {
    // A frame has no beginning that could be had without its end.
    const fits = isWhole && plainSize <= mysqlLimits.inflatedBytesMax;
    return fits ? unzstd(body, plainSize) : new Uint8Array(0);
  }
  const fits = plainSize <= mysqlLimits.inflatedBytesMax;
  const input = fits ? body : body.subarray(0, PREFIX_BYTES);
  return inflated(input, fits ? plainSize : PREFIX_INFLATED_BYTES);
}

/** One compressed packet, and all packets that end in it. */
export function parseCompressed(view: StreamView, layer: Layer): ParseStatus {
  const { bytes, start, end } = view;
  const { side, state } = layer;
  if (end - start < OUTER_HEADER_BYTES) return 0;
  const size = uint24LE(bytes, start);
  const plainSize = uint24LE(bytes, start + 4);
  const wanted = Math.min(size, mysqlLimits.frameBytesMax - OUTER_HEADER_BYTES);
  if (end - start < OUTER_HEADER_BYTES + wanted) return 0;
  const seen = Math.min(size, end - start - OUTER_HEADER_BYTES);
  const own = state.sides[side];
  const sequence = bytes[start + 3] ?? 0;
  const isSequel = own.outerSequence < 0 || own.outerSequence === sequence;
  own.outerSequence = side === "response" ? (sequence + 1) & 0xff : -1;
  const from = start + OUTER_HEADER_BYTES;
  const body = bytes.subarray(from, from + seen);
  const plain = plainSize === 0 ? body : decompressed(body, { plainSize, isWhole: seen === size });
  if (plain === undefined || !isSequel) return ParseError.malformed;
  if (side === "request") state.sides.response.outerSequence = -1;
  const status = readInner(view, plain, layer);
  if (status < 0) return status;
  const unseen = (plainSize === 0 ? size : plainSize) - plain.length;
  if (unseen > 0) passUnseen(view, unseen, layer);
  if (size > seen) layer.out.skip(size - seen);
  return OUTER_HEADER_BYTES + seen;
}

/** Parses what has been waiting and the new bytes behind it. */
function readInner(view: StreamView, plain: Uint8Array, layer: Layer): ParseStatus {
  const { side, state, out, parsePlain } = layer;
  const { inner } = state.sides[side];
  append(inner, plain);
  const at = Math.max(view.start, view.end - 1);
  const [timeNs, tid, eventLoop] = [view.timeAt(at), view.tidAt(at), view.eventLoopAt(at)];
  const sink: FrameSink<MysqlFrame> = {
    frame: (frame) => out.frame(frame),
    skip: (length) => {
      inner.skip += length;
    },
    handOver: (to) => out.handOver(to),
  };
  let status = 1;
  while (status > 0 && inner.start < inner.end) {
    if (inner.skip > 0) {
      const passed = Math.min(inner.skip, inner.end - inner.start);
      inner.skip -= passed;
      inner.start += passed;
    }
    if (state.doubt && side === "response") inner.start = inner.end;
    if (inner.start >= inner.end) break;
    const { bytes, start, end } = inner;
    const innerView = {
      ...{ bytes, start, end },
      timeAt: () => timeNs,
      tidAt: () => tid,
      eventLoopAt: () => eventLoop,
    };
    status = parsePlain(innerView, side, state, sink);
    if (status > 0) inner.start = Math.min(inner.start + status, inner.end);
  }
  keepRest(inner);
  return status < 0 ? status : 1;
}

/** A stored packet's bytes are the view's, which must not be kept. */
function keepRest(inner: Inner): void {
  inner.bytes = inner.bytes.slice(inner.start, inner.end);
  inner.start = 0;
  inner.end = inner.bytes.length;
}

function append(inner: Inner, plain: Uint8Array): void {
  const left = inner.end - inner.start;
  if (left === 0) {
    inner.bytes = plain;
    inner.start = 0;
    inner.end = plain.length;
    return;
  }
  const joined = new Uint8Array(left + plain.length);
  joined.set(inner.bytes.subarray(inner.start, inner.end));
  joined.set(plain, left);
  inner.bytes = joined;
  inner.start = 0;
  inner.end = joined.length;
}

/** Bytes of the packet that were not read: harmless inside of a payload that is passed over. */
function passUnseen(view: StreamView, unseen: number, { side, state, out }: Layer): void {
  const { inner } = state.sides[side];
  if (inner.skip >= unseen) {
    inner.skip -= unseen;
    return;
  }
  const endNs = view.timeAt(view.end - 1);
  out.frame({ what: "givenUp", entries: enterDoubt(state), endNs, orphan: false });
}
