/**
 * Writing to a descriptor that is shared with other programs. Invariant: text is written in order
 * and whole, or the caller is told; a reader that has gone or never reads cannot stop the agent.
 */
import { writeSync } from "node:fs";

/** How long a pipe that nobody reads holds a writer up, before the rest is given up. */
const STALL_MS_MAX = 2_000;
const RETRY_MS = 2;

const encoder = new TextEncoder();
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of the text. A program may have set the shared descriptor to non-blocking (node does),
 * so "try again" is waited out here. Returns undefined, or why the rest could not be written.
 */
export function writeFully(fd: number, text: string): string | undefined {
  return writeBytesFully(fd, encoder.encode(text));
}

export function writeBytesFully(fd: number, bytes: Uint8Array): string | undefined {
  let written = 0;
  let stalledMs = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
      stalledMs = 0;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      if (code === "EINTR") continue;
      if (code !== "EAGAIN" || stalledMs >= STALL_MS_MAX) return code;
      Atomics.wait(sleeper, 0, 0, RETRY_MS);
      stalledMs += RETRY_MS;
    }
  }
  return undefined;
}
