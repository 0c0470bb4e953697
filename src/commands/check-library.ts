/**
 * The pre-flight of the preload library: programs of this host with it, under an agent that throws
 * everything away, and without it. Invariant: the directory and the agent are gone afterwards.
 */
import { rmSync } from "node:fs";
import { startAgent } from "../agent.ts";
import { loadConfig } from "../config/load.ts";
import { preflight, type TrialResult } from "../host/preflight.ts";
import { createSelfLog } from "../self/log.ts";
import type { CommandContext } from "./command.ts";
import { privateDirectory, SOCKET_NAME } from "./private-directory.ts";
import { consoleSink } from "./system-context.ts";

const STDERR_FD = 2;

/** Every trial's result. Fails with SetupError when the agent cannot be started. */
export async function checkLibrary(
  libraryPath: string,
  context: CommandContext,
): Promise<TrialResult[]> {
  const directory = privateDirectory(context.uid);
  try {
    const socketPath = `${directory}/${SOCKET_NAME}`;
    const agent = await startAgent({
      // No file and no variable: how this host is configured is not what is tried.
      config: loadConfig({ ...context, environment: {}, fallback: "none" }).config,
      socketPath,
      log: createSelfLog({ level: "error", stamped: false, write: context.stderr }),
      console: consoleSink(STDERR_FD, context.environment),
    });
    try {
      return await preflight({
        libraryPath,
        environment: withoutOlly(context.environment),
        hooks: { OLLY_SOCKET: socketPath, OLLY_CONTROL: agent.controlPath },
      });
    } finally {
      await agent.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** OLLY_DISABLED or another agent's socket would make the trial an easy one. */
function withoutOlly(environment: CommandContext["environment"]) {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith("OLLY_")),
  );
}

/** One line for each trial. */
export function renderTrials(results: readonly TrialResult[]): string {
  return results
    .map(({ outcome, command, difference }) => {
      const detail = difference === undefined ? "" : `: ${difference}`;
      return `${outcome.padEnd(7)}  ${command}${detail}\n`;
    })
    .join("");
}
