/**
 * logfmt: key=value pairs and nothing else on one line, as Go's slog and logrus, go-kit and many
 * others write it. Invariant: a line is logfmt only when every word of it is a pair, there are at
 * least two, and one of them is a level, a message or a time; linear in the length of the line.
 */
import { LogAttributes, type ParsedLine } from "./log-attributes.ts";
import { severityOfWord } from "./log-severity.ts";
import { unixTimeOf } from "./log-time.ts";

const SPACE = 32;
const QUOTE = 34;
const EQUALS = 61;
const BACKSLASH = 92;
const DELETE = 127;

const messageKeys: ReadonlySet<string> = new Set(["msg", "message"]);
const levelKeys: ReadonlySet<string> = new Set(["level", "lvl", "severity"]);
const timeKeys: ReadonlySet<string> = new Set(["time", "ts", "timestamp", "t"]);

/** undefined when the text is not logfmt. */
export function parseLogfmtLine(text: string): ParsedLine | undefined {
  if (keyEnd(text, 0) < 0) return undefined;
  const line = new LogfmtLine();
  let position = 0;
  while (position < text.length) {
    position = line.takePair(text, position);
    if (position < 0) return undefined;
  }
  return line.toParsed(text);
}

class LogfmtLine {
  readonly #attributes = new LogAttributes();
  #pairs = 0;
  #special = false;
  #message: string | undefined;
  #level: string | undefined;
  #unixTimeNs: bigint | undefined;

  /** Takes the pair at `start`; index of the next pair, or -1 when there is no pair at `start`. */
  takePair(text: string, start: number): number {
    const equals = keyEnd(text, start);
    if (equals < 0) return -1;
    const key = text.slice(start, equals);
    const valueStart = equals + 1;
    const quoted = text.charCodeAt(valueStart) === QUOTE;
    const end = quoted ? quotedEnd(text, valueStart) : bareEnd(text, valueStart);
    if (end < 0) return -1;
    const raw = text.slice(valueStart, end);
    this.#take(key, quoted ? unquoted(raw) : raw);
    let next = end;
    while (text.charCodeAt(next) === SPACE) next++;
    return next;
  }

  #take(key: string, value: string): void {
    this.#pairs++;
    if (this.#message === undefined && messageKeys.has(key)) {
      this.#message = value;
      this.#special = true;
    } else if (this.#level === undefined && levelKeys.has(key)) {
      this.#level = value;
      this.#special = true;
    } else if (this.#unixTimeNs === undefined && timeKeys.has(key)) {
      this.#special = true;
      this.#unixTimeNs = unixTimeOf(value);
      if (this.#unixTimeNs === undefined) this.#attributes.addText(key, value);
    } else if (value !== "") this.#attributes.addText(key, value);
  }

  toParsed(text: string): ParsedLine | undefined {
    if (this.#pairs < 2 || !this.#special) return undefined;
    return {
      body: this.#message?.trimEnd() || text,
      severityNumber: severityOfWord(this.#level ?? ""),
      severityText: this.#level,
      unixTimeNs: this.#unixTimeNs,
      attributes: this.#attributes.list,
      attributesCut: this.#attributes.cut,
    };
  }
}

/** Index of the "=" behind the key that begins at `start`, or -1 when no key begins there. */
function keyEnd(text: string, start: number): number {
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === EQUALS) return index > start ? index : -1;
    if (code <= SPACE || code === QUOTE || code === DELETE) return -1;
  }
  return -1;
}

/** Index behind the bare value at `start`, or -1 when a quote stands inside it. */
function bareEnd(text: string, start: number): number {
  let index = start;
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= SPACE) return code === SPACE ? index : -1;
    if (code === QUOTE) return -1;
  }
  return index;
}

/** Index behind the closing quote of the quoted value at `start`, or -1 when there is none. */
function quotedEnd(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) {
      const next = text.charCodeAt(index + 1);
      return Number.isNaN(next) || next === SPACE ? index + 1 : -1;
    }
  }
  return -1;
}

/** The text of a quoted value: Go's and JSON's escapes agree on those that loggers write. */
function unquoted(raw: string): string {
  const inner = raw.slice(1, -1);
  if (!inner.includes("\\")) return inner;
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "string" ? value : inner;
  } catch {
    return inner;
  }
}
