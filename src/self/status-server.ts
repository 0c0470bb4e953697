/**
 * Serves the agent's status on a Unix stream socket. Invariant: two agents never share a socket;
 * the path of an agent that was killed is taken over, the one of a living agent is not.
 */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { reasonOf, SetupError } from "../lib/setup-error.ts";
import type { AgentStatus } from "./status.ts";
import { fetchStatus } from "./status-client.ts";

/** Everybody who may enter the directory may ask: a status holds counts and names, no data. */
const SOCKET_MODE = 0o666;

export class StatusServer {
  readonly #path: string;
  readonly #status: () => AgentStatus;
  #server: ReturnType<typeof Bun.serve> | undefined;

  /** `status` is called for every question. */
  constructor(path: string, status: () => AgentStatus) {
    this.#path = path;
    this.#status = status;
  }

  /** @throws SetupError when another agent answers there or the path cannot be used. */
  async start(): Promise<void> {
    await this.#removeStale();
    try {
      this.#server = Bun.serve({
        unix: this.#path,
        fetch: (request) => this.#answer(request),
      });
      chmodSync(this.#path, SOCKET_MODE);
    } catch (error) {
      throw new SetupError(`cannot open the status socket ${this.#path}: ${reasonOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) return;
    await this.#server.stop(true);
    this.#server = undefined;
    removeSocket(this.#path);
  }

  #answer(request: Request): Response {
    if (request.method !== "GET") return new Response("only GET\n", { status: 405 });
    if (new URL(request.url).pathname !== "/status") {
      return new Response("only /status\n", { status: 404 });
    }
    return Response.json(this.#status());
  }

  async #removeStale(): Promise<void> {
    const other = await fetchStatus(this.#path);
    if (other !== undefined) {
      throw new SetupError(
        `an agent (pid ${other.pid}) is already running with the socket ${other.socketPath}`,
      );
    }
    removeSocket(this.#path);
  }
}

function removeSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // There is none, or it is not ours to remove: listening then says what is wrong.
  }
}
