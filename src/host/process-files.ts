/**
 * Reading files that belong to other processes. Invariant: nothing that such a process can make of
 * its files (a pipe, a device, an endless file, a vanished one) blocks or ends the agent.
 */
import { readlinkSync, readSync } from "node:fs";
import { limits } from "../limits.ts";
import { withRegularFile } from "./open-regular.ts";

/** Files and links of the host, replaced in tests. */
export interface HostFiles {
  /** The first limits.processFileBytesMax bytes as text; undefined when it cannot be read. */
  text(path: string): string | undefined;
  /** Target of a symbolic link; undefined when it cannot be read. */
  link(path: string): string | undefined;
}

export const systemFiles: HostFiles = {
  text: (path) => withRegularFile(path, readAll),
  link: (path) => {
    try {
      return readlinkSync(path);
    } catch {
      return undefined; // gone, or not ours to look at
    }
  },
};

/** Files of /proc state no size, so they are read until they end. */
function readAll(fd: number): string {
  const bytes = Buffer.allocUnsafe(limits.processFileBytesMax);
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(fd, bytes, length, bytes.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return bytes.toString("utf8", 0, length);
}
