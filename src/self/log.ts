/**
 * olly's own log: one line per message, on stderr, never mixed with a program's telemetry.
 * Invariant: a message is exactly one line, and a flood of them cannot fill a disk: what is left
 * out is counted and said.
 */
import { type ConsolaReporter, createConsola, LogLevels, type LogObject } from "consola/core";
import { writeFully } from "./output.ts";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface SelfLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface SelfLogOptions {
  readonly level: LogLevel;
  /** True: time and level in front (an agent's log). False: "olly: " (a command at a terminal). */
  readonly stamped: boolean;
  /** Takes a line with its newline; stderr when left out. */
  readonly write?: (line: string) => void;
  /** Unix time in ms; the system's when left out. */
  readonly now?: () => number;
}

const STDERR_FD = 2;
/** Lines per second and, below debug, no more. */
const LINES_PER_SECOND_MAX = 50;
const MESSAGE_LENGTH_MAX = 2_000;

export function createSelfLog(options: SelfLogOptions): SelfLog {
  return createConsola({
    level: LogLevels[options.level],
    reporters: [new LineReporter(options)],
    // Repeated messages are lines like all others: the reporter alone limits them.
    throttle: Number.NEGATIVE_INFINITY,
  });
}

class LineReporter implements ConsolaReporter {
  readonly #stamped: boolean;
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #second = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(options: SelfLogOptions) {
    this.#stamped = options.stamped;
    this.#write = options.write ?? ((line) => void writeFully(STDERR_FD, line));
    this.#now = options.now ?? Date.now;
  }

  log({ type, args }: LogObject): void {
    const nowMs = this.#now();
    if (type !== "debug" && !this.#admits(nowMs)) return;
    this.#write(this.#line(type, String(args[0]), nowMs));
  }

  #admits(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      const leftOut = this.#leftOut;
      this.#second = second;
      this.#lines = 0;
      this.#leftOut = 0;
      if (leftOut > 0) this.#write(this.#line("warn", `${leftOut} messages were left out`, nowMs));
    }
    if (this.#lines >= LINES_PER_SECOND_MAX) {
      this.#leftOut++;
      return false;
    }
    this.#lines++;
    return true;
  }

  #line(level: string, message: string, nowMs: number): string {
    const text = oneLine(message);
    if (!this.#stamped) return `olly: ${text}\n`;
    return `${new Date(nowMs).toISOString()} olly ${level}: ${text}\n`;
  }
}

/** Control characters become escapes: a message can break neither its line nor a terminal. */
function oneLine(message: string): string {
  const text = message.slice(0, MESSAGE_LENGTH_MAX);
  let safe = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code === 10) safe += "\\n";
    else if (code < 32 || code === 127) safe += `\\x${code.toString(16).padStart(2, "0")}`;
    else safe += character;
  }
  return safe;
}
