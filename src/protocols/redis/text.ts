/**
 * db.query.text as the semantic conventions want it for Redis: the command in redis-cli's syntax,
 * values hidden. Letters of Command.shows: k = key or field, told but for what looks like an id;
 * v = hidden; o = told when it is an option's word; w = a subcommand; p = a procedure's name;
 * n = how many keys follow. Invariant: an argument that is told holds nothing that needs quoting.
 */
import { latin1Of } from "../../lib/bytes.ts";
import { isWordByte, keyText } from "../../lib/key-text.ts";
import { optionWords } from "./commands.ts";
import { redisLimits } from "./limits.ts";
import type { RequestLane } from "./types.ts";

const HIDDEN = "?";
const WORD_MAX = 24;
const PROCEDURE_MAX = 64;
const KEYS_MAX = 64;

/** Begins the text of a command with its name. */
export function beginText(lane: RequestLane, name: string): void {
  lane.place = 0;
  lane.keysLeft = 0;
  lane.frame.text = name;
  lane.frame.truncated = false;
}

/** The letter of the next argument. */
export function nextLetter(lane: RequestLane): string {
  if (lane.keysLeft > 0) return "k";
  return lane.frame.command.shows[lane.place] ?? "v";
}

/** Whether an argument of so many bytes has to be seen to be told. */
export function isTold(lane: RequestLane, length: number): boolean {
  return !isFull(lane) && nextLetter(lane) !== "v" && length <= redisLimits.keyBytesMax;
}

function isFull({ frame, index }: RequestLane): boolean {
  return frame.text.length >= redisLimits.textCharsMax || index > redisLimits.argumentsShownMax;
}

export function addHidden(lane: RequestLane): void {
  append(lane, HIDDEN);
}

/** Adds the argument bytes[start..end). */
export function addArgument(
  lane: RequestLane,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const letter = nextLetter(lane);
  if (letter === "v" || isFull(lane) || end - start > redisLimits.keyBytesMax) {
    append(lane, HIDDEN);
  } else if (letter === "k") append(lane, keyText(bytes, start, end));
  else if (letter === "n") {
    append(lane, HIDDEN);
    lane.keysLeft = countOf(bytes, start, end);
  } else append(lane, wordText(letter, bytes, start, end));
}

function append(lane: RequestLane, argument: string): void {
  if (isFull(lane)) lane.frame.truncated = true;
  else lane.frame.text += ` ${argument}`;
  if (lane.keysLeft > 0) {
    lane.keysLeft--;
    return;
  }
  const { shows, repeatFrom } = lane.frame.command;
  lane.place++;
  if (lane.place >= shows.length && repeatFrom < shows.length) lane.place = repeatFrom;
}

function wordText(letter: string, bytes: Uint8Array, start: number, end: number): string {
  const most = letter === "p" ? PROCEDURE_MAX : WORD_MAX;
  if (end === start || end - start > most) return HIDDEN;
  for (let index = start; index < end; index++) {
    if (!isWordByte(bytes[index] ?? 0)) return HIDDEN;
  }
  const word = latin1Of(bytes, start, end);
  return letter !== "o" || optionWords.has(word.toUpperCase()) ? word : HIDDEN;
}

function countOf(bytes: Uint8Array, start: number, end: number): number {
  const count = Number(latin1Of(bytes, start, Math.min(end, start + 4)));
  return Number.isInteger(count) && count > 0 ? Math.min(count, KEYS_MAX) : 0;
}
