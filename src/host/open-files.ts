/**
 * Names of the files behind descriptors of other processes. Invariant: a name is never older than
 * the last forget(), since a descriptor may name another file a moment later.
 */
import { readlinkSync } from "node:fs";

export class OpenFiles {
  readonly #paths = new Map<string, string | undefined>();

  /** Path of a regular file that the process has open, or undefined when it cannot be read. */
  pathOf(pid: number, fd: number): string | undefined {
    const key = `${pid} ${fd}`;
    if (this.#paths.has(key)) return this.#paths.get(key);
    const path = readPath(pid, fd);
    this.#paths.set(key, path);
    return path;
  }

  /** To be called between batches of messages. */
  forget(): void {
    if (this.#paths.size > 0) this.#paths.clear();
  }
}

function readPath(pid: number, fd: number): string | undefined {
  try {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return target.startsWith("/") ? target : undefined;
  } catch {
    return undefined; // the process has ended, closed the file, or is not ours to look at
  }
}
