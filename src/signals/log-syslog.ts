/**
 * Syslog lines: RFC 5424, RFC 3164 with its "<PRI>" and as files hold it (without), and the bare
 * "<PRI>" that a program under systemd writes before its text (sd-daemon(3)). The time of RFC 3164
 * has neither year nor zone and is not used. Invariant: linear; a line that does not fit is none.
 */

import {
  ATTR_SYSLOG_APPNAME,
  ATTR_SYSLOG_FACILITY,
  ATTR_SYSLOG_HOSTNAME,
  ATTR_SYSLOG_MSGID,
  ATTR_SYSLOG_PROCID,
  ATTR_SYSLOG_STRUCTURED_DATA,
} from "../semconv/log.ts";
import { LogAttributes, type ParsedLine } from "./log-attributes.ts";
import { parsePlainLine } from "./log-plain.ts";
import { severityOfSyslog, syslogWord } from "./log-severity.ts";
import { digitsAt, isMonthAt, isoTimeAt } from "./log-time.ts";

const PRIORITY_MAX = 191;
/** "Jan  2 03:04:05 " */
const BSD_TIME_CHARS = 16;
/** Names of hosts, programs and messages are shorter (RFC 5424 section 6: 255). */
const TOKEN_CHARS_MAX = 255;
const NIL = "-";

/** undefined when the text is not a syslog line. */
export function parseSyslogLine(text: string): ParsedLine | undefined {
  if (text[0] !== "<") return hasBsdTime(text, 0) ? parseBsd(text, 0, undefined) : undefined;
  const close = text.indexOf(">");
  if (close < 2 || close > 4) return undefined;
  const priority = digitsAt(text, 1, close - 1);
  if (priority < 0 || priority > PRIORITY_MAX) return undefined;
  const start = close + 1;
  if (text.startsWith("1 ", start)) {
    const parsed = parseRfc5424(text, start + 2, priority);
    if (parsed !== undefined) return parsed;
  }
  return parseBsd(text, start, priority);
}

function hasBsdTime(text: string, start: number): boolean {
  if (!isMonthAt(text, start) || text[start + 15] !== " ") return false;
  const day = text[start + 4] === " " ? digitsAt(text, start + 5, 1) : digitsAt(text, start + 4, 2);
  const colons = text[start + 9] === ":" && text[start + 12] === ":";
  return day > 0 && colons && digitsAt(text, start + 7, 2) >= 0;
}

/** RFC 3164 section 4.1: [time host] tag[pid]: message. Also the form without time and host. */
function parseBsd(text: string, start: number, priority: number | undefined): ParsedLine {
  const attributes = new LogAttributes();
  let position = start;
  let unixTimeNs: bigint | undefined;
  let timed = hasBsdTime(text, start);
  if (timed) position += BSD_TIME_CHARS;
  else {
    const time = isoTimeAt(text, start);
    timed = time !== undefined && text[time.end] === " ";
    if (time !== undefined && timed) {
      unixTimeNs = time.unixNs;
      position = time.end + 1;
    }
  }
  if (timed) position = takeHostAndTag(text, position, attributes);
  return finished(text.slice(position).trim() || text, priority, { attributes, unixTimeNs });
}

/** Takes "host tag[pid]: " or "tag[pid]: " (a local socket has no host); index of the message. */
function takeHostAndTag(text: string, start: number, attributes: LogAttributes): number {
  let position = start;
  const hostEnd = tokenEnd(text, position);
  if (hostEnd > position && tagEnd(text, position) < 0) {
    attributes.addText(ATTR_SYSLOG_HOSTNAME, text.slice(position, hostEnd));
    position = hostEnd + 1;
  }
  const end = tagEnd(text, position);
  if (end < 0) return position;
  const tag = text.slice(position, end);
  const bracket = tag.indexOf("[");
  attributes.addText(ATTR_SYSLOG_APPNAME, bracket > 0 ? tag.slice(0, bracket) : tag);
  if (bracket > 0) attributes.addText(ATTR_SYSLOG_PROCID, tag.slice(bracket + 1, -1));
  return end + 1;
}

