/**
 * Appends lines to a file. Invariant: a regular file never ends in half a line of ours: what was
 * written of a line that did not fit is taken back.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { reasonOf } from "../lib/setup-error.ts";
import { ExportSetupError } from "./destination.ts";
import type { LineOutcome, LineSink } from "./lines.ts";

/** Telemetry can hold what is not for everyone: the owner's group may read, others may not. */
const FILE_MODE = 0o640;

const utf8 = new TextEncoder();

/** What these mean of a named pipe; the rest is the same for every file. */
const pipeReasons: Readonly<Record<string, string>> = {
  ENXIO: "nobody reads from it",
  EPIPE: "the reader has gone",
};

export class FileSink implements LineSink {
  readonly #path: string;
  readonly #fd: number;
  readonly #regular: boolean;
  /** The line that a pipe has taken a part of, and its bytes that are still to go. */
  #begun: { readonly line: string; readonly rest: Uint8Array } | undefined;

  /**
   * Opens (or creates) the file for appending, and writes so much that a full device is found now.
   * Throws ExportSetupError with one line that names the path and the reason.
   */
  constructor(path: string) {
    this.#path = path;
    let fd: number | undefined;
    try {
      fd = openSync(path, openFlags(path), FILE_MODE);
      const stats = fstatSync(fd);
      probe(fd, stats);
      this.#fd = fd;
      this.#regular = stats.isFile();
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      throw new ExportSetupError(`cannot write to ${path}: ${writeReasonOf(error)}`);
    }
  }

  write(line: string): LineOutcome {
    const bytes = this.#bytesOf(line);
    const size = this.#regular ? sizeOf(this.#fd) : 0;
    let written = 0;
    try {
      while (written < bytes.length) {
        const count = writeSync(this.#fd, bytes, written, bytes.length - written);
        written += count;
      }
    } catch (error) {
      if (isBusy(error)) {
        this.#begun = { line, rest: bytes.subarray(written) };
        return { kind: "busy" };
      }
      if (this.#regular && written > 0) takeBack(this.#fd, size, size + written);
      return { kind: "failed", reason: `cannot write to ${this.#path}: ${writeReasonOf(error)}` };
    }
    return { kind: "ok" };
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** A line that was begun is finished, even when its owner has given it up for another one. */
  #bytesOf(line: string): Uint8Array {
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun === undefined) return utf8.encode(line);
    return begun.line === line ? begun.rest : joined(begun.rest, utf8.encode(line));
  }
}

/** A named pipe is opened without waiting for its reader, and never blocks the agent. */
function openFlags(path: string): number {
  const append = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFIFO() ? append | constants.O_NONBLOCK : append;
}

/**
 * Finds a full disk before anything is captured: an empty file takes one byte for a moment (a file
 * with content is left alone, somebody may read along); a device is asked with no bytes at all,
 * which is enough for /dev/full.
 */
function probe(fd: number, stats: Stats): void {
  if (stats.isFile()) {
    if (stats.size > 0) return;
    writeSync(fd, utf8.encode("\n"), 0, 1);
    ftruncateSync(fd, 0);
  } else if (stats.isCharacterDevice()) {
    writeSync(fd, new Uint8Array(0), 0, 0);
  }
}

function sizeOf(fd: number): number {
  try {
    return fstatSync(fd).size;
  } catch {
    return 0;
  }
}

/** Cuts the file back to `size`, unless somebody else has appended since. */
function takeBack(fd: number, size: number, expected: number): void {
  try {
    if (fstatSync(fd).size === expected) ftruncateSync(fd, size);
  } catch {
    // The write's own failure is what gets reported; this one has the same cause.
  }
}

function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EAGAIN" || code === "EINTR";
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function writeReasonOf(error: unknown): string {
  return pipeReasons[codeOf(error) ?? ""] ?? reasonOf(error);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
