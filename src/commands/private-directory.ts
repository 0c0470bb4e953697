/** A directory for an agent that lives as long as its command. The caller removes it. */
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SOCKET_PATH_BYTES_MAX } from "../config/paths.ts";
import { reasonOf, SetupError } from "../lib/setup-error.ts";

export const SOCKET_NAME = "hook.sock";
/** Root's programs may give up their rights and must still reach the socket. */
const DIRECTORY_MODE_ROOT = 0o711;
const DIRECTORY_PREFIX = "olly-run-";
/** What mkdtemp appends, and the longest name of a socket in the directory. */
const DIRECTORY_REST_BYTES = "XXXXXX/status.sock".length;

/** Fails with SetupError. */
export function privateDirectory(uid: number): string {
  const wished = resolve(tmpdir());
  const bytes = Buffer.byteLength(join(wished, DIRECTORY_PREFIX)) + DIRECTORY_REST_BYTES;
  const parent = bytes <= SOCKET_PATH_BYTES_MAX ? wished : "/tmp";
  try {
    const directory = mkdtempSync(join(parent, DIRECTORY_PREFIX));
    if (uid === 0) chmodSync(directory, DIRECTORY_MODE_ROOT);
    return directory;
  } catch (error) {
    throw new SetupError(`cannot create a directory in ${parent}: ${reasonOf(error)}`);
  }
}
