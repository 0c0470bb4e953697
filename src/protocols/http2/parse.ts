/**
 * Frames of one direction (RFC 9113 section 4). Invariant: field blocks are read in the order in
 * which they were sent, all of them, because each changes the table of the next; one that cannot be
 * read makes what stood in the table unknown. Payloads of DATA are skipped.
 */
import { uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import {
  type FrameSink,
  type Moment,
  ParseError,
  type PassedPiece,
  type StreamView,
} from "../contract.ts";
import {
  addFragment,
  loseBlock,
  openBlock,
  readBlock,
  readFragment,
  readKeptBlock,
} from "./block.ts";
import { showBody } from "./body.ts";
import {
  createFrameHead,
  Flag,
  FrameType,
  isValidHead,
  PREFACE,
  prefaceAt,
  readFrameHead,
} from "./frame-head.ts";
import type { FieldBlock } from "./hpack.ts";
import { http2Limits } from "./limits.ts";
import { showsItself } from "./streams.ts";
import type { Http2Frame, Http2State, Lane, OpenBlock } from "./types.ts";

type Sink = FrameSink<Http2Frame>;

const HEAD_BYTES = http2Limits.frameHeadBytes;

/** Scratch of one call. */
const head = createFrameHead();
const fragment = { start: 0, end: 0 };

export function laneOf(state: Http2State, side: Side): Lane {
  return side === "request" ? state.request : state.response;
}

export function parse(view: StreamView, side: Side, state: Http2State, out: Sink): number {
  const { bytes, start, end } = view;
  const lane = laneOf(state, side);
  if (side === "request" && bytes[start] === 0x50) {
    const preface = prefaceAt(bytes, start, end);
    if (preface === "more") return 0;
    if (preface === "yes") return PREFACE.length;
  }
  if (end - start < HEAD_BYTES) return 0;
  readFrameHead(bytes, start, head);
  if (!isValidHead(head)) return ParseError.malformed;
  const continues = head.type === FrameType.continuation;
  // RFC 9113 section 4.3: nothing comes between the frames of a block.
  if (continues !== (lane.block !== undefined)) return ParseError.malformed;
  if (continues && head.stream !== lane.block?.stream) return ParseError.malformed;
  switch (head.type) {
    case FrameType.data:
      return parseData(view, side, state, out);
    case FrameType.headers:
    case FrameType.pushPromise:
    case FrameType.continuation:
      return parseBlock(view, lane, out);
    case FrameType.rstStream:
    case FrameType.goAway:
      return parseEnding(view, lane, out);
    default:
      return passFrame(view, lane, out);
  }
}

/** A skip has passed: the payload of a DATA frame, or of a frame that says nothing here. */
export function skipped(side: Side, state: Http2State, last: Moment, out: Sink): void {
  const lane = laneOf(state, side);
  const stream = lane.dataStream;
  lane.dataStream = 0;
  if (stream === 0 || !lane.dataEndsStream) return;
  out.frame({ kind: "end", stream, endNs: last.timeNs });
}

/** A piece of a skipped payload: a body may be wanted by an overlay. */
export function passing(piece: PassedPiece, side: Side, state: Http2State): void {
  const lane = laneOf(state, side);
  if (lane.dataStream === 0) return;
  const length = piece.end - piece.start;
  const body = Math.max(0, Math.min(length, lane.dataLeft - lane.dataPadding));
  lane.dataLeft -= length;
  showBody(state.streams.get(lane.dataStream), side, { ...piece, end: piece.start + body });
}

export function ended(side: Side, _state: Http2State, last: Moment, out: Sink): void {
  if (side === "response") out.frame({ kind: "silence", endNs: last.timeNs });
}

/** RFC 9113 section 6.1. */
function parseData(view: StreamView, side: Side, state: Http2State, out: Sink): number {
  const { bytes, start, end } = view;
  const lane = laneOf(state, side);
  const isPadded = (head.flags & Flag.padded) !== 0;
  if (isPadded && end - start <= HEAD_BYTES) return 0;
  const padding = isPadded ? (bytes[start + HEAD_BYTES] ?? 0) : 0;
  const from = start + HEAD_BYTES + (isPadded ? 1 : 0);
  const left = head.length - (from - start - HEAD_BYTES);
  if (left < padding) return ParseError.malformed;
  lane.counts.data++;
  if (side === "response" && state.streamsInDoubt > 0) showsItself(state, head.stream);
  const until = Math.min(end, from + left);
  const bodyEnd = Math.min(until, from + left - padding);
  const timeNs = view.timeAt(Math.min(from, end - 1));
  showBody(state.streams.get(head.stream), side, { bytes, start: from, end: bodyEnd, timeNs });
  const isEnd = (head.flags & Flag.endStream) !== 0;
  if (until === from + left) {
    if (isEnd) out.frame({ kind: "end", stream: head.stream, endNs: view.timeAt(until - 1) });
    return until - start;
  }
  lane.dataStream = head.stream;
  lane.dataEndsStream = isEnd;
  lane.dataPadding = padding;
  lane.dataLeft = from + left - until;
  out.skip(lane.dataLeft);
  return until - start;
}

/** HEADERS, PUSH_PROMISE and CONTINUATION (RFC 9113 sections 6.2, 6.6 and 6.10). */
function parseBlock(view: StreamView, lane: Lane, out: Sink): number {
  const { bytes, start, end } = view;
  const behind = start + HEAD_BYTES + head.length;
  if (head.length > http2Limits.blockBytesMax) return parseLongBlock(view, lane, out);
  if (behind > end) return 0;
  if (!readFragment(bytes, start + HEAD_BYTES, head, fragment)) return ParseError.malformed;
  const endNs = view.timeAt(behind - 1);
  if (head.type !== FrameType.continuation) {
    const block = openBlock(view, head);
    if (head.flags & Flag.endHeaders) {
      tell(block, readBlock(lane.hpack, bytes, fragment), endNs, out);
      lane.counts.headers++;
      return behind - start;
    }
    lane.block = block;
  }
  if (lane.block !== undefined) addFragment(lane.block, bytes, fragment);
  if (head.flags & Flag.endHeaders) endBlock(lane, endNs, out);
  return behind - start;
}

/** A frame that is longer than any block that is read: what it says is unknown. */
function parseLongBlock(view: StreamView, lane: Lane, out: Sink): number {
  lane.block ??= openBlock(view, head);
  loseBlock(lane.block);
  const consumed = passPayload(view, out);
  const endNs = view.timeAt(view.start + consumed - 1);
  if (head.flags & Flag.endHeaders) endBlock(lane, endNs, out);
  return consumed;
}

function endBlock(lane: Lane, endNs: number, out: Sink): void {
  const { block } = lane;
  lane.block = undefined;
  if (block === undefined) return;
  lane.counts.headers++;
  tell(block, readKeptBlock(lane.hpack, block), endNs, out);
}

/** A pushed answer is no answer to a request. */
function tell(block: OpenBlock, fields: FieldBlock, endNs: number, out: Sink): void {
  if (block.isPushed) return;
  const { stream, endsStream, startNs, tid, eventLoop } = block;
  out.frame({ kind: "headers", stream, endsStream, startNs, tid, eventLoop, endNs, fields });
}

/** RST_STREAM and GOAWAY (RFC 9113 sections 6.4 and 6.8). */
function parseEnding(view: StreamView, lane: Lane, out: Sink): number {
  const { bytes, start, end } = view;
  const needed = head.type === FrameType.goAway ? 8 : 4;
  const payload = start + HEAD_BYTES;
  if (end < payload + needed) return 0;
  lane.counts.other++;
  const word = uint32BE(bytes, payload);
  const endNs = view.timeAt(payload + needed - 1);
  if (head.type === FrameType.goAway) {
    out.frame({ kind: "goaway", lastStream: word & 0x7fff_ffff, endNs });
  } else out.frame({ kind: "reset", stream: head.stream, code: word, endNs });
  return passPayload(view, out);
}

/** Flow control, priorities and settings decide nothing that is told. */
function passFrame(view: StreamView, lane: Lane, out: Sink): number {
  const { counts } = lane;
  if (head.type === FrameType.windowUpdate) counts.windowUpdate++;
  else if (head.type === FrameType.priority) counts.priority++;
  else if (head.type === FrameType.settings) counts.settings++;
  else if (head.type === FrameType.ping) counts.ping++;
  else counts.other++;
  return passPayload(view, out);
}

function passPayload(view: StreamView, out: Sink): number {
  const behind = view.start + HEAD_BYTES + head.length;
  if (behind > view.end) out.skip(behind - view.end);
  return Math.min(behind, view.end) - view.start;
}
