/**
 * Bytes of one message → HookMessage. Invariant: never throws and never reads past `end`, whatever
 * the bytes are; a sender that knows only the eight original types and leaves the reserved fields
 * zero is understood.
 */
import { limits } from "../limits.ts";
import { type HookMessage, MessageType } from "../model/message.ts";
import type { DropReason } from "../self/drops.ts";
import { HEADER_BYTES, headerOffset } from "./layout.ts";

const TWO_32 = 2 ** 32;
const NO_BYTES = new Uint8Array(0);

function isKnown(type: number): boolean {
  return (
    (type >= MessageType.connect && type <= MessageType.logWrite) ||
    (type >= MessageType.process && type <= MessageType.datagramIn)
  );
}

/**
 * Decodes the message that begins at `start`; bytes after its payload are padding. `view` covers
 * the same memory as `bytes`, so that it can be made once for many messages. The payload is a
 * subarray: it lives as long as `bytes` keeps its content.
 */
export function decodeMessage(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): HookMessage | DropReason {
  if (start < 0 || end > bytes.length || end - start < HEADER_BYTES) return "message_malformed";
  const type = view.getUint8(start);
  if (!isKnown(type)) return "message_unknown_type";
  const payloadLength = view.getUint32(start + headerOffset.payloadLength, true);
  if (payloadLength > limits.payloadBytesMax) return "message_malformed";
  if (payloadLength > end - start - HEADER_BYTES) return "message_malformed";
  const wireLength = view.getUint32(start + headerOffset.wireLength, true);
  if (wireLength !== 0 && wireLength < payloadLength) return "message_malformed";
  const payloadStart = start + HEADER_BYTES;
  return {
    type,
    flags: view.getUint8(start + headerOffset.flags),
    sequence: view.getUint16(start + headerOffset.sequence, true),
    pid: view.getUint32(start + headerOffset.pid, true),
    tid: view.getUint32(start + headerOffset.tid, true),
    fd: view.getInt32(start + headerOffset.fd, true),
    wireLength: wireLength === 0 ? payloadLength : wireLength,
    timeNs:
      view.getUint32(start + headerOffset.timestamp + 4, true) * TWO_32 +
      view.getUint32(start + headerOffset.timestamp, true),
    payload:
      payloadLength === 0 ? NO_BYTES : bytes.subarray(payloadStart, payloadStart + payloadLength),
  };
}
