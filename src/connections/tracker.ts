/**
 * Messages → connections. Invariants: a (process, descriptor) names at most one open connection;
 * a connection's messages are handed on in the order of their numbers, and a missing number is
 * told before what follows it; at most limits.connectionsMax connections are kept, and of all
 * their bytes at most limits.streamsBytesMax.
 */
import { limits } from "../limits.ts";
import type { Datagram, Direction, Endpoints } from "../model/connection.ts";
import type { Lookup } from "../model/lookup.ts";
import { type HookMessage, MessageFlag, MessageType } from "../model/message.ts";
import type { Moment } from "../model/stream.ts";
import type { Drops } from "../self/drops.ts";
import { ByteStream } from "../streams/byte-stream.ts";
import { StreamMemory } from "../streams/stream-memory.ts";
import type { Connection } from "./connection.ts";
import { Datagrams } from "./datagrams.ts";
import { Ends, newEnd } from "./ends.ts";
import { Lookups } from "./lookups.ts";
import { sequenceDistance } from "./sequence.ts";

export interface ConnectionEvents<Attachment> {
  /** New bytes are at the end of the direction's stream, borrowed for the time of the call. */
  data(connection: Connection<Attachment>, direction: Direction, last: Moment): void;
  /** `length` bytes passed that were not captured. */
  uncaptured(
    connection: Connection<Attachment>,
    direction: Direction,
    length: number,
    last: Moment,
  ): void;
  /** Messages of unknown direction and length are missing. */
  lost(connection: Connection<Attachment>, at: Moment): void;
  ended(connection: Connection<Attachment>, direction: Direction, last: Moment): void;
  /** Plaintext of a TLS library begins: what the streams held was ciphertext. */
  plaintext(connection: Connection<Attachment>): void;
  closed(connection: Connection<Attachment>, last: Moment): void;
  /** Nobody will look at the connection any more; returns how many exchanges that cut off. */
  abandoned(connection: Connection<Attachment>, nowNs: number): number;
}

export interface TrackerOptions<Attachment> {
  readonly drops: Drops;
  readonly events: ConnectionEvents<Attachment>;
  /** Decodes the payload of CONNECT and ACCEPT; undefined = malformed. */
  readonly endpointsOf: (message: HookMessage) => Endpoints | undefined;
  /** Decodes what is said of a socket for datagrams, and of one datagram. */
  readonly datagramEndpointsOf: (message: HookMessage) => Endpoints | undefined;
  readonly datagramOf: (message: HookMessage) => Datagram | undefined;
  /** Bytes kept of all connections; limits.streamsBytesMax when left out. */
  readonly bytesMax?: number;
}

const UNKNOWN_ENDPOINTS: Endpoints = { transport: "tcp", remote: undefined, local: undefined };
/** Descriptors are below it: the library's table ends at 2^18, the kernel's by default at 2^20. */
const FDS_PER_PROCESS = 2 ** 21;
/** About what a message that is held back takes beside its payload. */
const HELD_BYTES = 256;

export class ConnectionTracker<Attachment> {
  readonly #connections = new Map<number, Connection<Attachment>>();
  readonly #withHeld = new Set<Connection<Attachment>>();
  /** How many connections each process has. */
  readonly #ofProcess = new Map<number, number>();
  readonly #lookups: Lookups;
  readonly #datagrams: Datagrams<Attachment>;
  readonly #ends = new Ends();
  readonly #memory: StreamMemory;
  readonly #drops: Drops;
  readonly #events: ConnectionEvents<Attachment>;
  readonly #endpointsOf: (message: HookMessage) => Endpoints | undefined;
  #nextId = 1;

