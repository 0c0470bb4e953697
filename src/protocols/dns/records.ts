/**
 * The records of a response. Invariant: one pass over the message; what does not fit in it ends the
 * reading and is said (partial); at most dnsLimits.answersMax answers become text.
 */
import { uint16BE, uint32BE } from "../../lib/bytes.ts";
import { ipv4Text, ipv6Text } from "../../lib/ip-text.ts";
import { Type, typeName } from "./codes.ts";
import { dnsLimits } from "./limits.ts";
import { type Message, skipName } from "./names.ts";
import { recordText, serialAt } from "./record-text.ts";
import type { Header, Records } from "./types.ts";

/** Type, class, time to live and length, behind a record's name. */
const RECORD_HEAD_BYTES = 10;
const OPTION_HEAD_BYTES = 4;
const EXTENDED_ERROR = 15;
const CLASS_IN = 1;

type Recalling = Required<Message>;

interface Reading {
  readonly addresses: string[];
  readonly others: string[];
  firstSerial: number | undefined;
  lastSerial: number | undefined;
  codeHigh: number;
  extendedError: number | undefined;
}

/** `at` is where the message's records begin. */
export function recordsOf({ bytes, start, end }: Message, at: number, header: Header): Records {
  const recent = { target: -1, text: "" };
  const message = { bytes, start, end, recent };
  const reading: Reading = {
    addresses: [],
    others: [],
    firstSerial: undefined,
    lastSerial: undefined,
    codeHigh: 0,
    extendedError: undefined,
  };
  const answersEnd = header.answers;
  const additionsStart = answersEnd + header.authorities;
  const total = additionsStart + header.additions;
  let index = at;
  let read = 0;
  for (; read < total; read++) {
    const head = skipName(message, index);
    if (head < 0 || head + RECORD_HEAD_BYTES > message.end) break;
    const behind = head + RECORD_HEAD_BYTES + uint16BE(bytes, head + 8);
    if (behind > end) break;
    if (read < answersEnd) addAnswer(reading, message, head, behind);
    else if (read >= additionsStart) addAddition(reading, message, head, behind);
    index = behind;
  }
  const { addresses, others, firstSerial, lastSerial, codeHigh, extendedError } = reading;
  const partial = read < total;
  return { addresses, others, firstSerial, lastSerial, codeHigh, extendedError, partial };
}

function addAnswer(reading: Reading, message: Recalling, head: number, end: number): void {
  const { bytes, start, recent } = message;
  const type = uint16BE(bytes, head);
  const at = head + RECORD_HEAD_BYTES;
  const serial = type === Type.soa ? serialAt({ bytes, start, end }, at) : undefined;
  reading.lastSerial = serial;
  reading.firstSerial ??= serial;
  if (reading.addresses.length + reading.others.length >= dnsLimits.answersMax) return;
  const isInternet = uint16BE(bytes, head + 2) === CLASS_IN;
  if (type === Type.a && isInternet && end - at === 4) {
    reading.addresses.push(ipv4Text(bytes, at));
  } else if (type === Type.aaaa && isInternet && end - at === 16) {
    reading.addresses.push(ipv6Text(bytes, at));
  } else {
    const data = { bytes, start, end, recent };
    const text = `${typeName(type)} ${recordText(type, data, at) ?? `(${end - at} bytes)`}`;
    const isLong = text.length > dnsLimits.answerCharsMax;
    reading.others.push(isLong ? text.slice(0, dnsLimits.answerCharsMax) : text);
  }
}

/** RFC 6891 6.1.2: the code's high bits lie in what is a time to live elsewhere. */
function addAddition(reading: Reading, message: Message, head: number, end: number): void {
  const { bytes } = message;
  if (uint16BE(bytes, head) !== Type.opt) return;
  reading.codeHigh = uint32BE(bytes, head + 4) >>> 24;
  let index = head + RECORD_HEAD_BYTES;
  while (index + OPTION_HEAD_BYTES <= end) {
    const length = uint16BE(bytes, index + 2);
    const start = index + OPTION_HEAD_BYTES;
    if (start + length > end) return;
    if (uint16BE(bytes, index) === EXTENDED_ERROR && length >= 2) {
      reading.extendedError ??= uint16BE(bytes, start);
    }
    index = start + length;
  }
}
