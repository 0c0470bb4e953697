/** Bytes → frames: over TCP behind a length of two bytes, over UDP one datagram each. */
import { uint16BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import { type FrameSink, ParseError, type ParseStatus, type StreamView } from "../contract.ts";
import { HEADER_BYTES, headerAt, questionAt } from "./header.ts";
import type { Message } from "./names.ts";
import { recordsOf } from "./records.ts";
import type { DnsFrame, DnsState, Question } from "./types.ts";

export const LENGTH_BYTES = 2;

type Sink = FrameSink<DnsFrame>;

/** RFC 1035 4.2.2. */
export function parseStream(
  view: StreamView,
  side: Side,
  _state: DnsState,
  out: Sink,
): ParseStatus {
  const { bytes, start, end } = view;
  if (end - start < LENGTH_BYTES) return 0;
  const length = uint16BE(bytes, start);
  if (length < HEADER_BYTES) return ParseError.malformed;
  const total = LENGTH_BYTES + length;
  if (end - start < total) return 0;
  const message = { bytes, start: start + LENGTH_BYTES, end: start + total };
  return told(message, side, view, out) ? total : ParseError.malformed;
}

/** RFC 1035 4.2.1. What is behind the last record belongs to the datagram, too. */
export function parseDatagram(
  view: StreamView,
  side: Side,
  _state: DnsState,
  out: Sink,
): ParseStatus {
  if (view.end - view.start < HEADER_BYTES) return ParseError.malformed;
  return told(view, side, view, out) ? view.end - view.start : ParseError.malformed;
}

function told(message: Message, side: Side, view: StreamView, out: Sink): boolean {
  const header = headerAt(message);
  if (header.isResponse !== (side === "response")) return false;
  let question: Question | undefined;
  let at = message.start + HEADER_BYTES;
  for (let index = 0; index < header.questions; index++) {
    const found = questionAt(message, at);
    if (found === undefined) return false;
    question ??= found.question;
    at = found.end;
  }
  out.frame({
    header,
    question,
    records: header.isResponse ? recordsOf(message, at, header) : undefined,
    startNs: view.timeAt(view.start),
    endNs: view.timeAt(message.end - 1),
    tid: view.tidAt(view.start),
    eventLoop: view.eventLoopAt(view.start),
  });
  return true;
}
