/**
 * zlib, Brotli and Zstandard with a bound. Invariant: nothing throws on content, and the output
 * never takes more memory than asked for, however well the input claims to compress.
 */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";

/** What one byte of deflated input becomes at most (zlib's "Maximum Compression Factor"). */
const DEFLATE_FACTOR_MAX = 1032;
/** zlib's header, and the checksum at the end. */
const ZLIB_HEADER_BYTES = 2;

/**
 * What `input`, a zlib stream, holds; undefined when that is more than `max` bytes, or no such
 * stream. An input that is cut off gives its beginning.
 */
export function inflated(input: Uint8Array, max: number): Uint8Array | undefined {
  const [method = 0, flags = 0] = input;
  if ((method & 0x0f) !== 8 || ((method << 8) | flags) % 31 !== 0) return undefined;
  // The quick way has no bound of its own: only what cannot grow beyond `max` takes it.
  if (input.length * DEFLATE_FACTOR_MAX <= max) {
    try {
      return Bun.inflateSync(input.slice(ZLIB_HEADER_BYTES));
    } catch {
      // It knows no cut-off input; the other way does.
    }
  }
  try {
    const finishFlush = constants.Z_SYNC_FLUSH;
    return inflateSync(input, { maxOutputLength: max, finishFlush });
  } catch {
    return undefined;
  }
}

/** What `input`, a Zstandard frame, holds; undefined when more than `max` bytes, or no frame. */
export function unzstd(input: Uint8Array, max: number): Uint8Array | undefined {
  try {
    return zstdDecompressSync(input, { maxOutputLength: max });
  } catch {
    return undefined;
  }
}

/**
 * What `input` holds by an HTTP content coding (gzip, deflate, br, zstd); undefined when that is
 * more than `max` bytes, another coding, or malformed. Of gzip, deflate and br an input that is cut
 * off gives its beginning.
 */
export function decoded(coding: string, input: Uint8Array, max: number): Uint8Array | undefined {
  const options = { maxOutputLength: max, finishFlush: constants.Z_SYNC_FLUSH };
  try {
    switch (coding) {
      case "gzip":
      case "x-gzip":
        return gunzipSync(input, options);
      case "deflate":
        // RFC 9110 section 8.4.1.2: some senders leave the zlib wrapper out.
        return ((input[0] ?? 0) & 0x0f) === 8
          ? inflateSync(input, options)
          : inflateRawSync(input, options);
      case "br":
        return brotliDecompressSync(input, {
          maxOutputLength: max,
          finishFlush: constants.BROTLI_OPERATION_FLUSH,
        });
      case "zstd":
        return unzstd(input, max);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
