/**
 * Where agents may be running, and whether one is. Invariant: a directory that another user could
 * have prepared is never trusted.
 */
import { lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { environmentLayer } from "../config/environment-layer.ts";
import { defaultSocketPath, SYSTEM_SOCKET_PATH } from "../config/paths.ts";
import type { AgentStatus } from "../self/status.ts";
import { fetchStatus } from "../self/status-client.ts";
import { statusSocketPath } from "../self/status-socket.ts";
import type { CommandContext } from "./command.ts";

export interface FoundAgent {
  readonly socketPath: string;
  readonly status: AgentStatus;
}

/** Sockets to try in turn: the one that was asked for, else the user's own, then the system's. */
export function socketCandidates(
  asked: string | undefined,
  context: CommandContext,
): readonly string[] {
  if (asked !== undefined) return [asked];
  const own = defaultSocketPath(context);
  return own === SYSTEM_SOCKET_PATH ? [own] : [own, SYSTEM_SOCKET_PATH];
}

/** The directories for `--socket-dir`, OLLY_SOCKET or nothing said. */
export function directoryCandidates(
  asked: string | undefined,
  context: CommandContext,
): readonly string[] {
  if (asked !== undefined) return [asked];
  const named = environmentLayer(context.environment).layer["hook.socket_path"];
  return socketCandidates(named, context).map((path) => dirname(path));
}

/** The first agent that answers. */
export async function findAgent(
  socketPaths: readonly string[],
  uid: number,
): Promise<FoundAgent | undefined> {
  for (const socketPath of socketPaths) {
    const path = statusSocketPath(socketPath);
    const trusted = isTrusted(dirname(path), uid) && isOwnersSocket(path, uid);
    const status = trusted ? await fetchStatus(path) : undefined;
    if (status !== undefined) return { socketPath: status.socketPath, status };
  }
  return undefined;
}

/** The agent whose sockets are in one of the directories. */
export function findAgentIn(
  directories: readonly string[],
  uid: number,
): Promise<FoundAgent | undefined> {
  return findAgent(
    directories.map((directory) => join(directory, "hook.sock")),
    uid,
  );
}

/** Ours or root's; what is not there cannot be trusted either. */
export function isTrusted(directory: string, uid: number): boolean {
  const about = statSync(directory, { throwIfNoEntry: false });
  return about !== undefined && (about.uid === uid || about.uid === 0);
}

/** In a directory such as /tmp anybody could answer. */
function isOwnersSocket(path: string, uid: number): boolean {
  try {
    const about = lstatSync(path);
    return about.isSocket() && (about.uid === uid || about.uid === 0);
  } catch {
    return false; // nothing is there, or the directory is closed to us
  }
}
