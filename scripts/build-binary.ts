/**
 * Builds dist/libolly.so and olly, the executable that carries it. Invariant: what is there is
 * complete: a file is made elsewhere and moved into place.
 *
 *   bun scripts/build-binary.ts [DIRECTORY]    where olly goes; CC names the C compiler
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

class BuildError extends Error {}

function main(): void {
  const started = performance.now();
  const output = resolve(process.argv[2] ?? join(root, "dist"));
  mkdirSync(output, { recursive: true });
  const draft = mkdtempSync(join(output, ".build-"));
  try {
    buildLibrary(join(draft, "libolly.so"));
    // The executable embeds the library that is in dist.
    renameSync(join(draft, "libolly.so"), join(root, "dist/libolly.so"));
    buildExecutable(join(draft, "olly"));
    renameSync(join(draft, "olly"), join(output, "olly"));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  console.log(`${sizeOf(join(root, "dist/libolly.so"))}\n${sizeOf(join(output, "olly"))}`);
  console.log(`built in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}

function sizeOf(path: string): string {
  const size = statSync(path).size;
  const text =
    size < 1_048_576 ? `${(size / 1_024).toFixed(0)} KiB` : `${(size / 1_048_576).toFixed(1)} MiB`;
  return `${path}  ${text}`;
}

function buildLibrary(path: string): void {
  const compiler = process.env["CC"] || ["cc", "gcc", "clang"].find((name) => Bun.which(name));
  if (compiler === undefined || Bun.which(compiler.split(" ")[0] ?? "") === null) {
    const named = compiler === undefined ? "" : ` named ${compiler}`;
    throw new BuildError(
      `there is no C compiler${named}: install one (Debian: apt install gcc libc6-dev) or set CC`,
    );
  }
  run(["sh", "libolly/build.sh", path, compiler]);
}

/**
 * The flags without which the executable would obey a bunfig.toml or .env of the directory it is
 * started in are as important as the ones that make it start fast.
 */
function buildExecutable(path: string): void {
  run([
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
    path,
  ]);
}

/** Quiet unless it fails. */
function run(command: readonly string[]): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: root });
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
