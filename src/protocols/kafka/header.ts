/**
 * The head of a request: size, API key, version, correlation id, client id, and tagged fields in
 * the flexible versions (request headers 1 and 2). Invariant: a size is used only when it lies
 * between what a header needs and kafkaLimits.
 */
import { checkedLength, uint16BE, uint32BE } from "../../lib/bytes.ts";
import { apis, isFlexible } from "./apis.ts";
import { type Cursor, passTags } from "./decode.ts";
import { kafkaLimits } from "./limits.ts";
import { nameOf } from "./text.ts";

export const SIZE_BYTES = 4;
/** Size, key, version, correlation id, length of the client id. */
export const HEAD_BYTES = 14;
const KEY_AT = 4;
const VERSION_AT = 6;
const CORRELATION_AT = 8;
const CLIENT_AT = 12;
const REQUEST_BYTES_MIN = HEAD_BYTES - SIZE_BYTES;
const RESPONSE_BYTES_MIN = 4;
const SPACE = 0x20;
const DELETE = 0x7f;

export interface RequestHead {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  readonly clientId: string | undefined;
  /** Stands at the body's first byte. */
  readonly cursor: Cursor;
}

/** Bytes of the whole request frame with its size field; -1 = that is no size. */
export function requestFrameBytes(bytes: Uint8Array, at: number): number {
  const size = uint32BE(bytes, at);
  const checked = checkedLength(size, REQUEST_BYTES_MIN, kafkaLimits.requestBytesMax);
  return checked < 0 ? -1 : SIZE_BYTES + checked;
}

export function responseFrameBytes(bytes: Uint8Array, at: number): number {
  const size = uint32BE(bytes, at);
  const checked = checkedLength(size, RESPONSE_BYTES_MIN, kafkaLimits.responseBytesMax);
  return checked < 0 ? -1 : SIZE_BYTES + checked;
}

/** Whether the frame at `at`, of which the first 14 bytes are here, may be a request. */
export function isRequestHead(bytes: Uint8Array, at: number): boolean {
  const api = apis[uint16BE(bytes, at + KEY_AT)];
  if (api === undefined) return false;
  if (uint16BE(bytes, at + VERSION_AT) > api.versionMax + kafkaLimits.newerVersionsMax)
    return false;
  return (bytes[at + CORRELATION_AT] ?? 0) < 0x80 && requestFrameBytes(bytes, at) > 0;
}

/** A size or a correlation id. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return uint32BE(bytes, at);
}

/**
 * The head of the frame at `at`, of which bytes up to `end` are here; the caller has asked
 * isRequestHead(). "short": more bytes are needed; "malformed": it is no request.
 */
export function readRequestHead(
  bytes: Uint8Array,
  at: number,
  end: number,
): RequestHead | "short" | "malformed" {
  const limit = at + requestFrameBytes(bytes, at);
  const key = uint16BE(bytes, at + KEY_AT);
  const version = uint16BE(bytes, at + VERSION_AT);
  const clientBytes = (uint16BE(bytes, at + CLIENT_AT) << 16) >> 16;
  const clientEnd = at + HEAD_BYTES + Math.max(clientBytes, 0);
  if (clientBytes < -1 || clientEnd > limit) return "malformed";
  if (!isPlain(bytes, at + HEAD_BYTES, Math.min(clientEnd, end))) return "malformed";
  if (clientEnd > end) return "short";
  const kept = Math.min(clientEnd, at + HEAD_BYTES + kafkaLimits.nameBytesMax);
  const clientId = clientBytes > 0 ? nameOf(bytes, at + HEAD_BYTES, kept) : undefined;
  const cursor = { bytes, position: clientEnd, end: Math.min(end, limit), limit };
  if (isFlexible(key, version)) {
    const passed = passTags(cursor);
    if (passed !== "ok") return passed === "short" ? "short" : "malformed";
  }
  const correlation = numberAt(bytes, at + CORRELATION_AT);
  return { key, version, correlation, clientId, cursor };
}

/** No control characters: what a program calls itself. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < SPACE || byte === DELETE) return false;
  }
  return true;
}
