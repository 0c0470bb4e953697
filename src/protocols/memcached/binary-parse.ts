/**
 * Packets of the binary protocol → frames. Invariant: of a packet nothing is kept but its header
 * and its key; extras and values are skipped and need not be captured.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { keyText } from "../../lib/key-text.ts";
import type { Side } from "../../model/connection.ts";
import {
  type FrameSink,
  type Moment,
  ParseError,
  type ParseStatus,
  type StreamView,
} from "../contract.ts";
import type { BinaryFrame, BinaryReply, BinaryRequest, BinaryState } from "./binary-types.ts";
import { HEADER_BYTES, type Header, headerAt, isConsistent, Magic } from "./header.ts";
import { memcachedLimits } from "./limits.ts";
import { Opcode, operationOf, Status } from "./opcodes.ts";

type Sink = FrameSink<BinaryFrame>;

export function parse(view: StreamView, side: Side, state: BinaryState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (bytes[start] !== Magic[side]) return ParseError.malformed;
  if (end - start < HEADER_BYTES) return 0;
  const header = headerAt(bytes, start);
  if (!isConsistent(header)) return ParseError.malformed;
  // A longer key than the server takes is not read.
  const isKeyRead = header.keyBytes <= memcachedLimits.keyBytesMax;
  const read = HEADER_BYTES + (isKeyRead ? header.extrasBytes + header.keyBytes : 0);
  if (end - start < read) return 0;
  const rest = HEADER_BYTES + header.bodyBytes - read;
  const keyEnd = start + read;
  const key = { start: keyEnd - (isKeyRead ? header.keyBytes : 0), end: keyEnd };
  if (side === "request") state.passing.request = requestOf(view, header, key);
  else state.passing.response = replyOf(view, header, key);
  if (rest > 0) out.skip(rest);
  else {
    const last = keyEnd - 1;
    skipped(side, state, { timeNs: view.timeAt(last), tid: view.tidAt(last) }, out);
  }
  return read;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function requestOf(view: StreamView, header: Header, key: Range): BinaryRequest {
  const { bytes, start } = view;
  const { opcode, opaque, keyBytes } = header;
  const operation = operationOf(opcode);
  const name = nameOf(opcode);
  const isLong = keyBytes > key.end - key.start;
  const shown = isLong ? "?" : keyText(bytes, key.start, key.end);
  const hasKey = operation?.hasKey === true && keyBytes > 0;
  return {
    side: "request",
    ...{ opcode, operation, opaque },
    key: operation?.repeatsKey === true ? latin1Of(bytes, key.start, key.end) : "",
    text: hasKey ? `${name} ${shown}` : name,
    startNs: view.timeAt(start),
    endNs: 0,
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
  };
}

export function nameOf(opcode: number): string {
  return operationOf(opcode)?.name ?? `0x${opcode.toString(16).padStart(2, "0")}`;
}

function replyOf(view: StreamView, header: Header, key: Range): BinaryReply | undefined {
  const { opcode, opaque, status, bodyBytes } = header;
  // One packet for each value, and an empty one behind them (section 4.8).
  if (opcode === Opcode.stat && status === Status.none && bodyBytes > 0) return undefined;
  const text = latin1Of(view.bytes, key.start, key.end);
  return { side: "response", ...{ opcode, opaque, status }, key: text, endNs: 0, tid: 0 };
}

/** The packet has passed as a whole. */
export function skipped(side: Side, state: BinaryState, last: Moment, out: Sink): void {
  if (side === "request") {
    const frame = state.passing.request;
    state.passing.request = undefined;
    if (frame === undefined) return;
    frame.endNs = last.timeNs;
    out.frame(frame);
    return;
  }
  const frame = state.passing.response;
  state.passing.response = undefined;
  state.statBegun = frame === undefined;
  if (frame === undefined) return;
  frame.endNs = last.timeNs;
  frame.tid = last.tid;
  out.frame(frame);
}

export function ended(side: Side, _state: BinaryState, _last: Moment, out: Sink): void {
  if (side === "response") out.frame({ side: "end" });
}
