/** Where an agent answers questions about itself: a stream socket beside its hook socket. */
import { dirname, join } from "node:path";

const STATUS_SOCKET_NAME = "status.sock";

/** Path of the status socket of the agent whose hook socket is at `socketPath`. */
export function statusSocketPath(socketPath: string): string {
  return join(dirname(socketPath), STATUS_SOCKET_NAME);
}
