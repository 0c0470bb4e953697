/** `olly lib`: the preload library that this executable carries. */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isatty } from "node:tty";
import { defineCommand } from "citty";
import {
  embeddedLibrary,
  extractLibrary,
  findLibraryDirectory,
  placeEmptyLibrary,
} from "../hook/embedded-library.ts";
import { has32BitPrograms, placeByPlatform } from "../hook/platform-paths.ts";
import { reasonOf, SetupError } from "../lib/setup-error.ts";
import { writeBytesFully } from "../self/output.ts";
import { checkLibrary, renderTrials } from "./check-library.ts";
import { type CommandContext, invocationOf } from "./command.ts";
import { UsageError } from "./flags.ts";

const STDOUT_FD = 1;
const LIBRARY_NAME = "libolly.so";
const LIBRARY_MODE = 0o755;

export const libCommand = defineCommand({
  meta: {
    name: "lib",
    description: "print or write the preload library",
    details: [
      "Writes libolly.so into DIR and prints its path; without --extract its bytes go to stdout.",
      "For starting programs without `olly run`: set LD_PRELOAD, OLLY_SOCKET and OLLY_CONTROL.",
      "Where 32-bit programs run too, LD_PRELOAD='DIR/$PLATFORM/libolly.so' spares them a warning.",
      "--check runs programs of this host with the library and without it, and compares exit code,",
      "stdout and stderr: what to do before every program of a host loads it.",
    ],
    examples: [
      ["olly lib --extract /opt/olly", "writes /opt/olly/libolly.so"],
      ["olly lib > libolly.so", "the same bytes"],
      ["olly lib --check", "exit code 1 when a program differs, which is named"],
    ],
  },
  args: {
    extract: { type: "string", valueHint: "DIR", description: "directory, created when missing" },
    check: { type: "boolean", description: "try it on programs of this host" },
    library: { type: "string", valueHint: "FILE", description: "for --check: another library" },
  },
  run: async (run) => {
    const { context } = invocationOf(run);
    const { check, library } = run.args;
    if (library !== undefined && check !== true) {
      throw new UsageError("--library is for --check: olly lib --check --library FILE");
    }
    if (check === true) {
      if (run.args.extract !== undefined) {
        throw new UsageError("--check and --extract cannot be used together");
      }
      return checked(library, context);
    }
    if (run.args.extract !== undefined) {
      const directory = resolve(context.workingDirectory, run.args.extract);
      const path = writeLibrary(await embeddedLibrary(), directory);
      if (has32BitPrograms()) placeByPlatform(path, placeEmptyLibrary);
      context.stdout(`${path}\n`);
      return 0;
    }
    if (isatty(STDOUT_FD)) {
      throw new UsageError("a library is no text for a terminal: olly lib --extract DIR");
    }
    const problem = writeBytesFully(STDOUT_FD, await embeddedLibrary());
    if (problem !== undefined) throw new SetupError(`cannot write to stdout: ${problem}`);
    return 0;
  },
});

async function checked(file: string | undefined, context: CommandContext): Promise<number> {
  const path =
    file === undefined
      ? await extractLibrary(findLibraryDirectory(context.uid, context.environment))
      : resolve(context.workingDirectory, file);
  if (file !== undefined && !existsSync(path)) throw new SetupError(`${path} does not exist`, 2);
  const results = await checkLibrary(path, context);
  context.stdout(renderTrials(results));
  const different = results.filter((one) => one.outcome === "differs");
  if (different.length === 0) return 0;
  context.stderr(`olly: ${different.length} programs differ with ${path}: do not preload it\n`);
  return 1;
}

/** A new file takes the old one's place: programs that have the old one mapped keep it. */
function writeLibrary(library: Uint8Array, directory: string): string {
  const path = join(directory, LIBRARY_NAME);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(draft, library, { mode: LIBRARY_MODE, flush: true });
    chmodSync(draft, LIBRARY_MODE);
    renameSync(draft, path);
    return path;
  } catch (error) {
    removeDraft(draft);
    throw new SetupError(`cannot write ${path}: ${reasonOf(error)}`);
  }
}

function removeDraft(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It could not even be made; why is said already.
  }
}
