/**
 * Sockets that carry datagrams, and their peers. What goes between a socket and one peer is a
 * connection of its own (a flow), so that later stages see two ends and two directions as ever.
 * Invariants: a stream of a flow never holds more than one datagram; flows are bounded
 * (limits.datagramFlows*), the one that was silent for longest goes first, and sockets are as many.
 */
import { limits } from "../limits.ts";
import type { Datagram, Direction, Endpoints, SocketAddress } from "../model/connection.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import type { Moment } from "../model/stream.ts";
import type { Drops } from "../self/drops.ts";
import { ByteStream } from "../streams/byte-stream.ts";
import type { Connection } from "./connection.ts";
import { newEnd } from "./ends.ts";

export interface DatagramEvents<Attachment> {
  /** One datagram stands in the direction's stream, borrowed for the time of the call. */
  data(connection: Connection<Attachment>, direction: Direction, last: Moment): void;
  closed(connection: Connection<Attachment>, last: Moment): void;
  /** Nobody will look at the connection any more; returns how many exchanges that cut off. */
  abandoned(connection: Connection<Attachment>, nowNs: number): number;
}

export interface DatagramOptions<Attachment> {
  readonly drops: Drops;
  readonly events: DatagramEvents<Attachment>;
  readonly socketOf: (message: HookMessage) => Endpoints | undefined;
  readonly datagramOf: (message: HookMessage) => Datagram | undefined;
  readonly nextId: () => number;
  readonly nameOf: (processId: number, address: string, at: Moment) => string | undefined;
}

interface Socket<Attachment> {
  readonly processId: number;
  readonly fd: number;
  readonly local: SocketAddress | undefined;
  /** Its only peer, when it has one. */
  readonly remote: SocketAddress | undefined;
  readonly flows: Map<string, Flow<Attachment>>;
}

interface Flow<Attachment> {
  readonly connection: Connection<Attachment>;
  readonly socket: Socket<Attachment>;
  readonly name: string;
}

export class Datagrams<Attachment> {
  readonly #options: DatagramOptions<Attachment>;
  readonly #sockets = new Map<number, Socket<Attachment>>();
  /** The one that was silent for longest first. */
  readonly #flows = new Set<Flow<Attachment>>();

  constructor(options: DatagramOptions<Attachment>) {
    this.#options = options;
  }

  /** Peers that are kept. */
  get size(): number {
    return this.#flows.size;
  }

  *connections(): IterableIterator<Connection<Attachment>> {
    for (const flow of this.#flows) yield flow.connection;
  }

  /** Takes messages of the types for datagrams; key: of the process and its descriptor. */
  apply(key: number, processId: number, message: HookMessage): void {
    if (message.type === MessageType.datagramSocket) {
      this.closed(key, message);
      const ends = this.#options.socketOf(message);
      if (ends === undefined) this.#options.drops.count("message_malformed");
      this.#begin(key, processId, message.fd, ends);
      return;
    }
    const datagram = this.#options.datagramOf(message);
    if (datagram === undefined) {
      this.#options.drops.count("message_malformed");
      return;
    }
    const socket = this.#sockets.get(key) ?? this.#begin(key, processId, message.fd, undefined);
    const flow = this.#flowOf(socket, datagram, message);
    if (flow === undefined) this.#options.drops.count("datagram_peer_unknown");
    else this.#deliver(flow, datagram, message);
  }

  /** The descriptor is closed, or means something else from here on. */
  closed(key: number, last: Moment): void {
    const socket = this.#sockets.get(key);
    if (socket === undefined) return;
    this.#sockets.delete(key);
    for (const flow of socket.flows.values()) {
      this.#forget(flow);
      this.#options.events.closed(flow.connection, last);
    }
  }

  processEnded(processId: number, nowNs: number): void {
    for (const [key, socket] of this.#sockets) {
      if (socket.processId === processId) this.closed(key, { timeNs: nowNs, tid: 0 });
    }
  }

  /** Forgets peers that have long been silent. */
  expire(nowNs: number): void {
    for (const flow of this.#flows) {
      if (nowNs - flow.connection.lastNs < limits.datagramFlowNsMax) return;
      this.#abandon(flow, nowNs);
    }
  }

  #begin(
    key: number,
    processId: number,
    fd: number,
    ends: Endpoints | undefined,
  ): Socket<Attachment> {
    if (this.#sockets.size >= limits.datagramFlowsMax) this.#forgetSockets();
    const socket: Socket<Attachment> = {
      processId,
      fd,
      local: ends?.local,
      remote: ends?.remote,
      flows: new Map(),
    };
    this.#sockets.set(key, socket);
    return socket;
  }

  /** The ones that began first; what still goes on there begins again, without its own address. */
  #forgetSockets(): void {
    let forgotten = 0;
    for (const [key, socket] of this.#sockets) {
      this.#sockets.delete(key);
      for (const flow of socket.flows.values()) this.#abandon(flow, flow.connection.lastNs);
      if (++forgotten === limits.evictedAtOnce) return;
    }
  }

