/**
 * Bytes of either side → frames. Invariant: of a body nothing is looked at, and of the methods that
 * carry credentials nothing but their names.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { FrameSink, Moment, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { noArguments, readArguments, readProperties } from "./fields.ts";
import {
  END_OCTET,
  FrameType,
  frameBytes,
  HEADER_BYTES,
  PROTOCOL_HEADER,
  protocolHeaderBytes,
} from "./frames.ts";
import { amqpLimits } from "./limits.ts";
import { methods } from "./methods.ts";
import type { AmqpFrame, AmqpState } from "./types.ts";

type Sink = FrameSink<AmqpFrame>;
const PROTOCOL_HEADER_LETTER = 0x41;
const METHOD_BYTES = 4;

export function parse(view: StreamView, side: Side, state: AmqpState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (bytes[start] === PROTOCOL_HEADER_LETTER) return parseProtocolHeader(view);
  if (end - start < HEADER_BYTES) return 0;
  const size = frameBytes(bytes, start, state.payloadBytesMax);
  if (size < 0) return ParseError.malformed;
  const isWhole = end - start >= size;
  if (isWhole && bytes[start + size - 1] !== END_OCTET) return ParseError.malformed;
  switch (bytes[start]) {
    case FrameType.method:
      return parseMethod(view, size, side, out);
    case FrameType.header:
      return parseHeader(view, size, out);
    case FrameType.body:
      return parseBody(view, size, { side, state, out });
    default:
      return isWhole ? size : 0;
  }
}

function parseProtocolHeader({ bytes, start, end }: StreamView): ParseStatus {
  const seen = protocolHeaderBytes(bytes, start, end);
  if (seen < 0) return ParseError.unsupportedVersion;
  return seen < PROTOCOL_HEADER.length ? 0 : seen;
}

interface Held {
  readonly method: number;
  readonly arguments: AmqpFrame["arguments"];
  readonly properties: AmqpFrame["properties"];
  readonly bodyBytes: number;
}

/** The frame at the head, of which `seen` bytes are looked at. */
function frameOf(view: StreamView, seen: number, held: Held): AmqpFrame {
  const { bytes, start } = view;
  return {
    channel: uint16BE(bytes, start + 1),
    method: held.method,
    startNs: view.timeAt(start),
    endNs: view.timeAt(start + seen - 1),
    tid: view.tidAt(start),
    eventLoop: view.eventLoopAt(start),
    arguments: held.arguments,
    properties: held.properties,
    bodyBytes: held.bodyBytes,
  };
}

function parseMethod(view: StreamView, size: number, side: Side, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const seen = Math.min(size, HEADER_BYTES + METHOD_BYTES + amqpLimits.argumentBytesMax);
  if (end - start < seen) return 0;
  const method = uint32BE(bytes, start + HEADER_BYTES);
  const info = methods.get(method);
  if (info !== undefined && info.from !== side && info.from !== "both") {
    return ParseError.malformed;
  }
  const from = start + HEADER_BYTES + METHOD_BYTES;
  const to = seen < size ? start + seen : start + size - 1;
  const read =
    info === undefined || info.layout === ""
      ? noArguments()
      : readArguments(bytes, from, to, info.layout);
  if (read === undefined) return ParseError.malformed;
  if (size > seen) out.skip(size - seen);
  if (info !== undefined) {
    const held = { method, arguments: read, properties: undefined, bodyBytes: 0 };
    out.frame(frameOf(view, seen, held));
  }
  return seen;
}

function parseHeader(view: StreamView, size: number, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const seen = Math.min(size, HEADER_BYTES + amqpLimits.headerBytesMax);
  if (end - start < seen) return 0;
  const to = seen < size ? start + seen : start + size - 1;
  const properties = readProperties(bytes, start + HEADER_BYTES, to);
  if (properties === undefined) return ParseError.malformed;
  if (size > seen) out.skip(size - seen);
  out.frame(frameOf(view, seen, { method: 0, arguments: undefined, properties, bodyBytes: 0 }));
  return seen;
}

function parseBody(
  view: StreamView,
  size: number,
  { side, state, out }: { readonly side: Side; readonly state: AmqpState; readonly out: Sink },
): ParseStatus {
  const seen = Math.min(size, view.end - view.start);
  const bodyBytes = size - HEADER_BYTES - 1;
  const held = { method: 0, arguments: undefined, properties: undefined, bodyBytes };
  const frame = frameOf(view, seen, held);
  if (seen === size) out.frame(frame);
  else {
    state.passing[side] = frame;
    out.skip(size - seen);
  }
  return seen;
}

/** The rest of a piece of a body, or of a long method or header, has passed. */
export function skipped(side: Side, state: AmqpState, last: Moment, out: Sink): void {
  const frame = state.passing[side];
  if (frame === undefined) return;
  state.passing[side] = undefined;
  out.frame({ ...frame, endNs: last.timeNs });
}
