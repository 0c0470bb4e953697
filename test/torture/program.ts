/** The C programs of this folder: built once, run with a time limit; what they say at the end. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { output, run, temporaryDirectory, text } from "../harness/processes.ts";

const FLAGS = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];

/** Builds `torture`, of every C file but those that are programs of their own. */
export function buildTorture(): Promise<string> {
  const parts = readdirSync(import.meta.dir).filter((name) => name.endsWith(".c"));
  return build("torture", parts.filter((name) => name !== "burst.c").sort(), ["-lssl", "-lcrypto"]);
}

export function buildBurst(): Promise<string> {
  return build("burst", ["burst.c"], []);
}

async function build(name: string, parts: readonly string[], libraries: readonly string[]) {
  const path = join(temporaryDirectory(), name);
  const sources = parts.map((part) => join(import.meta.dir, part));
  await output([process.env["CC"] ?? "cc", ...FLAGS, "-o", path, ...sources, ...libraries]);
  return path;
}

/** The last line of `torture`. */
export interface Ending {
  readonly digest: string;
  readonly mappings: number;
  readonly vszKib: number;
  readonly rssKib: number;
}

/** glibc keeps the stacks of ended threads, how many is a matter of chance. */
const NO_STACKS_KEPT = { GLIBC_TUNABLES: "glibc.pthread.stack_cache_size=0" };

export interface Effort {
  readonly seed: number;
  readonly threads: number;
  readonly steps: number;
}

/** Runs it to its end; whatever is not as it has to be is thrown with the seed that shows it. */
export async function torture(
  program: string,
  { seed, threads, steps }: Effort,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ending> {
  const numbers = [seed, threads, steps].map(String);
  const command = ["timeout", "-s", "ABRT", "120", program, ...numbers, temporaryDirectory()];
  const ended = await run(command, { env: { ...env, ...NO_STACKS_KEPT } });
  const last = text(ended.stdout).trim().split("\n").at(-1) ?? "";
  const match = /^digest (\w+) mappings (\d+) vsz_kib (\d+) rss_kib (\d+)$/.exec(last);
  if (ended.code !== 0 || match === null) {
    throw new Error(`seed ${seed}: exit code ${ended.code}: ${text(ended.stderr)}${last}`);
  }
  const [, digest = "", mappings, vszKib, rssKib] = match;
  return {
    ...{ digest, mappings: Number(mappings) },
    ...{ vszKib: Number(vszKib), rssKib: Number(rssKib) },
  };
}
