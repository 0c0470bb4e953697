/**
 * Control lines (NATS client protocol): an operation and fields between blanks. Invariant: a line
 * is looked at only when its end is here, and numbers are used only after a comparison with a
 * maximum.
 */
import { checkedLength, indexOfByte, latin1Of, textOf } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import { natsLimits } from "./limits.ts";
import type { Operation } from "./types.ts";

const CR = 0x0d;
const LF = 0x0a;
const BLANK = 0x20;
const TAB = 0x09;

export interface Line {
  readonly operation: Operation;
  /** Who sends it. */
  readonly from: Side | "both";
  readonly subject: string;
  readonly reply: string;
  readonly sid: string;
  /** SUB: queue group. -ERR: its text. INFO and CONNECT: their JSON. */
  readonly text: string;
  /** -1 = no message follows. */
  readonly totalBytes: number;
  /** Of the total. */
  readonly headerBytes: number;
  /** Behind the line's end. */
  readonly next: number;
}

const sides: Readonly<Record<Exclude<Operation, "END">, Side | "both">> = {
  INFO: "response",
  CONNECT: "request",
  PUB: "request",
  HPUB: "request",
  SUB: "request",
  UNSUB: "request",
  MSG: "response",
  HMSG: "response",
  PING: "both",
  PONG: "both",
  "+OK": "response",
  "-ERR": "response",
};

const operations: ReadonlyMap<string, Exclude<Operation, "END">> = new Map(
  (Object.keys(sides) as Exclude<Operation, "END">[]).map((operation) => [operation, operation]),
);
const OPERATION_BYTES_MAX = 7;

/** The line that begins here; "more" = its end is not here yet, undefined = none begins here. */
export function readLine(bytes: Uint8Array, start: number, end: number): Line | "more" | undefined {
  const operationEnd = wordEnd(bytes, start, Math.min(end, start + OPERATION_BYTES_MAX + 1));
  if (operationEnd - start > OPERATION_BYTES_MAX) return undefined;
  const said = latin1Of(bytes, start, operationEnd);
  const word = operations.has(said) ? said : said.toUpperCase();
  const operation = operations.get(word);
  if (operation === undefined) {
    return operationEnd === end && couldBecome(word) ? "more" : undefined;
  }
  const isJson = operation === "INFO" || operation === "CONNECT";
  const most = isJson ? natsLimits.jsonLineBytesMax : natsLimits.lineBytesMax;
  const lineEnd = indexOfByte(bytes, LF, operationEnd, end);
  if (lineEnd < 0) return end - start > most ? undefined : "more";
  if (lineEnd - start > most || bytes[lineEnd - 1] !== CR) return undefined;
  return fieldsOf(operation, [bytes, operationEnd, lineEnd - 1], lineEnd + 1);
}

function couldBecome(word: string): boolean {
  for (const operation of operations.keys()) if (operation.startsWith(word)) return true;
  return false;
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end) {
    const byte = bytes[index] ?? 0;
    if (byte === BLANK || byte === TAB || byte === CR) return index;
    index++;
  }
  return index;
}

type Rest = readonly [bytes: Uint8Array, start: number, end: number];

function fieldsOf(
  operation: Exclude<Operation, "END">,
  [bytes, start, end]: Rest,
  next: number,
): Line | undefined {
  switch (operation) {
    case "INFO":
    case "CONNECT":
    case "-ERR":
      return lineOf(operation, next, { ...noFields, text: textOf(bytes, start, end).trim() });
    case "PING":
    case "PONG":
    case "+OK":
      return wordsOf(bytes, start, end).length === 0
        ? lineOf(operation, next, noFields)
        : undefined;
    default: {
      const fields = read(operation, wordsOf(bytes, start, end));
      return fields === undefined ? undefined : lineOf(operation, next, fields);
    }
  }
}

function lineOf(operation: Exclude<Operation, "END">, next: number, fields: Fields): Line {
  return {
    operation,
    from: sides[operation],
    subject: fields.subject,
    reply: fields.reply,
    sid: fields.sid,
    text: fields.text,
    totalBytes: fields.totalBytes,
    headerBytes: fields.headerBytes,
    next,
  };
}

const noFields = { subject: "", reply: "", sid: "", text: "", totalBytes: -1, headerBytes: 0 };

/** At most six words between blanks and tabs; the most that any operation has is five. */
function wordsOf(bytes: Uint8Array, start: number, end: number): string[] {
  const words: string[] = [];
  const ascii = asciiOf(bytes, start, end);
  let index = start;
  while (index < end && words.length < 6) {
    while (index < end && (bytes[index] === BLANK || bytes[index] === TAB)) index++;
    const stop = wordEnd(bytes, index, end);
    if (stop > index) {
      words.push(ascii?.slice(index - start, stop - start) ?? textOf(bytes, index, stop));
    } else index++;
    index = Math.max(stop, index);
  }
  return words;
}

/** The bytes as a text in which their indexes are the same; undefined when they are not ASCII. */
function asciiOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let index = start; index < end; index++) {
    if ((bytes[index] ?? 0) > 0x7f) return undefined;
  }
  return latin1Of(bytes, start, end);
}

type Fields = Pick<Line, "subject" | "reply" | "sid" | "text" | "totalBytes" | "headerBytes">;

function read(operation: Operation, words: readonly string[]): Fields | undefined {
  const [first = "", second = "", third = ""] = words;
  const count = words.length;
  switch (operation) {
    case "SUB":
      if (count < 2 || count > 3) return undefined;
      return {
        ...noFields,
        subject: first,
        text: count === 3 ? second : "",
        sid: words.at(-1) ?? "",
      };
    case "UNSUB":
      if (count < 1 || count > 2 || (count === 2 && sizeOf(second) < 0)) return undefined;
      return { ...noFields, sid: first, text: second };
    case "PUB":
      return count < 2 || count > 3 ? undefined : message(words, 1, { reply: second, sid: "" });
    case "HPUB":
      return count < 3 || count > 4 ? undefined : message(words, 2, { reply: second, sid: "" });
    case "MSG":
      return count < 3 || count > 4 ? undefined : message(words, 1, { reply: third, sid: second });
    case "HMSG":
      return count < 4 || count > 5 ? undefined : message(words, 2, { reply: third, sid: second });
    default:
      return undefined;
  }
}

/** The last words are sizes; what may stand before them is the reply subject. */
function message(
  words: readonly string[],
  sizes: 1 | 2,
  names: { readonly reply: string; readonly sid: string },
): Fields | undefined {
  const { reply, sid } = names;
  const hasReply = words.length === (sid === "" ? 2 : 3) + sizes;
  const totalBytes = sizeOf(words.at(-1) ?? "");
  const headerBytes = sizes === 1 ? 0 : sizeOf(words.at(-2) ?? "");
  if (totalBytes < 0 || headerBytes < 0 || headerBytes > totalBytes) return undefined;
  const subject = words[0] ?? "";
  return { subject, reply: hasReply ? reply : "", sid, text: "", totalBytes, headerBytes };
}

const DIGITS_MAX = 9;

function sizeOf(word: string): number {
  if (word.length === 0 || word.length > DIGITS_MAX) return -1;
  let size = 0;
  for (let index = 0; index < word.length; index++) {
    const digit = word.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return checkedLength(size, 0, natsLimits.payloadBytesMax);
}
