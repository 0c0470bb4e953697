/**
 * Fields behind a chunked body (RFC 9112 section 7.1.2), for the overlay whose call it is.
 * Invariant: only fields that the overlay has asked for are kept, of each its first value.
 */
import { http1Limits } from "./limits.ts";
import { COLON, CR, decodeText, isBlank } from "./syntax.ts";
import type { Lane } from "./types.ts";

/** A field line of the trailer section: bytes[start..lineFeed). */
export function noteTrailer(bytes: Uint8Array, start: number, lineFeed: number, lane: Lane): void {
  const { call } = lane;
  if (call?.trailers === undefined || lineFeed - start > http1Limits.chunkLineBytesMax) return;
  const colon = bytes.indexOf(COLON, start);
  if (colon < 0 || colon >= lineFeed) return;
  const name = decodeText(bytes, start, colon).toLowerCase();
  if (!call.overlay.fields.includes(name)) return;
  let from = colon + 1;
  let to = bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
  while (from < to && isBlank(bytes[from] ?? 0)) from++;
  while (to > from && isBlank(bytes[to - 1] ?? 0)) to--;
  lane.trailers ??= new Map();
  if (!lane.trailers.has(name)) lane.trailers.set(name, decodeText(bytes, from, to));
}

/** The trailer section is over. */
export function tellTrailers(lane: Lane): void {
  const { call, side, trailers } = lane;
  lane.trailers = undefined;
  if (trailers === undefined) return;
  call?.trailers?.(side, { hasUnknown: false, field: (name) => trailers.get(name) });
}