/** Index of the ":" behind "tag" or "tag[pid]" at `start`, or -1 when there is no tag. */
function tagEnd(text: string, start: number): number {
  const stop = Math.min(text.length, start + TOKEN_CHARS_MAX);
  for (let index = start; index < stop; index++) {
    const char = text[index];
    if (char === " " || char === "\n") return -1;
    if (char !== ":") continue;
    const follows = text[index + 1];
    const closed = text[index - 1] === "]" || !text.slice(start, index).includes("[");
    const whole = follows === " " || follows === undefined || follows === "\n";
    return whole && index > start && closed ? index : -1;
  }
  return -1;
}

function tokenEnd(text: string, start: number): number {
  const space = text.slice(start, start + TOKEN_CHARS_MAX + 1).indexOf(" ");
  return space < 0 ? -1 : start + space;
}

const headerNames = [
  ATTR_SYSLOG_HOSTNAME,
  ATTR_SYSLOG_APPNAME,
  ATTR_SYSLOG_PROCID,
  ATTR_SYSLOG_MSGID,
] as const;

/** RFC 5424 section 6, behind "<PRI>1 ". */
function parseRfc5424(text: string, start: number, priority: number): ParsedLine | undefined {
  const attributes = new LogAttributes();
  let position = start;
  let unixTimeNs: bigint | undefined;
  if (text.startsWith("- ", position)) position += 2;
  else {
    const time = isoTimeAt(text, position);
    if (time === undefined || text[time.end] !== " ") return undefined;
    unixTimeNs = time.unixNs;
    position = time.end + 1;
  }
  for (const name of headerNames) {
    const end = tokenEnd(text, position);
    if (end <= position) return undefined;
    const value = text.slice(position, end);
    if (value !== NIL) attributes.addText(name, value);
    position = end + 1;
  }
  const dataEnd = takeStructuredData(text, position, attributes);
  if (dataEnd < 0) return undefined;
  const message = text.slice(dataEnd).replace("\ufeff", "").trim();
  return finished(message || text, priority, { attributes, unixTimeNs });
}

/** Takes "-" or "[id name=\"value\"]..." (section 6.3); index behind it, or -1. */
function takeStructuredData(text: string, start: number, attributes: LogAttributes): number {
  if (text[start] === NIL) return start + 1;
  let position = start;
  while (text[position] === "[") {
    position = takeElement(text, position + 1, attributes);
    if (position < 0) return -1;
  }
  return position === start ? -1 : position;
}

/** One element behind its "["; index behind its "]", or -1. */
function takeElement(text: string, start: number, attributes: LogAttributes): number {
  let position = start;
  while (position < text.length && text[position] !== " " && text[position] !== "]") position++;
  const id = text.slice(start, position);
  while (text[position] === " ") {
    const equals = text.indexOf("=", position);
    const nameEnd = equals - position - 1 > TOKEN_CHARS_MAX ? -1 : equals;
    if (nameEnd < 0 || text[nameEnd + 1] !== '"') return -1;
    const name = text.slice(position + 1, nameEnd);
    const valueStart = nameEnd + 2;
    const valueEnd = parameterEnd(text, valueStart);
    if (valueEnd < 0) return -1;
    const value = unescaped(text.slice(valueStart, valueEnd));
    attributes.addText(`${ATTR_SYSLOG_STRUCTURED_DATA}.${id}.${name}`, value);
    position = valueEnd + 1;
  }
  return text[position] === "]" ? position + 1 : -1;
}

/** Index of the quote that ends a parameter value, or -1. */
function parameterEnd(text: string, start: number): number {
  for (let index = start; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index;
  }
  return -1;
}

/** Section 6.3.3: a backslash escapes a quote, a backslash and a closing bracket. */
function unescaped(value: string): string {
  return value.includes("\\") ? value.replace(/\\(["\\\]])/g, "$1") : value;
}

function finished(
  message: string,
  priority: number | undefined,
  header: { attributes: LogAttributes; unixTimeNs: bigint | undefined },
): ParsedLine {
  const { attributes, unixTimeNs } = header;
  if (priority === undefined) {
    // A file holds no priority: the message's own words are all there is.
    const plain = parsePlainLine(message);
    return {
      ...plain,
      unixTimeNs: unixTimeNs ?? plain.unixTimeNs,
      attributes: attributes.list,
      attributesCut: attributes.cut,
    };
  }
  attributes.addField(ATTR_SYSLOG_FACILITY, priority >> 3);
  return {
    body: message,
    severityNumber: severityOfSyslog(priority & 7),
    severityText: syslogWord(priority & 7),
    unixTimeNs,
    attributes: attributes.list,
    attributesCut: attributes.cut,
  };
}
