/**
 * `make bench`: the figures of the project, as ratios taken in one run where they are ratios.
 * Invariant: everything it starts has ended when it ends.
 *
 * usage: bun test/bench/run.ts [--quick] [calls|start|rest|agent|programs ...]
 */
import { stopAll } from "../harness/processes.ts";
import { agentFigures } from "./agent-figures.ts";
import { type Figure, header, row } from "./figures.ts";
import { type Hooks, startHooks } from "./hooks.ts";
import { type Effort, programFigures } from "./program-cpu.ts";
import { callFigures, libraryFigures, restFigures, versionFigure } from "./single.ts";

const THOROUGH: Effort = { rounds: 5, seconds: 2 };
const QUICK: Effort = { rounds: 1, seconds: 1 };

type Group = (hooks: Hooks, effort: Effort) => AsyncGenerator<Figure>;

const groups: Readonly<Record<string, Group>> = {
  calls: () => callFigures(),
  start: async function* (hooks) {
    yield versionFigure();
    yield* libraryFigures(hooks);
  },
  rest: (hooks) => restFigures(hooks),
  agent: () => agentFigures(),
  programs: programFigures,
};

async function main(args: readonly string[]): Promise<number> {
  const chosen = args.filter((argument) => argument !== "--quick");
  const unknown = chosen.filter((name) => !(name in groups));
  if (unknown.length > 0) {
    process.stderr.write(`bench: no group ${unknown.join(", ")}; ${Object.keys(groups)}\n`);
    return 2;
  }
  const effort = args.includes("--quick") ? QUICK : THOROUGH;
  const hooks = await startHooks();
  process.stdout.write(`${header()}\n`);
  for (const [name, group] of Object.entries(groups)) {
    if (chosen.length === 0 || chosen.includes(name)) {
      for await (const figure of group(hooks, effort)) {
        process.stdout.write(`${row(figure)}\n`);
      }
    }
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await stopAll();
}
