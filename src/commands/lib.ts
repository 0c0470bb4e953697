/** `olly lib`: the preload library that this executable carries. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isatty } from "node:tty";
import { defineCommand } from "citty";
import { embeddedLibrary, placeEmptyLibrary } from "../hook/embedded-library.ts";
import { has32BitPrograms, placeByPlatform } from "../hook/platform-paths.ts";
import { reasonOf, SetupError } from "../lib/setup-error.ts";
import { writeBytesFully } from "../self/output.ts";
import { invocationOf } from "./command.ts";
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
    ],
    examples: [
      ["olly lib --extract /opt/olly", "writes /opt/olly/libolly.so"],
      ["olly lib > libolly.so", "the same bytes"],
    ],
  },
  args: {
    extract: { type: "string", valueHint: "DIR", description: "directory, created when missing" },
  },
  run: async (run) => {
    const { context } = invocationOf(run);
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
