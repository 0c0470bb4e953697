/** Commands and answers of the text and meta protocols (memcached's doc/protocol.txt). */
import type { CommandKind } from "./types.ts";

export interface Command {
  readonly kind: CommandKind;
  /** Index of the argument that is the first key, from 1; 0 = none. */
  readonly keyFrom: number;
  /** Every further argument is a key as well. */
  readonly manyKeys: boolean;
  /** Index of the argument that says how many bytes of data follow; 0 = none. */
  readonly lengthAt: number;
  readonly argumentsMin: number;
}

const table = new Map<string, Command>();

function add(names: string, kind: CommandKind, more: Partial<Command> = {}): void {
  const base = { kind, keyFrom: 1, manyKeys: false, lengthAt: 0, argumentsMin: 1 };
  for (const name of names.split(" ")) table.set(name, { ...base, ...more });
}

add("get gets", "values", { manyKeys: true });
add("gat gats", "values", { keyFrom: 2, manyKeys: true, argumentsMin: 2 });
add("set add replace append prepend", "store", { lengthAt: 4, argumentsMin: 4 });
add("cas", "store", { lengthAt: 4, argumentsMin: 5 });
add("incr decr", "number", { argumentsMin: 2 });
add("delete touch", "line");
add("flush_all version verbosity quit shutdown", "line", { keyFrom: 0, argumentsMin: 0 });
add("cache_memlimit slabs lru lru_crawler watch extstore", "line", { keyFrom: 0 });
add("stats", "stats", { keyFrom: 0, argumentsMin: 0 });
add("mg md ma me", "meta");
add("ms", "meta", { lengthAt: 2, argumentsMin: 2 });
add("mn", "noop", { keyFrom: 0, argumentsMin: 0 });

export function commandOf(name: string): Command | undefined {
  return table.get(name);
}

const errorWords: ReadonlySet<string> = new Set(["ERROR", "CLIENT_ERROR", "SERVER_ERROR"]);

export function isError(word: string): boolean {
  return errorWords.has(word);
}

const words: Readonly<Record<CommandKind, string>> = {
  values: "END",
  store: "STORED NOT_STORED EXISTS NOT_FOUND",
  number: "NUMBER NOT_FOUND",
  line: "DELETED NOT_FOUND TOUCHED OK VERSION",
  stats: "END RESET OK",
  meta: "VA HD EN NS EX NF ME",
  noop: "MN",
};

const wordsOf = new Map(
  Object.entries(words).map(([kind, list]) => [kind, new Set(list.split(" "))]),
);
const everyWord = new Set(Object.values(words).flatMap((list) => list.split(" ")));

/** Whether the answer's last word is one that the command can have. */
export function fits(kind: CommandKind, word: string): boolean {
  return isError(word) || wordsOf.get(kind)?.has(word) === true;
}

export function isAnswerWord(word: string): boolean {
  return everyWord.has(word) || isError(word) || word === "BUSY" || word === "BADCLASS";
}
