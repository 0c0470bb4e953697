/** Head and question of a message, and whether they can be DNS at all. */
import { uint16BE } from "../../lib/bytes.ts";
import { isClass, isOpcode, Opcode } from "./codes.ts";
import { type Message, nameAt, skipName } from "./names.ts";
import type { Header, Question } from "./types.ts";

export const HEADER_BYTES = 12;
/** Type and class behind a question's name. */
const QUESTION_TAIL_BYTES = 4;
/** The shortest question: of the root. */
export const QUESTION_BYTES_MIN = 5;
/** An empty name, type, class, time to live, length. */
const RECORD_BYTES_MIN = 11;
/** OPT, TSIG and a signature; anything else has no place in a question. */
const QUESTION_ADDITIONS_MAX = 4;
const RESERVED = 0x40;

/** RFC 1035 4.1.1; the caller has checked that HEADER_BYTES are there. */
export function headerAt({ bytes, start }: Message): Header {
  const high = bytes[start + 2] ?? 0;
  const low = bytes[start + 3] ?? 0;
  return {
    id: uint16BE(bytes, start),
    isResponse: (high & 0x80) !== 0,
    opcode: (high >> 3) & 0x0f,
    authoritative: (high & 0x04) !== 0,
    truncated: (high & 0x02) !== 0,
    recursionDesired: (high & 0x01) !== 0,
    authenticated: (low & 0x20) !== 0,
    code: low & 0x0f,
    questions: uint16BE(bytes, start + 4),
    answers: uint16BE(bytes, start + 6),
    authorities: uint16BE(bytes, start + 8),
    additions: uint16BE(bytes, start + 10),
  };
}

/** Could this be the head of a message of `length` bytes? Stricter than what parse() needs. */
export function isPlausible(message: Message, header: Header, length: number): boolean {
  const reserved = ((message.bytes[message.start + 3] ?? 0) & RESERVED) !== 0;
  if (reserved || !isOpcode(header.opcode) || header.questions !== 1) return false;
  const records = header.answers + header.authorities + header.additions;
  if (records * RECORD_BYTES_MIN > length - HEADER_BYTES - QUESTION_BYTES_MIN) return false;
  if (header.isResponse) return true;
  if (header.code !== 0 || header.truncated) return false;
  if (header.opcode !== Opcode.query) return true;
  return (
    header.answers === 0 &&
    header.authorities <= 1 &&
    header.additions <= QUESTION_ADDITIONS_MAX &&
    !header.authoritative
  );
}

/** Index behind the only question, -1 = there is none that is one, 0 = its end is not here yet. */
export function questionEnd(message: Message): number {
  const { bytes, start, end } = message;
  let index = start + HEADER_BYTES;
  while (index < end) {
    const length = bytes[index] ?? 0;
    if (length > 63 || index - start - HEADER_BYTES > 254) return -1;
    index += 1 + length;
    if (length !== 0) continue;
    if (index + QUESTION_TAIL_BYTES > end) return 0;
    const isOne = uint16BE(bytes, index) !== 0 && isClass(uint16BE(bytes, index + 2));
    return isOne ? index + QUESTION_TAIL_BYTES : -1;
  }
  return 0;
}

/** The first question and the index behind it. */
export function questionAt(
  message: Message,
  at: number,
): { readonly question: Question; readonly end: number } | undefined {
  const behind = skipName(message, at);
  if (behind < 0 || behind + QUESTION_TAIL_BYTES > message.end) return undefined;
  const name = nameAt(message, at);
  if (name === undefined) return undefined;
  const { bytes } = message;
  return {
    question: { name, type: uint16BE(bytes, behind), class: uint16BE(bytes, behind + 2) },
    end: behind + QUESTION_TAIL_BYTES,
  };
}
