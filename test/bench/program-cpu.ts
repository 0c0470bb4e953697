/**
 * CPU time per request of unmodified programs, hooked ÷ bare. Invariant: bare, dormant and active
 * take turns within one run, and each ratio is the median over the rounds of ratios within a
 * round, so that a change of the machine's mood meets all three alike.
 */
import { appScopeEnvironment } from "./appscope.ts";
import { largestResidentKibibytes, residentKibibytes, treeCpuSeconds } from "./cpu.ts";
import { type Figure, median, missing } from "./figures.ts";
import type { Hooks } from "./hooks.ts";
import { type Scenario, scenarios, startStaticNginx, type Target, wrk } from "./programs.ts";

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
}

const DORMANT_RATIO_MAX = 1.01;
const P99_RATIO_MAX = 1.1;
const AGENT_MICROSECONDS_PER_SPAN_MAX = 10;
const AGENT_MEBIBYTES_MAX = 150;
const LIBRARY_MEBIBYTES_MAX = 6;
/** The pause that wrk's script makes between the requests of a connection. */
const PAUSE_MS = 4;

export async function* programFigures(hooks: Hooks, effort: Effort): AsyncGenerator<Figure> {
  for (const scenario of scenarios) {
    if (Bun.which(scenario.needs) === null) {
      yield missing(scenario.name, `${scenario.needs} is not installed`);
      continue;
    }
    yield* compare(scenario, hooks, effort);
  }
  if (Bun.which("wrk") !== null) {
    yield await latency(hooks, effort);
  }
}

async function* compare(scenario: Scenario, hooks: Hooks, effort: Effort): AsyncGenerator<Figure> {
  const targets = [
    await scenario.start({}),
    await scenario.start(hooks.dormant.environment),
    await scenario.start(hooks.active.environment),
  ];
  const appScope = appScopeEnvironment();
  if (appScope !== undefined) targets.push(await scenario.start(appScope));
  for (const target of targets) {
    await target.load(1);
  }
  const before = await agentUse(hooks);
  const rounds: number[][] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const costs: number[] = [];
    for (const target of targets) {
      costs.push(await microsecondsPerRequest(target, effort.seconds));
    }
    rounds.push(costs);
  }
  const after = await agentUse(hooks);
  const bare = median(rounds.map(([cost = NaN]) => cost));
  const note = `(bare ${bare.toFixed(1)} us of CPU per request)`;
  const ratio = (variant: number): number =>
    median(rounds.map((costs) => (costs[variant] ?? NaN) / (costs[0] ?? NaN)));
  const cpu = `CPU per request ÷ bare, ${scenario.name}`;
  yield {
    name: `${cpu}, active`,
    value: ratio(2),
    unit: "",
    target: { atMost: scenario.target },
    note,
  };
  yield {
    name: `${cpu}, dormant`,
    value: ratio(1),
    unit: "",
    target: { atMost: DORMANT_RATIO_MAX },
  };
  if (appScope !== undefined) yield { name: `${cpu}, AppScope`, value: ratio(3), unit: "" };
  yield memoryFigure(scenario, targets);
  yield* agentFigures(scenario, before, after);
}

/** The ring has been written to its end by then, so all of it is resident. */
function memoryFigure(scenario: Scenario, targets: readonly Target[]): Figure {
  const [bare = NaN, , active = NaN] = targets.map(({ pid }) => largestResidentKibibytes(pid));
  return {
    name: `libolly's memory after ${scenario.name}`,
    value: (active - bare) / 1_024,
    unit: "MiB",
    target: { atMost: LIBRARY_MEBIBYTES_MAX },
  };
}

interface AgentUse {
  readonly cpuSeconds: number;
  readonly spans: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly mebibytes: number;
}

async function agentUse({ active }: Hooks): Promise<AgentUse> {
  const { spans, drops } = await active.status();
  const pid = active.program.pid;
  const mebibytes = residentKibibytes(pid) / 1_024;
  return { cpuSeconds: treeCpuSeconds(pid), spans, drops, mebibytes };
}

function* agentFigures(scenario: Scenario, before: AgentUse, after: AgentUse): Generator<Figure> {
  const spans = after.spans - before.spans;
  const microseconds = ((after.cpuSeconds - before.cpuSeconds) / spans) * 1e6;
  const dropped = Object.entries(after.drops)
    .map(([reason, count]) => [reason, count - (before.drops[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${count}`);
  const name = `agent's CPU per span, ${scenario.name}`;
  if (spans === 0) yield missing(name, "no spans of this protocol");
  else {
    yield {
      name,
      value: microseconds,
      unit: "us",
      target: { atMost: AGENT_MICROSECONDS_PER_SPAN_MAX },
      note: `(${spans} spans to a file; dropped: ${dropped.join(", ") || "nothing"})`,
    };
  }
  yield {
    name: `agent's memory after ${scenario.name}`,
    value: after.mebibytes,
    unit: "MiB",
    target: { atMost: AGENT_MEBIBYTES_MAX },
  };
}

async function microsecondsPerRequest(target: Target, seconds: number): Promise<number> {
  const before = treeCpuSeconds(target.pid);
  const requests = await target.load(seconds);
  return ((treeCpuSeconds(target.pid) - before) / requests) * 1e6;
}

/** nginx at half of what it can do bare: the 99th percentile of latency. */
async function latency(hooks: Hooks, effort: Effort): Promise<Figure> {
  const bare = await startStaticNginx({}, "access_log off;");
  const hooked = await startStaticNginx(hooks.active.environment, "access_log off;");
  const most = (await wrk(bare.url, effort.seconds)).requests / effort.seconds;
  const connections = Math.max(1, Math.round((most / 2) * (PAUSE_MS / 1_000)));
  const script = `${hooks.directory}/pause.lua`;
  await Bun.write(script, `function delay() return ${PAUSE_MS} end\n`);
  const options = ["-c", String(connections), "-s", script];
  const ratios: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const bareMs = (await wrk(bare.url, effort.seconds, options)).p99Ms;
    ratios.push((await wrk(hooked.url, effort.seconds, options)).p99Ms / bareMs);
  }
  return {
    name: "p99 latency ÷ bare at half of the bare maximum, nginx",
    value: median(ratios),
    unit: "",
    target: { atMost: P99_RATIO_MAX },
    note: `(${Math.round(most / 2)} requests/s)`,
  };
}
