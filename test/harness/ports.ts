/**
 * Free TCP ports of the loopback interface. Invariant: no test names a port number of its own.
 */
import { connect, createServer, type Server } from "node:net";
import { waitFor } from "./wait.ts";

/** Given out earlier by this process: two callers never get the same one. */
const given = new Set<number>();

/**
 * A port on which nothing listened a moment ago. Only for programs that cannot bind port 0 and
 * say which one they got.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = await listen();
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (address !== null && typeof address === "object" && !given.has(address.port)) {
      given.add(address.port);
      return address.port;
    }
  }
}

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    ports.push(await freePort());
  }
  return ports;
}

/** Waits until something accepts connections on the port. */
export async function waitForPort(port: number, what: string, withinMs = 20_000): Promise<void> {
  await waitFor(() => accepts(port), { what: `${what} to listen on port ${port}`, withinMs });
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
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
