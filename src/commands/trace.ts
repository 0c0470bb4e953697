/** `olly trace`: switches tracing of running programs on and off, with or without an agent. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ControlPage } from "../hook/control-page.ts";
import { suggestion } from "../lib/nearest.ts";
import { SetupError } from "../lib/setup-error.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { directoryCandidates, type FoundAgent, findAgentIn, isTrusted } from "./find-agent.ts";
import { UsageError } from "./flags.ts";

const actions = ["start", "stop", "status"] as const;
type Action = (typeof actions)[number];

export const traceCommand = defineCommand({
  name: "trace",
  summary: "switch tracing of running programs on and off",
  usage: "start|stop|status [--socket-dir DIR]",
  description: [
    "Switches tracing for all programs that belong to an agent's directory, at once and without a",
    "restart of anything. While tracing is off a program pays next to nothing for being hooked.",
    "With hook.on_demand the switch stays as it is when the agent is restarted; without it an agent",
    "starts with tracing on.",
  ],
  examples: [
    ["olly trace stop", "programs go on, nothing is captured"],
    ["olly trace start", "capture again"],
  ],
  flags: {
    "socket-dir": {
      kind: "value",
      hint: "DIR",
      meaning: "directory of the agent's socket; found by itself otherwise",
    },
  },
  operandsMax: 1,
  run: async ({ flags, operands }, context) => {
    const action = actionOf(operands[0]);
    const directory = controlDirectory(flags["socket-dir"], context);
    const path = join(directory, "control");
    const changed = action === "status" ? undefined : switchTo(path, action === "start");
    const active = changed?.active ?? isActive(path);
    const agent = await findAgentIn([directory], context.uid);
    context.stdout(`${sentence(active, changed?.before)}, ${agentSentence(agent, directory)}\n`);
    return 0;
  },
});

function actionOf(written: string | undefined): Action {
  const action = actions.find((one) => one === written);
  if (action !== undefined) return action;
  if (written === undefined) throw new UsageError(`olly trace needs one of ${actions.join(", ")}`);
  throw new UsageError(`olly trace cannot ${written}${suggestion(written, actions)}`);
}

function controlDirectory(asked: string | undefined, context: CommandContext): string {
  const directories = directoryCandidates(asked, context);
  const found = directories.find(
    (directory) => isTrusted(directory, context.uid) && existsSync(join(directory, "control")),
  );
  if (found !== undefined) return found;
  throw new SetupError(
    `no agent has run in ${directories.join(" or ")}; start one with \`olly agent\`` +
      (asked === undefined ? ", or name its directory with --socket-dir" : ""),
  );
}

function isActive(path: string): boolean {
  const page = ControlPage.openReadOnly(path);
  try {
    return page.read().active;
  } finally {
    page.close();
  }
}

function switchTo(path: string, active: boolean): { active: boolean; before: boolean } {
  const page = ControlPage.open(path);
  try {
    const before = page.read().active;
    // A stop is written in any case: it also takes back what the next agent would resume.
    if (before !== active || !active) page.setActive(active);
    return { active, before };
  } finally {
    page.close();
  }
}

/** `before` is undefined when nothing was to be changed. */
function sentence(active: boolean, before: boolean | undefined): string {
  const state = active ? "on" : "off";
  if (before === undefined) return `tracing is ${state}`;
  return before === active ? `tracing is ${state} already` : `tracing is now ${state}`;
}

function agentSentence(agent: FoundAgent | undefined, directory: string): string {
  if (agent === undefined) return `no agent is running in ${directory}`;
  const { pid, processes } = agent.status;
  const count = processes.length;
  return `${count} ${count === 1 ? "process is" : "processes are"} hooked (agent ${pid})`;
}
