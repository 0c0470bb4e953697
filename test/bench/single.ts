/**
 * Figures of single processes: the library's calls, its start-up, the agent at rest, and
 * the executable's start. Invariant: differences are medians over runs that take turns.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ollyBinary, ollyLibrary } from "../harness/olly.ts";
import { output } from "../harness/processes.ts";
import { residentKibibytes, treeCpuSeconds } from "./cpu.ts";
import { type Figure, median } from "./figures.ts";
import type { Hooks } from "./hooks.ts";
import type { Environment } from "./programs.ts";

const root = resolve(import.meta.dir, "../..");
const STARTS = 200;
const VERSIONS = 20;
const REST_SECONDS = 3;

/** Figures that libolly/test/bench.c prints, with the targets that some of them have. */
const CALL_TARGETS: Readonly<Record<string, number>> = {
  dormant_read_extra: 2,
  dormant_write_extra: 2,
  active_256_bytes_extra: 300,
};

export async function* callFigures(): AsyncGenerator<Figure> {
  const directory = join(root, "build/bench");
  mkdirSync(directory, { recursive: true });
  const bench = join(directory, "libolly-bench");
  const sources = ["bench.c", "harness.c"].map((name) => join(root, "libolly/test", name));
  const compiler = process.env["CC"] ?? "cc";
  await output([compiler, "-O2", "-pthread", "-U_FORTIFY_SOURCE", "-o", bench, ...sources]);
  const printed = await output([bench, ollyLibrary]);
  for (const line of printed.split("\n")) {
    const [, name = "", value, unit = ""] = /^(\w+) (-?[\d.]+) (\w+)$/.exec(line) ?? [];
    const target = CALL_TARGETS[name];
    if (target !== undefined) {
      const title = `libolly: ${name.replaceAll("_", " ")} per call`;
      yield { name: title, value: Number(value), unit, target: { atMost: target } };
    }
  }
}

/** `olly version`, wall time. */
export function versionFigure(): Figure {
  const times = Array.from({ length: VERSIONS }, () => {
    const began = performance.now();
    Bun.spawnSync([ollyBinary, "version"]);
    return performance.now() - began;
  });
  return { name: "olly version", value: median(times), unit: "ms", target: { atMost: 30 } };
}

export async function* libraryFigures(hooks: Hooks): AsyncGenerator<Figure> {
  const bare: number[] = [];
  const hooked: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    bare.push(startMilliseconds({}));
    hooked.push(startMilliseconds(hooks.active.environment));
  }
  yield {
    name: "libolly: CPU of a program's start, more than bare",
    value: median(hooked) - median(bare),
    unit: "ms",
    target: { atMost: 1 },
  };
}

export async function* restFigures(hooks: Hooks): AsyncGenerator<Figure> {
  const { pid } = hooks.dormant.program;
  const before = treeCpuSeconds(pid);
  await Bun.sleep(REST_SECONDS * 1_000);
  const share = ((treeCpuSeconds(pid) - before) / REST_SECONDS) * 100;
  yield { name: "agent at rest: CPU", value: share, unit: "%", target: { atMost: 1 } };
  const mebibytes = residentKibibytes(pid) / 1_024;
  yield { name: "agent at rest: memory", value: mebibytes, unit: "MiB", target: { atMost: 70 } };
}

function startMilliseconds(environment: Environment): number {
  const ended = Bun.spawnSync(["/bin/true"], { env: { ...environment } });
  return Number(ended.resourceUsage?.cpuTime.total ?? Number.NaN) / 1_000;
}
