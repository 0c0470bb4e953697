/**
 * Bytes of either side → frames. Invariant: of a payload nothing is read but the first bytes of
 * what can be an acknowledgement or an answer, and of CONNECT only whether it asks for +OK.
 */
import { latin1Of } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { FrameSink, Moment, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { noHeaders, readHeaders } from "./headers.ts";
import { natsLimits } from "./limits.ts";
import { type Line, readLine } from "./line.ts";
import { isAcknowledgement } from "./subjects.ts";
import type { Headers, NatsFrame, NatsState } from "./types.ts";

type Sink = FrameSink<NatsFrame>;
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 0x03;
const CR = 0x0d;
const LF = 0x0a;
/** CR LF behind a payload. */
const END_BYTES = 2;

export function parse(view: StreamView, side: Side, state: NatsState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  if (side === "request" && bytes[start] === TLS_HANDSHAKE) {
    if (end - start < 2) return 0;
    if (bytes[start + 1] !== TLS_MAJOR) return ParseError.malformed;
    out.handOver("tlsResume");
    return end - start;
  }
  const line = readLine(bytes, start, end);
  if (line === "more") return 0;
  if (line === undefined) return ParseError.malformed;
  if (line.from !== side && line.from !== "both") return ParseError.malformed;
  if (line.totalBytes >= 0) return parseMessage(view, line, { side, state, out });
  out.frame(frameOf(view, line.next, line, { headers: noHeaders, head: "" }));
  return line.next - start;
}

interface Said {
  readonly headers: Headers;
  readonly head: string;
}

function frameOf(view: StreamView, seen: number, line: Line, said: Said): NatsFrame {
  const { operation, subject, reply, sid, text, totalBytes, headerBytes } = line;
  return {
    operation,
    startNs: view.timeAt(view.start),
    endNs: view.timeAt(seen - 1),
    tid: view.tidAt(view.start),
    eventLoop: view.eventLoopAt(view.start),
    subject,
    reply,
    sid,
    text: operation === "INFO" || operation === "CONNECT" ? "" : text,
    bodyBytes: Math.max(0, totalBytes - headerBytes),
    head: said.head,
    headers: said.headers,
    verbose: operation === "CONNECT" && VERBOSE.test(text),
  };
}

const VERBOSE = /"verbose"\s*:\s*true/;

function parseMessage(
  view: StreamView,
  line: Line,
  context: { readonly side: Side; readonly state: NatsState; readonly out: Sink },
): ParseStatus {
  const { bytes, start, end } = view;
  const { side, state, out } = context;
  const { next, headerBytes, totalBytes } = line;
  const headerEnd = next + Math.min(headerBytes, natsLimits.headerBytesMax);
  const payloadStart = next + headerBytes;
  const wantsHead = headerEnd === payloadStart && isTelling(line, state);
  const headBytes = Math.min(totalBytes - headerBytes, natsLimits.payloadHeadBytesMax);
  const wanted = wantsHead ? payloadStart + headBytes : headerEnd;
  if (end < wanted) return 0;
  const size = next + totalBytes + END_BYTES;
  const isWhole = end >= size;
  if (isWhole && (bytes[size - 2] !== CR || bytes[size - 1] !== LF)) return ParseError.malformed;
  const headers = headerBytes === 0 ? noHeaders : readHeaders(bytes, next, headerEnd);
  const head = wantsHead ? latin1Of(bytes, payloadStart, wanted) : "";
  const seen = Math.min(end, size);
  const frame = frameOf(view, seen, line, { headers, head });
  if (isWhole) out.frame(frame);
  else {
    state.passing[side] = frame;
    out.skip(size - seen);
  }
  return seen - start;
}

/** Acknowledgements say in their payloads what they are, JetStream's answers if they failed. */
function isTelling({ operation, subject }: Line, { requests }: NatsState): boolean {
  const isPublished = operation === "PUB" || operation === "HPUB";
  return isPublished ? isAcknowledgement(subject) : requests.has(subject);
}

/** The rest of a payload has passed. */
export function skipped(side: Side, state: NatsState, last: Moment, out: Sink): void {
  const frame = state.passing[side];
  if (frame === undefined) return;
  state.passing[side] = undefined;
  out.frame({ ...frame, endNs: last.timeNs });
}

/** Messages that nobody is going to answer any more are over. */
export function ended(_side: Side, _state: NatsState, last: Moment, out: Sink): void {
  const { timeNs, tid } = last;
  out.frame({
    ...{ operation: "END", startNs: timeNs, endNs: timeNs, tid, eventLoop: false },
    ...{ subject: "", reply: "", sid: "", text: "", bodyBytes: 0, head: "" },
    ...{ headers: noHeaders, verbose: false },
  });
}
