/** `olly doctor`: what works here and what does not, with the fix. */
import { defineCommand } from "citty";
import { invocationOf } from "./command.ts";
import { checks } from "./doctor/checks.ts";
import { gatherAgent } from "./doctor/gather-agent.ts";
import { gatherHost } from "./doctor/gather-host.ts";
import { gatherProcesses } from "./doctor/gather-processes.ts";
import { findingsAsJson, isHealthy, renderFindings, runChecks } from "./doctor/report.ts";
import { UsageError } from "./flags.ts";

export const doctorCommand = defineCommand({
  meta: {
    name: "doctor",
    description: "what works here and what does not, with the fix",
    details: [
      "Looks at the host, the agent, and the processes that have a listening or connected socket",
      "or were started with the library: what of each is not visible, and why. Changes nothing.",
      "Root sees the processes of every user. Ends with 1 when something is wrong: olly does not",
      "work here, or not all is visible of a process that was hooked or asked for.",
    ],
    examples: [
      ["olly doctor --pid 4242", "one process"],
      ["olly doctor --json | jq '.findings[] | select(.level == \"wrong\")'", "what to mend"],
    ],
  },
  args: {
    pid: { type: "string", valueHint: "N", description: "only this process" },
    all: { type: "boolean", description: "every process, with and without connections" },
    json: { type: "boolean", description: "everything, as JSON" },
    "socket-dir": {
      type: "string",
      valueHint: "DIR",
      description: "directory of the agent's socket; found by itself otherwise",
    },
  },
  run: async (run) => {
    const { context } = invocationOf(run);
    const pid = pidOf(run.args.pid);
    const agent = await gatherAgent(run.args["socket-dir"], context);
    const { status } = agent;
    const processes = await gatherProcesses({ pid, all: run.args.all === true, status }, context);
    const findings = runChecks(checks, { host: gatherHost(context), agent, processes });
    context.stdout(run.args.json ? findingsAsJson(findings) : renderFindings(findings));
    return isHealthy(findings) ? 0 : 1;
  },
});

function pidOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new UsageError(`--pid needs the number of a process, not ${text}`);
}
