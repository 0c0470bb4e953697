/**
 * Opens files whose paths other processes choose. Invariant: only a regular file is ever opened:
 * the mere opening of a device does something (a watchdog starts, a tape rewinds), and root could.
 */
import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";

const OPEN_CLOEXEC = 0o2000000;
/** A handle of the file's place, which opens nothing (open(2)). */
const OPEN_PATH = 0o10000000;
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | OPEN_CLOEXEC;

/** Calls `use` with the open file; undefined when it is not there, not ours or not regular. */
export function withRegularFile<Result>(
  path: string,
  use: (fd: number, about: Stats) => Result,
): Result | undefined {
  let place: number | undefined;
  let fd: number | undefined;
  try {
    place = openSync(path, OPEN_PATH | OPEN_CLOEXEC);
    const about = fstatSync(place);
    if (!about.isFile()) return undefined;
    fd = openSync(`/proc/self/fd/${place}`, FLAGS);
    return use(fd, about);
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
    if (place !== undefined) closeSync(place);
  }
}