  constructor(options: TrackerOptions<Attachment>) {
    this.#drops = options.drops;
    this.#events = options.events;
    this.#endpointsOf = options.endpointsOf;
    this.#lookups = new Lookups(options.drops);
    this.#memory = new StreamMemory(options.bytesMax ?? limits.streamsBytesMax);
    this.#datagrams = new Datagrams({
      drops: options.drops,
      events: options.events,
      socketOf: options.datagramEndpointsOf,
      datagramOf: options.datagramOf,
      nextId: () => this.#nextId++,
      nameOf: (processId, address, at) => this.#lookups.nameOf(processId, address, at),
    });
  }

  /** Memory of unfinished frames and of messages held back. */
  get heldBytes(): number {
    return this.#memory.bytes;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Addresses whose names are kept. */
  get lookedUpAddresses(): number {
    return this.#lookups.size;
  }

  /** Peers of sockets for datagrams. */
  get datagramFlows(): number {
    return this.#datagrams.size;
  }

  *connections(): IterableIterator<Connection<Attachment>> {
    yield* this.#connections.values();
    yield* this.#datagrams.connections();
  }

  /** The open connection behind a descriptor. */
  find(processId: number, fd: number): Connection<Attachment> | undefined {
    return this.#connections.get(processId * FDS_PER_PROCESS + fd);
  }

  /** The process has looked up a name: its next connections may go there. */
  lookedUp(processId: number, lookup: Lookup, message: HookMessage): void {
    this.#lookups.add(processId, lookup, message);
  }

  /** Whether the other end's message, of what this one has read, has not been applied yet. */
  isEarly(processId: number, message: HookMessage): boolean {
    if (message.type !== MessageType.dataIn) return false;
    const connection = this.find(processId, message.fd);
    return connection !== undefined && this.#ends.isEarly(connection.end, message.wireLength);
  }

  /** Takes any message that concerns a connection (types 1 to 7, and those of datagrams). */
  apply(processId: number, message: HookMessage): void {
    if (message.fd < 0 || message.fd >= FDS_PER_PROCESS) {
      this.#drops.count("message_malformed");
      return;
    }
    const key = processId * FDS_PER_PROCESS + message.fd;
    if (message.type >= MessageType.datagramSocket) {
      if (message.type === MessageType.datagramSocket) this.#endOf(key, message);
      this.#datagrams.apply(key, processId, message);
      return;
    }
    if (message.type === MessageType.connect || message.type === MessageType.accept) {
      this.#begin(key, processId, message);
      return;
    }
    const known = this.#connections.get(key);
    if (known === undefined && message.type === MessageType.close) {
      this.#datagrams.closed(key, message);
      return;
    }
    const connection = known ?? this.#adopt(key, processId, message);
    if (connection.expected === undefined || (message.flags & MessageFlag.sequenced) === 0) {
      this.#deliver(key, connection, message);
      return;
    }
    this.#inOrder(key, connection, message);
  }

  /**
   * Gives up waiting for numbers that have been missing too long. The wait is measured here: a
   * message's own time is that of the call's beginning, which may have been long ago.
   */
  expire(nowNs: number): void {
    this.#datagrams.expire(nowNs);
    for (const connection of this.#withHeld) {
      connection.heldSinceNs ??= nowNs;
      if (nowNs - connection.heldSinceNs < limits.sequenceHoldNs) continue;
      this.#giveUpWaiting(connection);
    }
  }

  /** Nothing more will come: what is held back goes on behind its gap. */
  flush(): void {
    for (const connection of this.#withHeld) this.#giveUpWaiting(connection);
  }

  /** Every connection of the process ends now. */
  processEnded(processId: number, nowNs: number): void {
    this.#lookups.processEnded(processId);
    this.#ends.processEnded(processId);
    this.#datagrams.processEnded(processId, nowNs);
    if (!this.#ofProcess.has(processId)) return;
    const first = processId * FDS_PER_PROCESS;
    for (const [key, connection] of this.#connections) {
      if (key < first || key >= first + FDS_PER_PROCESS) continue;
      this.#giveUpWaiting(connection);
      this.#close(key, connection, { timeNs: Math.max(connection.lastNs, 0) || nowNs, tid: 0 });
      if (!this.#ofProcess.has(processId)) return;
    }
  }

  #begin(key: number, processId: number, message: HookMessage): void {
    this.#endOf(key, message);
    this.#datagrams.closed(key, message);
    const endpoints = this.#endpointsOf(message);
    if (endpoints === undefined) this.#drops.count("message_malformed");
    const connection = this.#create(key, processId, message, endpoints ?? UNKNOWN_ENDPOINTS);
    connection.midstream = (message.flags & MessageFlag.midstream) !== 0;
    if ((message.flags & MessageFlag.roleUnknown) !== 0) connection.role = "unknown";
    else connection.role = message.type === MessageType.connect ? "client" : "server";
    if (connection.role === "client" && connection.remote !== undefined) {
      const { address } = connection.remote;
      connection.remoteName = this.#lookups.nameOf(processId, address, message);
    }
    if ((message.flags & MessageFlag.sequenced) !== 0) {
      connection.expected = (message.sequence + 1) & 0xffff;
    }
    this.#ends.begun(connection);
  }

  /** A connection whose close was not seen (libc closes some descriptors by itself). */
  #endOf(key: number, message: HookMessage): void {
    const previous = this.#connections.get(key);
    if (previous === undefined) return;
    this.#giveUpWaiting(previous);
    this.#close(key, previous, { timeNs: previous.lastNs, tid: message.tid });
  }

  /** Data on a descriptor whose beginning was not seen. */
  #adopt(key: number, processId: number, message: HookMessage): Connection<Attachment> {
    this.#drops.count("message_no_connection");
    const connection = this.#create(key, processId, message, UNKNOWN_ENDPOINTS);
    connection.midstream = true;
    return connection;
  }

  #create(
    key: number,
    processId: number,
    message: HookMessage,
    endpoints: Endpoints,
  ): Connection<Attachment> {
    if (this.#connections.size >= limits.connectionsMax) this.#evictOldest();
    const connection: Connection<Attachment> = {
      id: this.#nextId++,
      processId,
      fd: message.fd,
      role: "unknown",
      transport: endpoints.transport,
      remote: endpoints.remote,
      local: endpoints.local,
      remoteName: undefined,
      tls: false,
      midstream: false,
      streams: {
        in: new ByteStream(limits.streamSegmentsMax, this.#memory),
        out: new ByteStream(limits.streamSegmentsMax, this.#memory),
      },
      end: newEnd(processId),
      expected: undefined,
      held: [],
      heldSinceNs: undefined,
      startNs: message.timeNs,
      lastNs: message.timeNs,
      attachment: undefined,
    };
    this.#connections.set(key, connection);
    this.#ofProcess.set(processId, (this.#ofProcess.get(processId) ?? 0) + 1);
    return connection;
  }

  #evictOldest(): void {
    let evicted = 0;
    for (const [key, connection] of this.#connections) {
      this.#drops.count("connection_limit");
      this.#giveUpWaiting(connection);
      this.#close(key, connection, { timeNs: connection.lastNs, tid: 0 });
      if (++evicted === limits.evictedAtOnce) return;
    }
  }

  #inOrder(key: number, connection: Connection<Attachment>, message: HookMessage): void {
    const distance = sequenceDistance(connection.expected ?? 0, message.sequence);
    if (distance < 0) {
      // Its number was declared lost before: the streams have moved on.
      this.#drops.count("stream_gap");
      return;
    }
    if (distance === 0 && connection.held.length === 0) {
      connection.expected = (message.sequence + 1) & 0xffff;
      this.#deliver(key, connection, message);
      return;
    }
    connection.held.push({ ...message, payload: message.payload.slice() });
    connection.held.sort((a, b) => sequenceDistance(b.sequence, a.sequence));
    this.#memory.add(HELD_BYTES + message.payload.length);
    this.#withHeld.add(connection);
    const count = connection.held.length;
    if (runLength(connection) === count) this.#deliverHeld(connection, count);
    const full = connection.held.length >= limits.sequenceHoldMessagesMax;
    if (full || this.#memory.isExceeded) this.#giveUpWaiting(connection);
  }

  /** The first `count` of the held messages, whose numbers follow each other. */
  #deliverHeld(connection: Connection<Attachment>, count: number): void {
    const key = connection.processId * FDS_PER_PROCESS + connection.fd;
    const run = connection.held.splice(0, count);
    const last = run.at(-1);
    if (last !== undefined) connection.expected = (last.sequence + 1) & 0xffff;
    connection.heldSinceNs = undefined;
    if (connection.held.length === 0) this.#withHeld.delete(connection);
    for (const message of inOrderOfTime(run)) {
      this.#memory.add(-HELD_BYTES - message.payload.length);
      this.#deliver(key, connection, message);
    }
  }

  /** The missing messages are lost; what was held back goes on behind the gap. */
  #giveUpWaiting(connection: Connection<Attachment>): void {
    while (connection.held.length > 0) {
      const next = connection.held[0] as HookMessage;
      if (next.sequence !== connection.expected) {
        connection.expected = next.sequence;
        connection.midstream = true;
        this.#ends.over(connection);
        this.#events.lost(connection, { timeNs: next.timeNs, tid: next.tid });
      }
      this.#deliverHeld(connection, runLength(connection));
    }
    this.#withHeld.delete(connection);
  }

  #deliver(key: number, connection: Connection<Attachment>, message: HookMessage): void {
    connection.lastNs = message.timeNs;
    // Beside the plaintext of a TLS library only the ends of the ciphertext's directions matter.
    const counts = !connection.tls || message.wireLength === 0;
    switch (message.type) {
      case MessageType.dataIn:
        this.#ends.hasRead(connection.end, message.wireLength);
        if (counts) this.#data(connection, "in", message);
        return;
      case MessageType.dataOut:
        this.#ends.hasWritten(connection.end, message.wireLength);
        if (counts) this.#data(connection, "out", message);
        return;
      case MessageType.sslIn:
        this.#plaintext(connection);
        this.#data(connection, "in", message);
        return;
      case MessageType.sslOut:
        this.#plaintext(connection);
        this.#data(connection, "out", message);
        return;
      case MessageType.close:
        this.#close(key, connection, message);
        return;
    }
  }

  #plaintext(connection: Connection<Attachment>): void {
    if (connection.tls) return;
    connection.tls = true;
    this.#events.plaintext(connection);
  }

  #data(connection: Connection<Attachment>, direction: Direction, message: HookMessage): void {
    if (message.wireLength === 0) {
      this.#events.ended(connection, direction, message);
      return;
    }
    if (message.payload.length > 0) {
      const stream = connection.streams[direction];
      stream.append(message.payload, {
        timeNs: message.timeNs,
        tid: message.tid,
        eventLoop: (message.flags & MessageFlag.eventLoop) !== 0,
      });
      this.#events.data(connection, direction, message);
      stream.retain();
      if (this.#memory.isExceeded && stream.length > 0) this.#giveUpBytes(connection, message);
    }
    const missing = message.wireLength - message.payload.length;
    if (missing > 0) this.#events.uncaptured(connection, direction, missing, message);
  }

  /** All streams together hold too much: this one's unfinished frames are let go. */
  #giveUpBytes(connection: Connection<Attachment>, at: Moment): void {
    this.#drops.count("stream_memory_limit");
    connection.midstream = true;
    this.#events.lost(connection, at);
    connection.streams.in.release();
    connection.streams.out.release();
  }

  #close(key: number, connection: Connection<Attachment>, last: Moment): void {
    this.#connections.delete(key);
    this.#withHeld.delete(connection);
    const left = (this.#ofProcess.get(connection.processId) ?? 0) - 1;
    if (left > 0) this.#ofProcess.set(connection.processId, left);
    else this.#ofProcess.delete(connection.processId);
    this.#ends.over(connection);
    this.#events.closed(connection, last);
    for (const message of connection.held) {
      this.#memory.add(-HELD_BYTES - message.payload.length);
    }
    connection.held = [];
    connection.streams.in.release();
    connection.streams.out.release();
  }
}

