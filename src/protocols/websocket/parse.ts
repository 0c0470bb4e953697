/**
 * Frames of WebSocket (RFC 6455 section 5.2). Invariant: payloads are passed over and never
 * unmasked, but for the two bytes of a close code; compressed ones (RFC 7692) are not inflated.
 */
import type { Side } from "../../model/connection.ts";
import { type FrameSink, type Moment, ParseError, type StreamView } from "../contract.ts";
import type { WebSocketFrame, WebSocketState } from "./types.ts";

type Sink = FrameSink<WebSocketFrame>;

const FIN = 0x80;
/** RSV1 marks what permessage-deflate has compressed; the others belong to no known extension. */
const RESERVED = 0x30;
const CONTROL = 0x08;
const OPCODE = 0x0f;
const CLOSE = 0x8;
const PONG = 0xa;
const BINARY = 0x2;
const MASKED = 0x80;
const MASK_BYTES = 4;
const CONTROL_BYTES_MAX = 125;
/** RFC 6455 section 7.4.1: a close frame without a code. */
const NO_CODE = 1005;

/** At most one frame; its payload is consumed as far as it stands in the view, the rest skipped. */
export function parse(view: StreamView, side: Side, _state: WebSocketState, out: Sink): number {
  const { bytes, start, end } = view;
  if (end - start < 2) return 0;
  const first = bytes[start] ?? 0;
  const second = bytes[start + 1] ?? 0;
  const opcode = first & OPCODE;
  const isMasked = (second & MASKED) !== 0;
  // RFC 6455 section 5.1: what a client sends is masked, what a server sends is not.
  if ((first & RESERVED) !== 0 || isMasked !== (side === "request")) return ParseError.malformed;
  const isControl = (opcode & CONTROL) !== 0;
  if (isControl ? opcode > PONG || (first & FIN) === 0 : opcode > BINARY) {
    return ParseError.malformed;
  }
  const short = second & 0x7f;
  if (isControl && short > CONTROL_BYTES_MAX) return ParseError.malformed;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const head = 2 + lengthBytes + (isMasked ? MASK_BYTES : 0);
  const codeBytes = opcode === CLOSE && short >= 2 ? 2 : 0;
  if (opcode === CLOSE && short === 1) return ParseError.malformed;
  if (end - start < head + codeBytes) return 0;
  const length = lengthBytes === 0 ? short : lengthOf(bytes, start + 2, lengthBytes);
  if (length > Number.MAX_SAFE_INTEGER) return ParseError.malformed;
  const behind = start + head + length;
  if (behind > end) out.skip(behind - end);
  const consumed = Math.min(behind, end) - start;
  out.frame({
    kind: opcode === CLOSE ? "close" : isControl ? "control" : opcode === 0 ? "part" : "message",
    timeNs: view.timeAt(start + consumed - 1),
    closeCode: codeBytes === 0 ? NO_CODE : closeCodeOf(bytes, start + head, isMasked),
  });
  return consumed;
}

function lengthOf(bytes: Uint8Array, start: number, count: number): number {
  let length = 0;
  for (let index = start; index < start + count; index++) {
    length = length * 256 + (bytes[index] ?? 0);
  }
  return length;
}

function closeCodeOf(bytes: Uint8Array, start: number, isMasked: boolean): number {
  const high = (bytes[start] ?? 0) ^ (isMasked ? (bytes[start - 4] ?? 0) : 0);
  const low = (bytes[start + 1] ?? 0) ^ (isMasked ? (bytes[start - 3] ?? 0) : 0);
  return high * 256 + low;
}

export function ended(_side: Side, _state: WebSocketState, last: Moment, out: Sink): void {
  out.frame({ kind: "end", timeNs: last.timeNs, closeCode: 0 });
}
