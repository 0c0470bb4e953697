/** Where the agent and the programs it traces meet. Invariant: every path fits a socket address. */
import { join } from "node:path";
import { statusSocketPath } from "../self/status-socket.ts";

/** sun_path holds 108 bytes with the final NUL (unix(7)). */
export const SOCKET_PATH_BYTES_MAX = 107;

/** The socket of a system-wide agent. */
export const SYSTEM_SOCKET_PATH = "/var/run/olly/hook.sock";

export interface User {
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Root's agent is the system's; everybody else has one of their own. */
export function defaultSocketPath(user: User): string {
  if (user.uid === 0) return SYSTEM_SOCKET_PATH;
  const own = `/tmp/olly-${user.uid}/hook.sock`;
  const runtime = user.environment["XDG_RUNTIME_DIR"];
  if (runtime === undefined || !runtime.startsWith("/")) return own;
  const path = join(runtime, "olly", "hook.sock");
  return socketPathProblem(path) === undefined ? path : own;
}

/** What is wrong with a path for the hook socket and the status socket beside it, if anything. */
export function socketPathProblem(path: string): string | undefined {
  if (path.includes("\0")) return "must not contain a NUL character";
  if (path.endsWith("/")) return "must name a file, not a directory";
  const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(statusSocketPath(path)));
  if (longest <= SOCKET_PATH_BYTES_MAX) return undefined;
  const extra = longest - SOCKET_PATH_BYTES_MAX;
  return `is ${extra} bytes too long for a Unix socket: ${path.slice(0, 60)}…`;
}
