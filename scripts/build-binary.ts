/**
 * Builds dist/libolly.so and dist/olly, the executable that carries it. Invariant: what is in dist
 * is complete: every file is made under another name and moved into place.
 *
 *   bun scripts/build-binary.ts [OUTPUT_DIRECTORY]    CC names the C compiler
 */
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

class BuildError extends Error {}

function main(): void {
  const started = performance.now();
  const output = resolve(process.argv[2] ?? join(root, "dist"));
  mkdirSync(output, { recursive: true });
  buildLibrary(join(output, "libolly.so"));
  buildExecutable(output);
  for (const name of ["libolly.so", "olly"]) {
    const size = statSync(join(output, name)).size;
    const text = size < 1_048_576 ? `${(size / 1_024).toFixed(0)} KiB` : `${(size / 1_048_576).toFixed(1)} MiB`;
    console.log(`${join(output, name)}  ${text}`);
  }
  console.log(`built in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}

function buildLibrary(path: string): void {
  const compiler = process.env["CC"] || ["cc", "gcc", "clang"].find((name) => Bun.which(name));
  if (compiler === undefined || Bun.which(compiler.split(" ")[0] ?? "") === null) {
    throw new BuildError(
      `no C compiler${compiler === undefined ? "" : ` ${compiler}`}: install one (Debian: gcc libc6-dev) or set CC`,
    );
  }
  const draft = `${path}.tmp`;
  run(["sh", join(root, "libolly/build.sh"), draft, compiler]);
  renameSync(draft, path);
}

/**
 * The flags without which the executable would obey a bunfig.toml or .env of the directory it is
 * started in are as important as the ones that make it start fast.
 */
function buildExecutable(output: string): void {
  const draft = "olly.tmp";
  run(
    [
      process.execPath,
      "build",
      "--compile",
      "--minify",
      "--bytecode",
      "--format=esm",
      "--splitting",
      "--sourcemap",
      "--no-compile-autoload-bunfig",
      "--no-compile-autoload-dotenv",
      "src/main.ts",
      "src/hook/socket-worker.ts",
      "--outfile",
      join(output, draft),
    ],
    root,
  );
  renameSync(join(output, draft), join(output, "olly"));
  rmSync(join(output, `${draft}.map`), { force: true });
}

/** Quiet unless it fails. */
function run(command: readonly string[], cwd = root): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd });
  if (exitCode === 0) return;
  process.stderr.write(stdout);
  process.stderr.write(stderr);
  throw new BuildError(`${command.slice(0, 3).join(" ")} failed with exit code ${exitCode}`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build: ${error.message}`);
  process.exit(1);
}
