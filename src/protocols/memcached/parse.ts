/**
 * Lines and data blocks of either side → frames. Invariant: of a line nothing is kept but names,
 * hidden keys and tokens; data blocks are skipped and need not be captured.
 */
import { indexOfByte, latin1Of } from "../../lib/bytes.ts";
import { keyText } from "../../lib/key-text.ts";
import type { Side } from "../../model/connection.ts";
import type { FrameSink, Moment, ParseStatus, StreamView } from "../contract.ts";
import { ParseError } from "../contract.ts";
import { type Command, commandOf, isAnswerWord } from "./commands.ts";
import { memcachedLimits } from "./limits.ts";
import type { MemcachedFrame, MemcachedState, RequestFrame } from "./types.ts";

type Sink = FrameSink<MemcachedFrame>;

const LF = 0x0a;
const CR = 0x0d;

export function parse(view: StreamView, side: Side, state: MemcachedState, out: Sink): ParseStatus {
  const { bytes, start, end } = view;
  const lineEnd = indexOfByte(bytes, LF, start + state.scanned[side], end);
  if (lineEnd < 0) {
    state.scanned[side] = end - start;
    return end - start > memcachedLimits.lineBytesMax ? ParseError.tooLarge : 0;
  }
  state.scanned[side] = 0;
  const textEnd = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  const line: Line = { view, textEnd, next: lineEnd + 1, out };
  return side === "request" ? parseCommand(line, state) : parseAnswer(line, state);
}

interface Line {
  readonly view: StreamView;
  readonly textEnd: number;
  /** Index behind the line. */
  readonly next: number;
  readonly out: Sink;
}

function wordsOf({ view, textEnd }: Line): string[] {
  return latin1Of(view.bytes, view.start, textEnd)
    .split(" ")
    .filter((word) => word !== "");
}

function parseCommand(line: Line, state: MemcachedState): ParseStatus {
  const { view, next, out } = line;
  const words = wordsOf(line);
  const [name = ""] = words;
  const command = commandOf(name);
  if (!/^[a-z_]{2,16}$/.test(name)) return ParseError.malformed;
  const frame = frameOf(line, words, command);
  const length = command === undefined || command.lengthAt === 0 ? -1 : lengthOf(words, command);
  if (length < 0) {
    out.frame(frame);
    return next - view.start;
  }
  state.storing = frame;
  out.skip(length + 2);
  return next - view.start;
}

/** -1 when the command is wrong: the server then expects no data. */
function lengthOf(words: readonly string[], { lengthAt, argumentsMin }: Command): number {
  const text = words[lengthAt] ?? "";
  if (words.length <= argumentsMin || !/^\d{1,10}$/.test(text)) return -1;
  const length = Number(text);
  return length <= memcachedLimits.valueBytesMax ? length : -1;
}

function frameOf(line: Line, words: readonly string[], command: Command | undefined): RequestFrame {
  const { view, next } = line;
  const kind = command?.kind ?? "line";
  const keys = keysOf(words, command);
  const shown = keys.slice(0, memcachedLimits.keysShownMax).map(hiddenKey);
  const flags = kind === "meta" ? words.slice(2) : [];
  const opaque = flags.find((flag) => flag.startsWith("O"))?.slice(1, 33);
  return {
    side: "request",
    kind,
    name: words[0] ?? "",
    text: [words[0], ...shown].join(" "),
    truncated: keys.length > shown.length,
    noreply: kind !== "meta" && kind !== "values" && words.at(-1) === "noreply",
    quiet: flags.includes("q"),
    opaque,
    startNs: view.timeAt(view.start),
    endNs: view.timeAt(next - 1),
    tid: view.tidAt(view.start),
    eventLoop: view.eventLoopAt(view.start),
  };
}

function keysOf(words: readonly string[], command: Command | undefined): readonly string[] {
  if (command === undefined || command.keyFrom === 0) return [];
  const { keyFrom, manyKeys } = command;
  return words.slice(keyFrom, manyKeys ? undefined : keyFrom + 1);
}

function hiddenKey(key: string): string {
  if (key.length > memcachedLimits.keyBytesMax) return "?";
  return keyText(Buffer.from(key, "latin1"), 0, key.length);
}

function parseAnswer(line: Line, state: MemcachedState): ParseStatus {
  const { view, next, out } = line;
  const words = wordsOf(line);
  const [first = ""] = words;
  const consumed = next - view.start;
  if (first === "VALUE" || first === "VA") {
    const length = Number(first === "VA" ? words[1] : words[3]);
    if (!Number.isInteger(length) || length < 0 || length > memcachedLimits.valueBytesMax) {
      return ParseError.malformed;
    }
    state.values++;
    if (first === "VALUE") state.first = first;
    else state.ending = { opaque: opaqueOf(words) };
    out.skip(length + 2);
    return consumed;
  }
  if (first === "STAT" || first === "ITEM") {
    state.first = first;
    return consumed;
  }
  const word = /^\d+$/.test(first) ? "NUMBER" : first;
  if (word !== "NUMBER" && !isAnswerWord(word)) return ParseError.malformed;
  const last = { timeNs: view.timeAt(next - 1), tid: view.tidAt(next - 1) };
  answer(state, { word, opaque: opaqueOf(words) }, last, out);
  return consumed;
}

function opaqueOf(words: readonly string[]): string | undefined {
  const isMeta = /^(VA|HD|EN|NS|EX|NF)$/.test(words[0] ?? "");
  const flags = words.slice(words[0] === "VA" ? 2 : 1);
  return isMeta ? flags.find((flag) => flag.startsWith("O"))?.slice(1, 33) : undefined;
}

interface Ending {
  readonly word: string;
  readonly opaque: string | undefined;
}

function answer(state: MemcachedState, { word, opaque }: Ending, last: Moment, out: Sink): void {
  const { first, values } = state;
  state.first = "";
  state.values = 0;
  out.frame({ side: "response", word, first, values, opaque, endNs: last.timeNs, tid: last.tid });
}

/** A data block has passed. */
export function skipped(side: Side, state: MemcachedState, last: Moment, out: Sink): void {
  if (side === "request") {
    const frame = state.storing;
    state.storing = undefined;
    if (frame === undefined) return;
    frame.endNs = last.timeNs;
    out.frame(frame);
    return;
  }
  const { ending } = state;
  state.ending = undefined;
  if (ending !== undefined) answer(state, { word: "VA", opaque: ending.opaque }, last, out);
}
