/** `olly status`: what an agent sees, sends and has dropped. */
import { dirname } from "node:path";
import { SetupError } from "../lib/setup-error.ts";
import { defineCommand } from "./command.ts";
import { directoryCandidates, findAgentIn } from "./find-agent.ts";
import { renderStatus } from "./status-text.ts";

export const statusCommand = defineCommand({
  name: "status",
  summary: "what is hooked, what was seen, what was dropped and why",
  usage: "[--json] [--socket-dir DIR]",
  description: ["Asks the running agent. Ends with 1 when there is none."],
  examples: [["olly status --json | jq .drops", "only what was dropped"]],
  flags: {
    json: { kind: "switch", meaning: "everything, as JSON" },
    "socket-dir": {
      kind: "value",
      hint: "DIR",
      meaning: "directory of the agent's socket; found by itself otherwise",
    },
  },
  operandsMax: 0,
  run: async ({ flags }, context) => {
    const directories = directoryCandidates(flags["socket-dir"], context);
    const agent = await findAgentIn(directories, context.uid);
    if (agent === undefined) {
      throw new SetupError(
        `no agent answers in ${directories.join(" or ")}; start one with \`olly agent\``,
      );
    }
    const { status } = agent;
    const text = flags.json
      ? `${JSON.stringify(status, undefined, 2)}\n`
      : renderStatus(status, dirname(agent.socketPath));
    context.stdout(text);
    return 0;
  },
});
