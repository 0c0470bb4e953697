/** `olly status`: what an agent sees, sends and has dropped. */
import { dirname } from "node:path";
import { defineCommand } from "citty";
import { SetupError } from "../lib/setup-error.ts";
import { invocationOf } from "./command.ts";
import { systemPreloadPaths } from "./doctor/gather-host.ts";
import { directoryCandidates, findAgentIn } from "./find-agent.ts";
import { renderStatus } from "./status-text.ts";
import { unhookedProcesses } from "./unhooked.ts";

export const statusCommand = defineCommand({
  meta: {
    name: "status",
    description: "what is hooked, what was seen, what was dropped and why",
    details: [
      "Asks the running agent. Ends with 1 when there is none.",
      "Programs that were started under it and cannot be hooked are looked up on this host.",
    ],
    examples: [["olly status --json | jq .drops", "only what was dropped"]],
  },
  args: {
    json: { type: "boolean", description: "everything, as JSON" },
    "socket-dir": {
      type: "string",
      valueHint: "DIR",
      description: "directory of the agent's socket; found by itself otherwise",
    },
  },
  run: async (run) => {
    const { context } = invocationOf(run);
    const directories = directoryCandidates(run.args["socket-dir"], context);
    const agent = await findAgentIn(directories, context.uid);
    if (agent === undefined) {
      throw new SetupError(
        `no agent answers in ${directories.join(" or ")}; start one with \`olly agent\``,
      );
    }
    const { status } = agent;
    const systemPreloads = systemPreloadPaths();
    const notHooked = await unhookedProcesses({ status, uid: context.uid, systemPreloads });
    const text = run.args.json
      ? `${JSON.stringify({ ...status, notHooked }, undefined, 2)}\n`
      : renderStatus(status, dirname(agent.socketPath), notHooked);
    context.stdout(text);
    return 0;
  },
});
