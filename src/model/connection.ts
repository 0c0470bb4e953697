/** Which end of the connection the hooked process is. */
export type Role = "client" | "server" | "unknown";

/** Direction of bytes as the hooked process sees them. */
export type Direction = "in" | "out";

/** Which side of the conversation a byte stream carries. */
export type Side = "request" | "response";

export type Transport = "tcp" | "udp" | "unix";

export interface SocketAddress {
  /** IP address in text form (RFC 5952 for IPv6), or the path of a Unix socket. */
  readonly address: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** What is known of a connection's ends; describe() and correlation read it. */
export interface ConnectionInfo {
  /** Agent-wide number that is never used twice, unlike a descriptor. */
  readonly id: number;
  readonly processId: number;
  readonly role: Role;
  readonly transport: Transport;
  readonly remote: SocketAddress | undefined;
  readonly local: SocketAddress | undefined;
  /** The name that the process looked the remote address up by, when that is certain. */
  readonly remoteName?: string | undefined;
  /** True when plaintext comes from a TLS library's calls. */
  readonly tls: boolean;
  /** True when capture joined after the connection began: exchanges cannot be counted. */
  readonly midstream: boolean;
  /** True when bytes of it could not be read: exchanges cannot be counted from then on. */
  readonly garbled?: boolean | undefined;
}

/** One datagram and, where its call named it, where it came from or went to. */
export interface Datagram {
  readonly peer: SocketAddress | undefined;
  /** Valid only while its message is. */
  readonly bytes: Uint8Array;
}

/** The ends of a connection as its first message states them. */
export interface Endpoints {
  readonly transport: Transport;
  readonly remote: SocketAddress | undefined;
  readonly local: SocketAddress | undefined;
}
