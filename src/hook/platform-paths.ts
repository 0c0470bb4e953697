/**
 * A path in LD_PRELOAD that means another file to a 32-bit program. glibc's loader puts the name of
 * its own platform for $PLATFORM; musl's takes the word as it stands. Invariant: each name that the
 * 64-bit loaders of this processor know leads to the library, each of the 32-bit ones to an empty
 * library, so that no loader has anything to warn about.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { reasonOf } from "../lib/setup-error.ts";
import { emptyLibrary } from "./empty-library.ts";
import { HookSetupError } from "./setup-error.ts";

const PLACEHOLDER = "$PLATFORM";
const DIRECTORY_MODE = 0o755;
const AT_PLATFORM = 15n;
const AUXV_ENTRY_BYTES = 16;

interface Platforms {
  readonly wide: readonly string[];
  readonly narrow: readonly string[];
  /** Where a 32-bit program looks for its loader. */
  readonly narrowLoaders: readonly string[];
}

/** haswell and xeon_phi: what glibc 2.26 to 2.36 makes of x86_64 on such processors. */
const PLATFORMS: Readonly<Record<string, Platforms>> = {
  x64: {
    wide: ["x86_64", "haswell", "xeon_phi", PLACEHOLDER],
    narrow: ["i386", "i486", "i586", "i686"],
    narrowLoaders: ["/lib/ld-linux.so.2"],
  },
  arm64: {
    wide: ["aarch64", PLACEHOLDER],
    narrow: ["v6l", "v7l", "v8l"],
    narrowLoaders: ["/lib/ld-linux-armhf.so.3", "/lib/ld-linux.so.3"],
  },
};

/** Whether 32-bit programs can run here, and the kernel tells loaders the platform. */
export function has32BitPrograms(architecture: string = process.arch): boolean {
  const loaders = PLATFORMS[architecture]?.narrowLoaders ?? [];
  return loaders.some((path) => existsSync(path)) && hasPlatform(ownAuxv());
}

function ownAuxv(): Uint8Array {
  try {
    return readFileSync("/proc/self/auxv");
  } catch {
    return new Uint8Array();
  }
}

/** By the kernel's auxiliary vector: pairs of 64-bit words. */
export function hasPlatform(auxv: Uint8Array): boolean {
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength);
  for (let at = 0; at + AUXV_ENTRY_BYTES <= auxv.byteLength; at += AUXV_ENTRY_BYTES) {
    if (view.getBigUint64(at, true) === AT_PLATFORM) return view.getBigUint64(at + 8, true) !== 0n;
  }
  return false;
}

/**
 * Makes the library at `path` reachable by platform, in directories beside it; returns the path for
 * LD_PRELOAD. `placeEmpty` puts the empty library into a directory and returns its path.
 */
export function placeByPlatform(
  path: string,
  placeEmpty: (library: Uint8Array, directory: string) => string,
  architecture: string = process.arch,
): string {
  const platforms = PLATFORMS[architecture];
  const empty = emptyLibrary(architecture);
  if (platforms === undefined || empty === undefined) return path;
  const directory = dirname(path);
  const name = basename(path);
  const emptyName = basename(placeEmpty(empty, directory));
  for (const platform of platforms.wide) link(join(directory, platform), name, name);
  for (const platform of platforms.narrow) link(join(directory, platform), name, emptyName);
  return join(directory, PLACEHOLDER, name);
}

/** Relative, so that the directory can be mounted elsewhere. */
function link(directory: string, name: string, sibling: string): void {
  const path = join(directory, name);
  const target = join("..", sibling);
  try {
    if (mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE }) !== undefined) {
      chmodSync(directory, DIRECTORY_MODE);
    }
    if (targetOf(path) === target) return;
    const draft = `${path}.${process.pid}.tmp`;
    rmSync(draft, { force: true });
    symlinkSync(target, draft);
    renameSync(draft, path);
  } catch (error) {
    throw new HookSetupError(`cannot make ${path}: ${reasonOf(error)}`);
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
