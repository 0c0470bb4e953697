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
  const text = latin1Of(view.bytes, view.start, textEnd);
  const words: string[] = [];
  let from = 0;
  for (let blank = text.indexOf(" "); blank >= 0; blank = text.indexOf(" ", from)) {
    if (blank > from) words.push(text.slice(from, blank));
    from = blank + 1;
  }
  if (from < text.length) words.push(text.slice(from));
  return words;
}

function parseCommand(line: Line, state: MemcachedState): ParseStatus {
  const { view, next, out } = line;
  const words = wordsOf(line);
  const [name = ""] = words;
  const command = commandOf(name);
  if (command === undefined && !/^[a-z_]{2,16}$/.test(name)) return ParseError.malformed;
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
  const { view, next, textEnd } = line;
  const kind = command?.kind ?? "line";
  const keys = keysOf(words, command);
  const shown = Math.min(keys.length, memcachedLimits.keysShownMax);
  let text = words[0] ?? "";
  for (let index = 0; index < shown; index++) text += ` ${hiddenKey(keys[index] ?? "")}`;
  const isMeta = kind === "meta";
  const opaque = isMeta ? opaqueAmong(words, 2) : undefined;
  return {
    side: "request",
    kind,
    name: words[0] ?? "",
    text,
    truncated: keys.length > shown,
    noreply: kind !== "meta" && kind !== "values" && words.at(-1) === "noreply",
    quiet: isMeta && words.indexOf("q", 2) >= 0,
    opaque,
    keys: textEnd - view.start <= memcachedLimits.keysBytesMax ? keys : undefined,
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

const keyBytes = new Uint8Array(memcachedLimits.keyBytesMax);

function hiddenKey(key: string): string {
  if (key.length > keyBytes.length) return "?";
  for (let index = 0; index < key.length; index++) keyBytes[index] = key.charCodeAt(index);
  return keyText(keyBytes, 0, key.length);
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
    if (first === "VALUE") {
      if (state.first === "") state.firstKey = words[1] ?? "";
      state.first = first;
    } else state.ending = { opaque: opaqueOf(words) };
    out.skip(length + 2);
    return consumed;
  }
  if (first === "STAT" || first === "ITEM") {
    state.first = first;
    return consumed;
  }
  const word = isAnswerWord(first) ? first : /^\d+$/.test(first) ? "NUMBER" : "";
  if (word === "") return ParseError.malformed;
  const last = { timeNs: view.timeAt(next - 1), tid: view.tidAt(next - 1) };
  answer(state, { word, opaque: opaqueOf(words) }, last, out);
  return consumed;
}

const metaWords: ReadonlySet<string> = new Set(["VA", "HD", "EN", "NS", "EX", "NF"]);

function opaqueOf(words: readonly string[]): string | undefined {
  const [first = ""] = words;
  return metaWords.has(first) ? opaqueAmong(words, first === "VA" ? 2 : 1) : undefined;
}

/** The flag O of a meta command or its answer, whose flags begin at the index. */
function opaqueAmong(words: readonly string[], from: number): string | undefined {
  for (let index = from; index < words.length; index++) {
    const flag = words[index];
    if (flag?.startsWith("O")) return flag.slice(1, 33);
  }
  return undefined;
}

interface Ending {
  readonly word: string;
  readonly opaque: string | undefined;
}

function answer(state: MemcachedState, { word, opaque }: Ending, last: Moment, out: Sink): void {
  const { first, firstKey: key, values } = state;
  state.first = "";
  state.firstKey = "";
  state.values = 0;
  const { timeNs: endNs, tid } = last;
  out.frame({ side: "response", word, first, values, key, opaque, endNs, tid });
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
