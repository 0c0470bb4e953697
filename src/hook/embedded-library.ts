/**
 * libolly.so as it travels inside the executable, and its place on disk. Invariant: a library file
 * is never written in place, because processes have it mapped (they would die of SIGBUS); its name
 * states its content.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../lib/setup-error.ts";
import { has32BitPrograms, placeByPlatform } from "./platform-paths.ts";
import { HookSetupError } from "./setup-error.ts";

const HASH_DIGITS = 16;
const LIBRARY_MODE = 0o755;
const DIRECTORY_MODE = 0o755;
/** What the loader takes for separators or placeholders in LD_PRELOAD. */
const UNUSABLE_IN_PRELOAD = /[\s:;$]/;

/**
 * The library's bytes: embedded in the compiled executable, dist/libolly.so during development.
 * Fails with HookSetupError when it has not been built.
 */
export async function embeddedLibrary(): Promise<Uint8Array> {
  try {
    const { default: path } = await import("../../dist/libolly.so", { with: { type: "file" } });
    return await Bun.file(path).bytes();
  } catch (error) {
    throw new HookSetupError(`libolly.so is not part of this build: ${reasonOf(error)}`);
  }
}

/**
 * Writes the library into an existing directory, unless it is there; returns its path as it stands
 * in LD_PRELOAD. On a host that runs 32-bit programs they find an empty library there.
 */
export async function extractLibrary(directory: string): Promise<string> {
  const path = placeLibrary(await embeddedLibrary(), directory);
  return has32BitPrograms() ? placeByPlatform(path, placeEmptyLibrary) : path;
}

export function placeEmptyLibrary(library: Uint8Array, directory: string): string {
  return placeLibrary(library, directory, "libolly32");
}

/** Any bytes, under a name that states them. */
export function placeLibrary(library: Uint8Array, directory: string, stem = "libolly"): string {
  const path = join(directory, `${stem}-${digestOf(library).slice(0, HASH_DIGITS)}.so`);
  if (isInPlace(path, library)) return path;
  const draft = `${path}.${process.pid}.tmp`;
  try {
    rmSync(draft, { force: true });
    writeFileSync(draft, library, { flag: "wx", mode: LIBRARY_MODE, flush: true });
    // The mode of a new file is cut by the umask.
    chmodSync(draft, LIBRARY_MODE);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new HookSetupError(`cannot write ${path}: ${reasonOf(error)}`);
  }
  return path;
}

/**
 * A directory for the library that programs of this user can load from: it can be created, belongs
 * to the user, cannot be written by others and is not mounted noexec. Fails with HookSetupError.
 */
export function findLibraryDirectory(
  uid: number,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const candidates = libraryDirectories(uid, env);
  const reasons: string[] = [];
  for (const directory of candidates) {
    const reason = whyUnusable(directory, uid);
    if (reason === undefined) return directory;
    reasons.push(`${directory} (${reason})`);
  }
  throw new HookSetupError(`no directory for libolly.so can be used: ${reasons.join(", ")}`);
}

/** Candidates, the best first. */
export function libraryDirectories(
  uid: number,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (uid === 0) return ["/var/cache/olly", "/var/tmp/olly-0"];
  const candidates: string[] = [];
  const cache = env["XDG_CACHE_HOME"];
  const home = env["HOME"];
  if (cache?.startsWith("/")) candidates.push(join(cache, "olly"));
  else if (home?.startsWith("/")) candidates.push(join(home, ".cache", "olly"));
  candidates.push(`/var/tmp/olly-${uid}`);
  return candidates;
}

/** Whether the path is on a mount without execution, by the text of /proc/self/mounts. */
export function isNoexec(path: string, mounts: string): boolean {
  let longest = -1;
  let noexec = false;
  for (const line of mounts.split("\n")) {
    const [, escaped = "", , options = ""] = line.split(" ");
    const mount = escaped.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const isAbove = mount === "/" || path === mount || path.startsWith(`${mount}/`);
    // A later mount on the same place hides the earlier one.
    if (mount === "" || !isAbove || mount.length < longest) continue;
    longest = mount.length;
    noexec = options.split(",").includes("noexec");
  }
  return noexec;
}

/** Why programs could not load a library from the directory; undefined = they can. */
export function whyUnusable(directory: string, uid: number): string | undefined {
  if (UNUSABLE_IN_PRELOAD.test(directory)) return "its name cannot stand in LD_PRELOAD";
  try {
    const created = mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    if (created !== undefined) chmodSync(directory, DIRECTORY_MODE);
    const unsafe = whyUnsafe(lstatSync(directory), uid);
    if (unsafe !== undefined) return unsafe;
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    return isNoexec(realpathSync(directory), mounts) ? "mounted noexec" : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Why what is there must not be used; undefined = it may. */
export function whyUnsafe(about: Stats, uid: number): string | undefined {
  if (!about.isDirectory()) return "not a directory";
  if (about.uid !== uid) return "belongs to another user";
  return (about.mode & 0o022) === 0 ? undefined : "others may write to it";
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isInPlace(path: string, library: Uint8Array): boolean {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined || !about.isFile() || about.size !== library.length) return false;
  if ((about.mode & 0o777) !== LIBRARY_MODE) return false;
  try {
    return digestOf(readFileSync(path)) === digestOf(library);
  } catch {
    return false;
  }
}
