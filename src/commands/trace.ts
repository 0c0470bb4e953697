/** `olly trace`: switches tracing of running programs on and off, with or without an agent. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { ControlPage } from "../hook/control-page.ts";
import { SetupError } from "../lib/setup-error.ts";
import { type CommandContext, invocationOf } from "./command.ts";
import { directoryCandidates, type FoundAgent, findAgentIn, isTrusted } from "./find-agent.ts";

const socketArgs = {
  "socket-dir": {
    type: "string",
    valueHint: "DIR",
    description: "directory of the agent's socket; found by itself otherwise",
  },
} as const;

type Action = "start" | "stop" | "status";

export const traceCommand = defineCommand({
  meta: {
    name: "trace",
    description: "switch tracing of running programs on and off",
    details: [
      "Switches tracing for all programs that belong to an agent's directory, at once and without",
      "a restart of anything. While tracing is off a program pays next to nothing for being",
      "hooked. With hook.on_demand the switch stays as it is when the agent is restarted; without",
      "it an agent starts with tracing on.",
    ],
    examples: [
      ["olly trace stop", "programs go on, nothing is captured"],
      ["olly trace start", "capture again"],
    ],
  },
  args: socketArgs,
  subCommands: {
    start: actionCommand("start", "capture what programs do"),
    stop: actionCommand("stop", "capture nothing; programs go on"),
    status: actionCommand("status", "say whether tracing is on"),
  },
});

function actionCommand(action: Action, description: string) {
  return defineCommand({
    meta: { name: action, description, details: [`Tracing of running programs: ${description}.`] },
    args: socketArgs,
    run: async (run) => {
      const { context } = invocationOf(run);
      const directory = controlDirectory(run.args["socket-dir"], context);
      const path = join(directory, "control");
      const changed = action === "status" ? undefined : switchTo(path, action === "start");
      const active = changed?.active ?? isActive(path);
      const agent = await findAgentIn([directory], context.uid);
      context.stdout(`${sentence(active, changed?.before)}, ${agentSentence(agent, directory)}\n`);
      return 0;
    },
  });
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
