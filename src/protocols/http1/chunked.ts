/**
 * The chunked transfer coding (RFC 9112 section 7.1), passed over and not decoded. Invariant: chunk
 * data is only shown to an overlay that asks for it; its length alone moves the position.
 */
import { type FrameSink, ParseError, type StreamView } from "../contract.ts";
import { showBody } from "./body.ts";
import { http1Limits } from "./limits.ts";
import { CR, hexDigitOf, isBlank, LF, SEMICOLON } from "./syntax.ts";
import { noteTrailer, tellTrailers } from "./trailers.ts";
import { type Http1Frame, type Lane, Phase } from "./types.ts";

/**
 * Goes on with a chunked body from `from`. Gives the index up to which bytes are used up: equal to
 * `from` when more are needed. lane.phase is `head` when the body has ended there; chunkSkip when
 * `out` was asked to skip the chunk data that is not in the range. Negative = ParseError, and
 * nothing was used up: an error behind the first chunk is found again from there.
 */
export function walkChunks(
  view: StreamView,
  from: number,
  lane: Lane,
  out: FrameSink<Http1Frame>,
): number {
  const { bytes, end } = view;
  let position = from;
  while (position < end) {
    const lineFeed = bytes.indexOf(LF, position);
    if (lineFeed < 0 || lineFeed >= end) {
      const waits = end - position <= http1Limits.chunkLineBytesMax;
      return waits || position > from ? position : ParseError.tooLarge;
    }
    if (lane.phase === Phase.trailers) {
      const blank = lineFeed === position || (lineFeed === position + 1 && bytes[position] === CR);
      if (!blank) noteTrailer(bytes, position, lineFeed, lane);
      position = lineFeed + 1;
      if (blank) {
        lane.phase = Phase.head;
        tellTrailers(lane);
        return position;
      }
      lane.trailerLines++;
      if (lane.trailerLines > http1Limits.fieldLinesMax) return ParseError.tooLarge;
      continue;
    }
    const size = chunkSizeOf(bytes, position, lineFeed);
    if (size < 0) return position > from ? position : size;
    const line = position;
    position = lineFeed + 1;
    if (size === 0) {
      lane.phase = Phase.trailers;
      lane.trailerLines = 0;
      lane.trailers = undefined;
      continue;
    }
    const behind = behindChunk(view, position, size);
    if (behind < 0) return line > from ? line : behind;
    if (behind === 0) {
      lane.phase = Phase.chunkSkip;
      lane.bodyLeft = size;
      out.skip(size + 2);
      return position;
    }
    if (lane.call !== undefined) {
      const timeNs = view.timeAt(position);
      showBody(lane, { bytes, start: position, end: position + size, timeNs });
    }
    position = behind;
  }
  return position;
}

/** chunk-size of the line bytes[start..lineFeed]; extensions are passed over. */
function chunkSizeOf(bytes: Uint8Array, start: number, lineFeed: number): number {
  let size = 0;
  let index = start;
  for (; index < lineFeed; index++) {
    const digit = hexDigitOf(bytes[index] ?? 0);
    if (digit < 0) break;
    size = size * 16 + digit;
  }
  if (index === start || size > Number.MAX_SAFE_INTEGER - 2) return ParseError.malformed;
  while (index < lineFeed && isBlank(bytes[index] ?? 0)) index++;
  return index === lineFeed || bytes[index] === SEMICOLON ? size : ParseError.malformed;
}

/** Index behind the data and its line end; 0 = not all of it is in the range; < 0 = ParseError. */
function behindChunk(view: StreamView, data: number, size: number): number {
  const { bytes, end } = view;
  const dataEnd = data + size;
  if (dataEnd >= end) return 0;
  if (bytes[dataEnd] === LF) return dataEnd + 1;
  if (bytes[dataEnd] !== CR) return ParseError.malformed;
  if (dataEnd + 1 >= end) return 0;
  return bytes[dataEnd + 1] === LF ? dataEnd + 2 : ParseError.malformed;
}
