import { latin1Of, textOf } from "../../lib/bytes.ts";

/** UTF-8 text of bytes[start..end); ASCII, as nearly every name is, at a lower cost. */
export function nameOf(bytes: Uint8Array, start: number, end: number): string {
  for (let index = start; index < end; index++) {
    if ((bytes[index] ?? 0) >= 0x80) return textOf(bytes, start, end);
  }
  return latin1Of(bytes, start, end);
}
