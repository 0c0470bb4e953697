/** Asks for the agent, and looks at what programs need of it. Invariant: nothing is changed. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ControlPage } from "../../hook/control-page.ts";
import { reasonOf } from "../../lib/setup-error.ts";
import type { CommandContext } from "../command.ts";
import { directoryCandidates, findAgentIn, isTrusted } from "../find-agent.ts";
import type { AgentFacts, AgentPlace } from "./facts.ts";

/** `asked` is --socket-dir. */
export async function gatherAgent(
  asked: string | undefined,
  context: CommandContext,
): Promise<AgentFacts> {
  const directories = directoryCandidates(asked, context);
  const found = await findAgentIn(directories, context.uid);
  const directory =
    found === undefined ? directories.find((one) => existsSync(one)) : dirname(found.socketPath);
  return {
    asked: asked !== undefined || (context.environment["OLLY_SOCKET"] ?? "") !== "",
    directories,
    status: found?.status,
    place: directory === undefined ? undefined : placeOf(directory, context.uid),
  };
}

function placeOf(directory: string, uid: number): AgentPlace {
  return {
    directory,
    trusted: isTrusted(directory, uid),
    socketProblem: socketProblem(join(directory, "hook.sock")),
    controlProblem: controlProblem(join(directory, "control")),
  };
}

/** connect(2) to a Unix socket needs the right to write. */
function socketProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isSocket()) return `${path} is not a socket`;
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return `${path}: ${reasonOf(error)}`;
  }
}

function controlProblem(path: string): string | undefined {
  try {
    ControlPage.openReadOnly(path).close();
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
