/**
 * Recognises the text and meta protocols by one whole line. Invariant: the line has a command's or
 * an answer's exact form.
 */
import { indexOfByte, latin1Of } from "../../lib/bytes.ts";
import type { Side } from "../../model/connection.ts";
import type { Detection, StreamView } from "../contract.ts";
import type { MemcachedState } from "./types.ts";

const LF = 0x0a;
/** Of a first line that is looked at; a get of many keys may be longer. */
const LINE_BYTES_MAX = 2_048;

const KEY = "[^ ]{1,250}";
const FLAGS = "(?: [A-Za-z][^ ]*)*";
const NOREPLY = "(?: noreply)?";

/** One of the forms, as the whole line. */
function lineOf(forms: readonly string[]): RegExp {
  return new RegExp(forms.map((form) => `^(?:${form})$`).join("|"));
}

const requestLine = lineOf([
  `gets?(?: ${KEY})+`,
  `gats? -?\\d+(?: ${KEY})+`,
  `(?:set|add|replace|append|prepend) ${KEY} \\d+ -?\\d+ \\d+${NOREPLY}`,
  `cas ${KEY} \\d+ -?\\d+ \\d+ \\d+${NOREPLY}`,
  `(?:incr|decr) ${KEY} \\d+${NOREPLY}`,
  `touch ${KEY} -?\\d+${NOREPLY}`,
  `delete ${KEY}(?: 0)?${NOREPLY}`,
  `(?:mg|md|ma|me) ${KEY}${FLAGS}`,
  `ms ${KEY} \\d+${FLAGS}`,
  `mn|version|stats(?: [a-z]+)?|flush_all(?: \\d+)?${NOREPLY}|verbosity \\d+${NOREPLY}`,
]);

const responseLine = lineOf([
  `VALUE ${KEY} \\d+ \\d+(?: \\d+)?`,
  "STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|END|MN",
  "VERSION \\d[^ ]*",
  `(?:VA \\d+|HD|EN|NS|NF|EX)${FLAGS}`,
  "STAT [^ ]+ .*",
  "CLIENT_ERROR .*|SERVER_ERROR .*",
]);

export function detect(view: StreamView): Detection {
  const line = firstLine(view);
  if (line === undefined) return isBeginning(view) ? "more" : "no";
  if (requestLine.test(line)) return "request";
  return responseLine.test(line) ? "response" : "no";
}

function firstLine({ bytes, start, end }: StreamView): string | undefined {
  const lineEnd = indexOfByte(bytes, LF, start, Math.min(end, start + LINE_BYTES_MAX));
  if (lineEnd < 0) return undefined;
  const textEnd = lineEnd > start && bytes[lineEnd - 1] === 0x0d ? lineEnd - 1 : lineEnd;
  return latin1Of(bytes, start, textEnd);
}

const beginnings = (
  "get gets gat gats set add replace append prepend cas incr decr touch delete mg md ma me ms " +
  "mn stats version flush_all verbosity VALUE STORED NOT_STORED EXISTS NOT_FOUND DELETED TOUCHED " +
  "END HD EN NS NF EX MN VERSION VA STAT CLIENT_ERROR SERVER_ERROR"
).split(" ");

/** Whether the bytes may become one of the lines. */
function isBeginning({ bytes, start, end }: StreamView): boolean {
  if (end - start >= LINE_BYTES_MAX) return false;
  const text = latin1Of(bytes, start, Math.min(end, start + 16));
  const word = /^[A-Za-z_]*/.exec(text)?.[0] ?? "";
  if (word.length < text.length) {
    const behind = text[word.length];
    return (behind === " " || behind === "\r") && beginnings.includes(word);
  }
  return beginnings.some((beginning) => beginning.startsWith(word));
}

/** First index at which a frame can begin after a loss: the head of what a call has moved. */
export function resync(view: StreamView, side: Side, state: MemcachedState): number {
  const line = firstLine(view);
  const form = side === "request" ? requestLine : responseLine;
  if (line !== undefined && (form.test(line) || (side === "response" && /^\d+$/.test(line)))) {
    return view.start;
  }
  if (side === "response") state.answerDropped = true;
  return -1;
}
