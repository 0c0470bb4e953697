/**
 * The body of an envelope, decompressed if need be, behind what may stand at its head ("CQL binary
 * protocol", section 2.2: tracing id, warnings, custom payload). Invariant: no more than
 * cassandraLimits.windowBytes come out of a compressed body.
 */
import { uint32BE } from "../../lib/bytes.ts";
import { lz4Prefix } from "../../lib/lz4.ts";
import { snappyPrefix } from "../../lib/snappy.ts";
import { cassandraLimits } from "./limits.ts";
import { Flag, type Header } from "./messages.ts";
import { BodyReader } from "./reader.ts";
import type { Plain } from "./segments.ts";
import type { CassandraState } from "./types.ts";

const UUID_BYTES = 16;

/** The body [start, end) of which [start, seen) is there; undefined when it cannot be read. */
export function bodyOf(
  { version, flags }: Header,
  body: Plain,
  compression: CassandraState["compression"],
): Plain | undefined {
  if (version >= 5 || (flags & Flag.compressed) === 0) return body;
  // A connection joined in the middle: each way says a length, which only one of them keeps.
  if (compression === "lz4") return byLz4(body);
  if (compression === "snappy") return bySnappy(body);
  return byLz4(body) ?? bySnappy(body);
}

/** The uncompressed length in front, then a block. */
function byLz4({ bytes, start, seen, end }: Plain): Plain | undefined {
  if (seen - start < 4) return undefined;
  const size = uint32BE(bytes, start);
  if (size > cassandraLimits.bodyBytesMax) return undefined;
  if (size === 0) return { bytes, start: seen, seen, end: seen };
  const whole = seen === end;
  const wanted = Math.min(size, cassandraLimits.windowBytes);
  const out = lz4Prefix(bytes, { start: start + 4, end: seen, whole }, wanted);
  return out === undefined ? undefined : { bytes: out, start: 0, seen: out.length, end: size };
}

function bySnappy({ bytes, start, seen, end }: Plain): Plain | undefined {
  const whole = seen === end;
  const out = snappyPrefix(bytes, { start, end: seen, whole }, cassandraLimits.windowBytes);
  return out === undefined
    ? undefined
    : { bytes: out, start: 0, seen: out.length, end: out.length };
}

const reader = new BodyReader();

/** The head of a body, and a reader that stands behind it. */
export function openBody(
  { flags }: Header,
  body: Plain,
  side: "request" | "response",
): { readonly reader: BodyReader; readonly warnings: number } {
  reader.open(body.bytes, body.start, body.seen);
  let warnings = 0;
  if (side === "response") {
    if ((flags & Flag.tracing) !== 0) reader.skip(UUID_BYTES);
    if ((flags & Flag.warning) !== 0) {
      warnings = reader.short();
      for (let item = 0; item < warnings && reader.ok; item++) reader.skipString();
    }
  }
  if ((flags & Flag.customPayload) !== 0) {
    const items = reader.short();
    for (let item = 0; item < items && reader.ok; item++) {
      reader.skipString();
      reader.skipBytes();
    }
  }
  return { reader, warnings };
}
