/**
 * CPython's own test suite, run without the library and with it at the same time. Invariant: what is
 * compared is the outcome of each single test; one that fails on this machine anyway is compared,
 * too.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { python, type TestAgent } from "../harness/olly.ts";
import { type Ended, run, temporaryDirectory, text } from "../harness/processes.ts";
import { identity } from "./traced.ts";

export interface Selection {
  /** Also the name of the service. */
  readonly name: string;
  /** Modules, classes or methods of the package `test`. */
  readonly tests: readonly string[];
  /** Ids that match are not run. */
  readonly leftOut: string;
  readonly secondsMax: number;
}

/** test id → what became of it. */
export type Outcomes = ReadonlyMap<string, string>;

export interface SuiteRun {
  readonly outcomes: Outcomes;
  readonly ended: Ended;
}

export interface Pair {
  readonly bare: SuiteRun;
  readonly hooked: SuiteRun;
}

/** A network namespace of its own has no other ports in use, and no way out. */
const ISOLATED =
  process.getuid?.() === 0 ? ["unshare", "--net"] : ["unshare", "--net", "--map-root-user"];
const SUITE = join(import.meta.dir, "programs/python/suite.py");

/** Both at once: whatever else the machine does meets both. */
export async function runPair(agent: TestAgent, selection: Selection): Promise<Pair> {
  const [bare, hooked] = await Promise.all([
    runSuite(selection, { LD_PRELOAD: undefined }),
    runSuite(selection, agent.environment),
  ]);
  return { bare, hooked };
}

async function runSuite(
  { name, tests, leftOut, secondsMax }: Selection,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SuiteRun> {
  const directory = temporaryDirectory();
  const results = join(directory, "results");
  const names = tests.map((test) => `test.${test}`);
  const ended = await run(
    [...ISOLATED, python, SUITE, results, String(secondsMax), leftOut, ...names],
    { env: { ...identity(name), TMPDIR: directory, ...environment } },
  );
  return { outcomes: outcomesOf(results), ended };
}

function outcomesOf(path: string): Outcomes {
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  return new Map(lines.map((line): [string, string] => JSON.parse(line)));
}

/** test id → both outcomes, of every test that has not the same. */
export function differences({ bare, hooked }: Pair): Map<string, string> {
  const found = new Map<string, string>();
  for (const id of new Set([...bare.outcomes.keys(), ...hooked.outcomes.keys()])) {
    const [without, within] = [bare.outcomes.get(id), hooked.outcomes.get(id)];
    if (without !== within) {
      found.set(id, `bare: ${without ?? "not run"}, hooked: ${within ?? "not run"}`);
    }
  }
  if (bare.ended.code !== hooked.ended.code) {
    found.set("exit code", `bare: ${bare.ended.code}, hooked: ${hooked.ended.code}`);
  }
  return found;
}

export function countOf({ outcomes }: SuiteRun, outcome: string): number {
  return [...outcomes.values()].filter((one) => one === outcome).length;
}

/** For a failed comparison: what the hooked run wrote at its end. */
export function lastWords({ ended }: SuiteRun): string {
  return text(ended.stderr).slice(-4_000);
}
