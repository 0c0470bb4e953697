/**
 * A temporary Redis server on a free port. Invariant: it listens on loopback only, keeps nothing on
 * disk, and is gone after stopAll().
 */
import { join } from "node:path";
import { freePort, waitForPort } from "./ports.ts";
import { type Program, start, temporaryDirectory } from "./processes.ts";

export interface Redis {
  readonly port: number;
  readonly program: Program;
  /** Of its Unix socket. */
  readonly socket: string;
}

export async function startRedis(
  options: { readonly env?: Readonly<Record<string, string>>; readonly settings?: string[] } = {},
): Promise<Redis> {
  const port = await freePort();
  const directory = temporaryDirectory();
  const socket = join(directory, "redis.sock");
  const program = start(
    [
      ...["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", ""],
      ...["--dir", directory, "--unixsocket", socket, ...(options.settings ?? [])],
    ],
    options.env === undefined ? {} : { env: options.env },
  );
  await waitForPort(port, "Redis");
  return { port, program, socket };
}
