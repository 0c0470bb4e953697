/** Frames and field blocks as a test writes them down; no test of the code that reads them. */
import { Flag, FrameType, PREFACE } from "./frame-head.ts";

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export interface FrameParts {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
}

export function frame({ type, flags = 0, stream = 0, payload = ascii("") }: FrameParts) {
  const { length } = payload;
  const head = [length >> 16, length >> 8, length, type, flags];
  const id = [stream >>> 24, stream >>> 16, stream >>> 8, stream];
  return joined([Uint8Array.from([...head, ...id]), payload]);
}

export const preface = ascii(PREFACE);
export const settings = frame({
  type: FrameType.settings,
  payload: Uint8Array.of(0, 3, 0, 0, 0, 100),
});
export const settingsAck = frame({ type: FrameType.settings, flags: Flag.ack });

/** RFC 7541 section 5.1, the flags of the first byte beside the prefix. */
export function integer(value: number, prefixBits: number, flags: number): Uint8Array {
  const most = (1 << prefixBits) - 1;
  if (value < most) return Uint8Array.of(flags | value);
  const bytes = [flags | most];
  let rest = value - most;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

export function text(value: string): Uint8Array {
  return joined([integer(value.length, 7, 0), ascii(value)]);
}

/** An indexed field. */
export const indexed = (index: number): Uint8Array => integer(index, 7, 0x80);
/** A literal that enters the dynamic table; its name by index or as text. */
export const inserted = (name: number | string, value: string): Uint8Array =>
  literal(name, value, 6, 0x40);
/** A literal that does not. */
export const passing = (name: number | string, value: string): Uint8Array =>
  literal(name, value, 4, 0);
export const resized = (size: number): Uint8Array => integer(size, 5, 0x20);

function literal(name: number | string, value: string, bits: number, flags: number): Uint8Array {
  const named =
    typeof name === "number"
      ? integer(name, bits, flags)
      : joined([Uint8Array.of(flags), text(name)]);
  return joined([named, text(value)]);
}

const { endStream, endHeaders } = Flag;

export function headers(stream: number, fields: readonly Uint8Array[], flags: number = endStream) {
  const payload = joined(fields);
  return frame({ type: FrameType.headers, flags: endHeaders | flags, stream, payload });
}

export function data(stream: number, payload: Uint8Array, flags: number = endStream) {
  return frame({ type: FrameType.data, flags, stream, payload });
}

/** Indexes of the static table (RFC 7541 appendix A). */
export const Static = {
  authority: 1,
  get: 2,
  post: 3,
  path: 4,
  http: 6,
  status: 8,
  ok: 8,
  notFound: 13,
  contentType: 31,
} as const;

export function get(stream: number, path: string): Uint8Array {
  const names = [indexed(Static.get), indexed(Static.http), passing(Static.authority, "a.test")];
  return headers(stream, [...names, passing(Static.path, path)]);
}
