/**
 * Frames (AMQP 0-9-1, section 4.2.3): type, channel, size of the payload, payload, end octet.
 * Invariant: a size is used only after it was compared with a maximum.
 */
import { checkedLength, uint16BE, uint32BE } from "../../lib/bytes.ts";

export const FrameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const HEADER_BYTES = 7;
export const END_OCTET = 0xce;

/** "AMQP", 0, 0, 9, 1: what a client sends first, and a server that wants another version. */
export const PROTOCOL_HEADER = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1);

/** Bytes of the whole frame that begins here, whose first HEADER_BYTES are here; -1 = none does. */
export function frameBytes(bytes: Uint8Array, start: number, payloadBytesMax: number): number {
  const type = bytes[start] ?? 0;
  const channel = uint16BE(bytes, start + 1);
  const size = uint32BE(bytes, start + 3);
  const [min, max] = bounds(type, channel, payloadBytesMax);
  const checked = checkedLength(size, min, max);
  return checked < 0 ? -1 : HEADER_BYTES + checked + 1;
}

const nothing = [1, 0] as const;

/** A heartbeat is empty and of no channel; contents belong to one. */
function bounds(type: number, channel: number, max: number): readonly [number, number] {
  if (type === FrameType.method) return [4, max];
  if (type === FrameType.heartbeat) return channel === 0 ? [0, 0] : nothing;
  if (channel === 0) return nothing;
  if (type === FrameType.header) return [14, max];
  return type === FrameType.body ? [1, max] : nothing;
}

/** How many bytes of the protocol header stand at the head; -1 = something else does. */
export function protocolHeaderBytes(bytes: Uint8Array, start: number, end: number): number {
  const length = Math.min(PROTOCOL_HEADER.length, end - start);
  for (let index = 0; index < length; index++) {
    if (bytes[start + index] !== PROTOCOL_HEADER[index]) return -1;
  }
  return length;
}
