/** Asks the host what matters to olly. Invariant: nothing is changed or created. */
import { accessSync, constants, existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { release } from "node:os";
import { dirname } from "node:path";
import { isNoexec, libraryDirectories, whyUnsafe } from "../../hook/embedded-library.ts";
import { memoryFileProblem } from "../../host/memory-file.ts";
import { readElf } from "../../host/visibility/elf.ts";
import { ProcFiles } from "../../host/visibility/proc-files.ts";
import { reasonOf } from "../../lib/setup-error.ts";
import type { CommandContext } from "../command.ts";
import type { DirectoryFacts, HostFacts } from "./facts.ts";

const QUEUE_FILE = "/proc/sys/net/unix/max_dgram_qlen";
const SYSTEM_PRELOADS = "/etc/ld.so.preload";

/** What is preloaded into every program of this host. */
export function systemPreloadPaths(): string[] {
  return preloadsIn(textOf(SYSTEM_PRELOADS)).map(({ path }) => path);
}

export function gatherHost({ uid, environment }: CommandContext): HostFacts {
  return {
    uid,
    kernel: release(),
    datagramQueue: datagramQueue(),
    memfdProblem: memoryFileProblem(),
    libraryDirectories: libraryDirectories(uid, environment).map((path) =>
      directoryFacts(path, uid),
    ),
    loader: new ProcFiles("").open("/bin/sh", (file) => readElf(file)?.interpreter),
    systemPreloads: preloadsIn(textOf(SYSTEM_PRELOADS)),
  };
}

function datagramQueue(): number | undefined {
  const length = Number(textOf(QUEUE_FILE));
  return Number.isInteger(length) && length > 0 ? length : undefined;
}

/** ld.so(8): separated by white space or colons; "#" begins a comment; "$LIB" is the loader's. */
export function preloadsIn(text: string): { path: string; exists: boolean }[] {
  return text
    .replace(/#.*/g, "")
    .split(/[\s:]+/)
    .filter((path) => path !== "")
    .map((path) => ({
      path,
      exists: !path.startsWith("/") || path.includes("$") || existsSync(path),
    }));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A directory that does not exist yet is as good as what it would be created in. */
function directoryFacts(path: string, uid: number): DirectoryFacts {
  const existing = nearestExisting(path);
  try {
    const isThere = existing === path;
    const unsafe = isThere ? whyUnsafe(lstatSync(path), uid) : undefined;
    if (unsafe !== undefined) return { path, problem: unsafe };
    accessSync(existing, constants.W_OK | constants.X_OK);
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    const noexec = isNoexec(realpathSync(existing), mounts);
    return { path, problem: noexec ? "mounted noexec" : undefined };
  } catch (error) {
    return { path, problem: reasonOf(error) };
  }
}

function nearestExisting(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
