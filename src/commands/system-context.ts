/** The context of the real process. Invariant: what was written is out before the process ends. */
import { isatty } from "node:tty";
import { writeFully } from "../self/output.ts";
import type { CommandContext } from "./command.ts";

const STDOUT_FD = 1;
const STDERR_FD = 2;
const COLUMNS_DEFAULT = 100;

export function systemContext(): CommandContext {
  return {
    environment: process.env,
    uid: process.getuid?.() ?? 0,
    workingDirectory: workingDirectory(),
    stdout: (text) => void writeFully(STDOUT_FD, text),
    stderr: (text) => void writeFully(STDERR_FD, text),
  };
}

/** The current directory may have been deleted; relative paths then begin at the root. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

/** A place where telemetry is shown to a person. */
export interface ConsoleSink {
  write(text: string): void;
  readonly colour: boolean;
  readonly columns: number;
}

/** Colours only on a terminal, and not when the environment asks for none (no-color.org). */
export function consoleSink(
  fd: 1 | 2,
  environment: Readonly<Record<string, string | undefined>>,
): ConsoleSink {
  const terminal = isatty(fd);
  const plain = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  let broken = false;
  return {
    colour: terminal && !plain,
    columns: terminal ? columnsOf(fd) : COLUMNS_DEFAULT,
    write: (text) => {
      // A reader that has gone stays gone.
      if (!broken) broken = writeFully(fd, text) === "EPIPE";
    },
  };
}

function columnsOf(fd: 1 | 2): number {
  const stream = fd === STDOUT_FD ? process.stdout : process.stderr;
  return stream.columns > 0 ? stream.columns : COLUMNS_DEFAULT;
}
