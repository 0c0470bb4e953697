/**
 * The directory of the hook socket, and the lock that makes one agent its owner. Invariant: an
 * existing directory is never changed, and a socket file is only replaced while the lock is held.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { reasonOf } from "../lib/setup-error.ts";
import { errno, libc, libcConstant } from "./libc.ts";
import { HookSetupError } from "./setup-error.ts";

const OPEN_CLOEXEC = 0o2000000;
const LOCK_ATTEMPTS_MAX = 8;
/** Root's directory can be passed through, but not listed, by every user's processes. */
const DIRECTORY_MODE_ROOT = 0o711;
const DIRECTORY_MODE_USER = 0o700;

export interface HookLock {
  /** Removes the lock file and gives up the lock. */
  release(): void;
}

/** Real user; 0 means that processes of every user may register. */
export function ownUid(): number {
  return process.getuid?.() ?? 0;
}

/** Creates the directory when it is missing; refuses one in which the socket would not be safe. */
export function prepareDirectory(directory: string): void {
  const mode = ownUid() === 0 ? DIRECTORY_MODE_ROOT : DIRECTORY_MODE_USER;
  try {
    const created = mkdirSync(directory, { recursive: true, mode });
    if (created !== undefined) chmodSync(directory, mode);
  } catch (error) {
    throw new HookSetupError(
      `cannot create the hook socket's directory ${directory}: ${reasonOf(error)}`,
    );
  }
  const owner = statSync(directory).uid;
  if (owner !== ownUid() && owner !== 0) {
    throw new HookSetupError(
      `the hook socket's directory ${directory} belongs to another user (uid ${owner})`,
    );
  }
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new HookSetupError(
      `the hook socket's directory ${directory} is not writable: ${reasonOf(error)}`,
    );
  }
}

/** Takes `<directory>/agent.lock`; refuses when another living agent holds it. */
export function takeLock(socketPath: string): HookLock {
  const path = join(dirname(socketPath), "agent.lock");
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt++) {
    const fd = openLock(path);
    if (libc().flock(fd, libcConstant.LOCK_EX | libcConstant.LOCK_NB) !== 0) {
      const code = errno();
      closeSync(fd);
      if (code === libcConstant.EINTR) continue;
      throw new HookSetupError(`another agent${ownerOf(path)} already listens on ${socketPath}`);
    }
    if (!isStillLinked(fd, path)) {
      // The agent that held it has just removed it: the next open makes a new file.
      closeSync(fd);
      continue;
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`);
    return {
      release: () => {
        removeFile(path);
        closeSync(fd);
      },
    };
  }
  throw new HookSetupError(`cannot lock ${path}: it is removed again and again`);
}

/** Removes what a killed agent left; the caller holds the lock. */
export function removeStaleSocket(path: string): void {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined) return;
  if (!about.isSocket()) {
    throw new HookSetupError(`${path} exists and is not a socket`);
  }
  try {
    unlinkSync(path);
  } catch (error) {
    throw new HookSetupError(`cannot replace the socket ${path}: ${reasonOf(error)}`);
  }
}

/** Removes a file that may be gone already. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone, or the directory is: both are what was wanted.
  }
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | OPEN_CLOEXEC, 0o600);
  } catch (error) {
    throw new HookSetupError(`cannot open ${path}: ${reasonOf(error)}`);
  }
}

function ownerOf(path: string): string {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^\d{1,10}$/.test(text) ? ` (pid ${text})` : "";
  } catch {
    return "";
  }
}

function isStillLinked(fd: number, path: string): boolean {
  const held = fstatSync(fd);
  const named = lstatSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === held.ino && named.dev === held.dev;
}
