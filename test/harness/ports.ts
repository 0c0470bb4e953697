/**
 * Free TCP ports of the loopback interface. Invariant: no test names a port number of its own.
 */
import { connect, createServer } from "node:net";
import { waitFor } from "./wait.ts";

/** Given out earlier by this process: two callers never get the same one. */
const given = new Set<number>();

/** Below the range from which the kernel takes ports of outgoing connections. */
const FIRST = 10_000;
const COUNT = 22_000;
/** Test runs beside each other begin at different places. */
let next = (process.pid * 7_919) % COUNT;

/**
 * A port on which nothing listened a moment ago, and that no connection is given meanwhile. Only
 * for programs that cannot bind port 0 and say which one they got.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error("every port is in use");
}

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    ports.push(await freePort());
  }
  return ports;
}

/** Waits until something accepts connections on the port. */
export async function waitForPort(port: number, what: string, withinMs = 120_000): Promise<void> {
  await waitFor(() => accepts(port), { what: `${what} to listen on port ${port}`, withinMs });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
