/**
 * Recognises the binary protocol by a packet's header. Invariant: it has exactly the form of one of
 * its operation; where a packet may begin after a loss, another one follows, or a call begins.
 */
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import type { BinaryState } from "./binary-types.ts";
import { HEADER_BYTES, headerAt, isShape, Magic } from "./header.ts";
import { operationOf } from "./opcodes.ts";

/** Of a key's length, which is at most 250 bytes. */
const KEY_LENGTH_HIGH = 0;

export function detect({ bytes, start, end }: StreamView): Detection {
  const magic = bytes[start];
  if (magic !== Magic.request && magic !== Magic.response) return end > start ? "no" : "more";
  if (end - start > 1 && operationOf(bytes[start + 1] ?? 0) === undefined) return "no";
  // A short frame of WebSocket begins alike, and may be the last one.
  if (end - start > 2 && bytes[start + 2] !== KEY_LENGTH_HIGH) return "no";
  if (end - start < HEADER_BYTES) return "more";
  const side = magic === Magic.request ? "request" : "response";
  return isShape(headerAt(bytes, start), side) ? side : "no";
}

/** First index at which a packet can begin after a loss. */
export function resync(view: StreamView, side: Side, state: BinaryState): number {
  const { bytes, start, end } = view;
  const last = end - HEADER_BYTES;
  for (let index = bytes.indexOf(Magic[side], start); index >= 0 && index <= last; ) {
    const header = headerAt(bytes, index);
    if (isShape(header, side)) {
      const next = index + HEADER_BYTES + header.bodyBytes;
      // The head of what a call has moved needs no second packet as a witness.
      if (index === start || isPacket(view, next, side)) return index;
    }
    index = bytes.indexOf(Magic[side], index + 1);
  }
  if (side === "response") state.answerDropped = true;
  return -1;
}

function isPacket({ bytes, end }: StreamView, at: number, side: Side): boolean {
  if (at + HEADER_BYTES > end || bytes[at] !== Magic[side]) return false;
  return isShape(headerAt(bytes, at), side);
}