  /** A call that named no peer on a socket that has none: certain only if there is one so far. */
  #flowOf(
    socket: Socket<Attachment>,
    { peer }: Datagram,
    message: HookMessage,
  ): Flow<Attachment> | undefined {
    const remote = peer ?? socket.remote;
    if (remote === undefined) {
      const [only] = socket.flows.values();
      return socket.flows.size === 1 ? only : undefined;
    }
    const name = `${remote.address} ${remote.port}`;
    return socket.flows.get(name) ?? this.#create(socket, remote, message);
  }

  #create(
    socket: Socket<Attachment>,
    remote: SocketAddress,
    message: HookMessage,
  ): Flow<Attachment> {
    if (this.#flows.size >= limits.datagramFlowsMax) this.#forgetOldest(message.timeNs);
    const { processId, fd, local } = socket;
    const isSent = message.type === MessageType.datagramOut;
    const { nameOf, nextId } = this.#options;
    const connection: Connection<Attachment> = {
      id: nextId(),
      processId,
      fd,
      role: "unknown",
      transport: "udp",
      remote,
      local,
      remoteName: isSent ? nameOf(processId, remote.address, message) : undefined,
      tls: false,
      midstream: false,
      streams: { in: new ByteStream(1), out: new ByteStream(1) },
      end: newEnd(processId),
      expected: undefined,
      held: [],
      heldSinceNs: undefined,
      startNs: message.timeNs,
      lastNs: message.timeNs,
      attachment: undefined,
    };
    const flow = { connection, socket, name: `${remote.address} ${remote.port}` };
    socket.flows.set(flow.name, flow);
    this.#flows.add(flow);
    return flow;
  }

  #deliver(flow: Flow<Attachment>, { bytes }: Datagram, message: HookMessage): void {
    const { connection } = flow;
    connection.lastNs = message.timeNs;
    this.#flows.delete(flow);
    this.#flows.add(flow);
    if (bytes.length === 0) return;
    const direction = message.type === MessageType.datagramOut ? "out" : "in";
    const stream = connection.streams[direction];
    stream.append(bytes, {
      timeNs: message.timeNs,
      tid: message.tid,
      eventLoop: (message.flags & MessageFlag.eventLoop) !== 0,
    });
    this.#options.events.data(connection, direction, message);
    // What nobody has consumed is not the beginning of the next datagram.
    connection.streams.in.clear();
    connection.streams.out.clear();
  }

  #forgetOldest(nowNs: number): void {
    let forgotten = 0;
    for (const flow of this.#flows) {
      this.#abandon(flow, nowNs);
      if (++forgotten === limits.evictedAtOnce) return;
    }
  }

  #abandon(flow: Flow<Attachment>, nowNs: number): void {
    this.#forget(flow);
    const cut = this.#options.events.abandoned(flow.connection, nowNs);
    if (cut > 0) this.#options.drops.count("datagram_flow_limit", cut);
  }

  #forget(flow: Flow<Attachment>): void {
    this.#flows.delete(flow);
    flow.socket.flows.delete(flow.name);
  }
}