/** How many of the held messages follow the expected number without a gap. */
function runLength({ held, expected }: Connection<unknown>): number {
  let count = 0;
  while (count < held.length && held[count]?.sequence === ((expected ?? 0) + count) % 0x10000) {
    count++;
  }
  return count;
}

/**
 * Where one thread reads and another writes, an answer can be numbered before its request, whose
 * call began earlier but came back later: numbers decide within a direction, times between the two.
 */
function inOrderOfTime(run: HookMessage[]): readonly HookMessage[] {
  for (let index = 1; index < run.length; index++) {
    for (let at = index; at > 0; at--) {
      const [before, message] = [run[at - 1], run[at]];
      if (before === undefined || message === undefined || !overtakes(message, before)) break;
      run[at - 1] = message;
      run[at] = before;
    }
  }
  return run;
}

function overtakes(message: HookMessage, before: HookMessage): boolean {
  const areData = isData(message) && isData(before);
  return areData && message.timeNs < before.timeNs && isOut(message) !== isOut(before);
}

function isOut({ type }: HookMessage): boolean {
  return type === MessageType.dataOut || type === MessageType.sslOut;
}

function isData(message: HookMessage): boolean {
  const { type } = message;
  return isOut(message) || type === MessageType.dataIn || type === MessageType.sslIn;
}
