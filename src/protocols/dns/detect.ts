/** Recognition by content: head and question have to be those of one message. */
import { uint16BE } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import { isOpcode } from "./codes.ts";
import { HEADER_BYTES, headerAt, isPlausible, QUESTION_BYTES_MIN, questionEnd } from "./header.ts";
import type { Message } from "./names.ts";
import { LENGTH_BYTES } from "./parse.ts";
import type { DnsState } from "./types.ts";

const MESSAGE_BYTES_MIN = HEADER_BYTES + QUESTION_BYTES_MIN;
/** Longer messages are waited for only when more of them than their length is there. */
const WAITED_BYTES_MAX = 16_384;
const HEAD_BYTES = LENGTH_BYTES + HEADER_BYTES;

export function detectStream({ bytes, start, end }: StreamView): Detection {
  if (end - start < LENGTH_BYTES) return "more";
  const length = uint16BE(bytes, start);
  if (length < MESSAGE_BYTES_MIN) return "no";
  const at = start + LENGTH_BYTES;
  return judge({ bytes, start: at, end: Math.min(end, at + length) }, length);
}

/** A datagram is all there is. */
export function detectDatagram({ bytes, start, end }: StreamView): Detection {
  if (end - start < MESSAGE_BYTES_MIN) return "no";
  const said = judge({ bytes, start, end }, end - start, true);
  return said === "more" ? "no" : said;
}

function judge(message: Message, length: number, isDatagram = false): Detection {
  if (message.end - message.start < HEADER_BYTES) return couldBegin(message) ? "more" : "no";
  const header = headerAt(message);
  // A cut datagram keeps the counts of what it no longer holds.
  const bytes = isDatagram && header.truncated ? Number.POSITIVE_INFINITY : length;
  if (!isPlausible(message, header, bytes)) return "no";
  const end = questionEnd(message);
  if (end < 0 || end - message.start > length) return "no";
  if (end === 0) return message.end - message.start < length ? "more" : "no";
  const isAlone = header.answers + header.authorities + header.additions === 0;
  if (isAlone && end - message.start !== length) return "no";
  return header.isResponse ? "response" : "request";
}

/** What is there of the head: the opcode stands in its third byte. */
function couldBegin({ bytes, start, end }: Message): boolean {
  return end - start <= 2 || isOpcode(((bytes[start + 2] ?? 0) >> 3) & 0xf);
}

/**
 * First place at which a whole head and question of the side stand; or else the beginning, when it
 * may be that of a message: many programs read the length by a call of its own.
 */
export function resyncStream(view: StreamView, side: Side, _state: DnsState): number {
  const { bytes, end } = view;
  for (let start = view.start; start + HEAD_BYTES <= end; start++) {
    const length = uint16BE(bytes, start);
    if (length < MESSAGE_BYTES_MIN) continue;
    const at = start + LENGTH_BYTES;
    const found = judge({ bytes, start: at, end: Math.min(end, at + length) }, length);
    if (found === side) return start;
  }
  const length = end - view.start < LENGTH_BYTES ? 0 : uint16BE(bytes, view.start);
  const mayBegin = length <= WAITED_BYTES_MAX && detectStream(view) === "more";
  return mayBegin ? view.start : -1;
}

export function resyncDatagram(view: StreamView, side: Side, _state: DnsState): number {
  return detectDatagram(view) === side ? view.start : -1;
}
