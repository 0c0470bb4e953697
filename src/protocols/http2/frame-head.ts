/**
 * The nine bytes before a frame's payload (RFC 9113 section 4.1). Invariant: no byte is looked at
 * that the caller has not said to be there.
 */
import { uint32BE } from "../../lib/bytes.ts";

/** RFC 9113 section 6. */
export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

const STREAM_MASK = 0x7fff_ffff;

/** What the last head that was read said; valid until the next one is read. */
export interface FrameHead {
  length: number;
  type: number;
  flags: number;
  stream: number;
}

export function createFrameHead(): FrameHead {
  return { length: 0, type: 0, flags: 0, stream: 0 };
}

/** Reads bytes[start..start + 9). */
export function readFrameHead(bytes: Uint8Array, start: number, head: FrameHead): void {
  const word = uint32BE(bytes, start);
  head.length = word >>> 8;
  head.type = word & 0xff;
  head.flags = bytes[start + 4] ?? 0;
  head.stream = uint32BE(bytes, start + 5) & STREAM_MASK;
}

/** A frame of an unknown type that is longer is none. */
const UNKNOWN_BYTES_MAX = 64 * 1024;

/** Lengths and streams that the specification fixes; a frame of an unknown type may have any. */
export function isValidHead({ length, type, flags, stream }: FrameHead): boolean {
  switch (type) {
    case FrameType.data:
    case FrameType.headers:
    case FrameType.continuation:
      return stream !== 0;
    case FrameType.priority:
      return stream !== 0 && length === 5;
    case FrameType.rstStream:
      return stream !== 0 && length === 4;
    case FrameType.settings:
      return stream === 0 && (flags & Flag.ack ? length === 0 : length % 6 === 0);
    case FrameType.pushPromise:
      return stream !== 0 && length >= 4;
    case FrameType.ping:
      return stream === 0 && length === 8;
    case FrameType.goAway:
      return stream === 0 && length >= 8;
    case FrameType.windowUpdate:
      return length === 4;
    default:
      return length <= UNKNOWN_BYTES_MAX;
  }
}

/** RFC 9113 section 7. */
const ERROR_CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** RFC 9113 section 7: an unknown code is treated like INTERNAL_ERROR. */
export function errorCodeName(code: number): string {
  return ERROR_CODES[code] ?? "INTERNAL_ERROR";
}

export function isKnownErrorCode(code: number): boolean {
  return code < ERROR_CODES.length;
}

/** The client's first bytes (RFC 9113 section 3.4). */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Whether the preface stands at start: "more" = as far as there are bytes. */
export function prefaceAt(bytes: Uint8Array, start: number, end: number): "yes" | "no" | "more" {
  const seen = Math.min(end - start, PREFACE.length);
  for (let index = 0; index < seen; index++) {
    if (bytes[start + index] !== PREFACE.charCodeAt(index)) return "no";
  }
  return seen === PREFACE.length ? "yes" : "more";
}
