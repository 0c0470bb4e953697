/**
 * gRPC for Python (PyPI) and for Go (module proxy), outside the project. Invariant: each is fetched
 * once for each version; a half-made one is never found.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { goBinary } from "./collector.ts";
import { python } from "./olly.ts";
import { output } from "./processes.ts";

const GRPCIO_VERSION = "1.76.0";
const GO_PROGRAM = join(import.meta.dir, "../e2e/programs/go-grpc");
const GO_PROGRAM_VERSION = 1;

/** A directory for PYTHONPATH. */
export function grpcioPath(): Promise<string> {
  return oncePerVersion(`grpcio-${GRPCIO_VERSION}`, async (work) => {
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-cache-dir"];
    const options = ["--target", work, `grpcio==${GRPCIO_VERSION}`];
    await output([python, "-m", "pip", "install", ...quiet, ...options]);
  });
}

/** The Go program that is a gRPC server or client. */
export async function goGrpcProgram(): Promise<string> {
  const directory = await oncePerVersion(`go-grpc-${GO_PROGRAM_VERSION}`, async (work) => {
    const source = mkdtempSync(join(work, "source-"));
    await cp(GO_PROGRAM, source, { recursive: true });
    const command = [goBinary(), "build", "-mod=mod", "-o", join(work, "program"), "."];
    await output(command, { cwd: source, env: { CGO_ENABLED: "0" } });
  });
  return join(directory, "program");
}

export async function oncePerVersion(
  name: string,
  make: (work: string) => Promise<void>,
): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const parent = join(cache, "olly-test");
  const made = join(parent, name);
  if (existsSync(made)) return made;
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, "make-"));
  try {
    await make(work);
    renameSync(work, made);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return made;
}
