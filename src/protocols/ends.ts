/** The ends of a connection as the spans of databases and brokers state them. */
import type { Attribute } from "../model/attributes.ts";
import type { ConnectionInfo, SocketAddress } from "../model/connection.ts";
import {
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_TRANSPORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "../semconv/network.ts";

/** Adds server.address and, unless it is the protocol's default, server.port (0: has none). */
export function addServer(
  attributes: Attribute[],
  server: SocketAddress | undefined,
  connection: ConnectionInfo,
  defaultPort: number,
): void {
  if (server !== undefined && server.address !== "") {
    attributes.push([ATTR_SERVER_ADDRESS, server.address]);
    const says = connection.transport !== "unix" && server.port !== defaultPort;
    if (says && server.port > 0) attributes.push([ATTR_SERVER_PORT, server.port]);
  }
  if (connection.transport === "unix") attributes.push([ATTR_NETWORK_TRANSPORT, "unix"]);
}

/** Whom the client asked for: the name, where it is known. */
export function serverOf({ remote, remoteName }: ConnectionInfo): SocketAddress | undefined {
  if (remote === undefined || remoteName === undefined) return remote;
  return { address: remoteName, port: remote.port };
}

/** Beside a name the address that it led to; without one, server.address is that address. */
export function addPeer(attributes: Attribute[], { remote, remoteName }: ConnectionInfo): void {
  if (remote === undefined || remoteName === undefined) return;
  attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
  attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
}

/** address:port as a span's name has it; undefined when the address is not known. */
export function addressOf(server: SocketAddress | undefined): string | undefined {
  if (server === undefined || server.address === "") return undefined;
  if (server.port === 0) return server.address;
  const address = server.address.includes(":") ? `[${server.address}]` : server.address;
  return `${address}:${server.port}`;
}
