/** The figures that test/bench/agent.ts prints, with their targets. */
import { join } from "node:path";
import { ollyBinary } from "../harness/olly.ts";
import { output } from "../harness/processes.ts";
import { type Figure, missing } from "./figures.ts";

type Target = NonNullable<Figure["target"]>;

const TARGETS: Readonly<Record<string, Target>> = {
  agent_cpu_idle: { atMost: 1 },
  agent_rss_idle: { atMost: 70 },
  agent_rss_at_20000_per_second: { atMost: 150 },
  agent_spans_missing_at_20000_per_second: { atMost: 0 },
  agent_exchanges_per_core_second: { atLeast: 80_000 },
  agent_cpu_per_span: { atMost: 10 },
  agent_spans_missing: { atMost: 0 },
};

export async function* agentFigures(): AsyncGenerator<Figure> {
  const script = join(import.meta.dir, "agent.ts");
  const printed = await output([process.execPath, script, ollyBinary]);
  for (const line of printed.split("\n")) {
    const [, name = "", value, unit = ""] = /^(\w+) (-?[\d.]+) (\S+)$/.exec(line) ?? [];
    if (value === undefined) continue;
    const target = TARGETS[name];
    const title = `agent: ${name.replace(/^agent_/, "").replaceAll("_", " ")}`;
    yield { name: title, value: Number(value), unit, ...(target === undefined ? {} : { target }) };
  }
  if (printed.trim() === "") yield missing("agent: throughput", "test/bench/agent.ts said nothing");
}
