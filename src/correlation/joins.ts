/**
 * The two ends of one connection on this host: the nth exchange that one end began and the nth that
 * the other end received are the same one. Invariants: only connections that were seen from their
 * beginning on take part, since only their exchanges are counted alike on both ends; an offer does
 * not outlive its exchange, since the kernel gives the same pair of ports to a later connection.
 */

import { limits } from "../limits.ts";
import type { SocketAddress } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";

interface Waiting {
  readonly context: SpanContext;
  readonly sinceNs: number;
  untilNs: number;
}

/** A client that does not wait for the answer can be gone before its server reads. */
const AFTER_CLOSE_NS = 1e9;

export interface JoinsOptions {
  readonly joinsMax: number;
  readonly joinNsMax: number;
  /** Names the network namespace of a process: 127.0.0.1 is a different host in each. */
  readonly networkOf: (processId: number) => string;
}

export class Joins {
  readonly #waiting = new Map<string, Waiting>();
  readonly #options: JoinsOptions;

  constructor(options: JoinsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** This end, mostly a client, has begun this exchange. */
  offer(exchange: Exchange, context: SpanContext): void {
    const { local, remote } = exchange.connection;
    const key = this.#keyOf(exchange, local, remote);
    if (key === undefined) return;
    if (this.#waiting.size >= this.#options.joinsMax) this.#forgetOldest();
    const untilNs = exchange.startNs + this.#options.joinNsMax;
    this.#waiting.delete(key); // so that the oldest stays the first
    this.#waiting.set(key, { context, sinceNs: exchange.startNs, untilNs });
  }

  /**
   * The client's exchange is over. What was answered has been read by its server, in the order in
   * which messages arrive here, so an offer that still waits is nobody's.
   */
  settle(exchange: Exchange): void {
    if (this.#waiting.size === 0 || exchange.outcome === "one_way") return;
    const { local, remote } = exchange.connection;
    const key = this.#keyOf(exchange, local, remote);
    const waiting = key === undefined ? undefined : this.#waiting.get(key);
    if (key === undefined || waiting === undefined) return;
    if (waiting.context !== exchange.context) return;
    if (exchange.outcome === "closed_early") waiting.untilNs = exchange.endNs + AFTER_CLOSE_NS;
    else this.#waiting.delete(key);
  }

  /** The client's span of the exchange that a server has begun to read, once. */
  take(exchange: Exchange): SpanContext | undefined {
    const { local, remote } = exchange.connection;
    const key = this.#keyOf(exchange, remote, local);
    if (key === undefined) return undefined;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(key);
    return exchange.startNs <= waiting.untilNs ? waiting.context : undefined;
  }

  /** Clients whose server is elsewhere are forgotten after a while. */
  expire(nowNs: number): void {
    for (const [key, waiting] of this.#waiting) {
      if (nowNs - waiting.sinceNs < this.#options.joinNsMax) return;
      this.#waiting.delete(key);
    }
  }

  #forgetOldest(): void {
    let forgotten = 0;
    for (const key of this.#waiting.keys()) {
      this.#waiting.delete(key);
      if (++forgotten === limits.evictedAtOnce) return;
    }
  }

  /**
   * Ports make a TCP connection's pair unique on one network; Unix sockets have no such pair. Of
   * datagrams some may be lost, so that the two ends do not count alike.
   */
  #keyOf(
    exchange: Exchange,
    began: SocketAddress | undefined,
    received: SocketAddress | undefined,
  ): string | undefined {
    const connection = exchange.connection;
    if (connection.midstream || connection.transport === "unix") return undefined;
    if (began === undefined || received === undefined) return undefined;
    const isDatagram = connection.transport === "udp";
    if (connection.garbled === true && !isDatagram) return undefined;
    const place = isDatagram ? exchange.joinKey : exchange.index;
    if (place === undefined) return undefined;
    const network = isLoopback(received.address)
      ? this.#options.networkOf(connection.processId)
      : "";
    const pair = `${began.address} ${began.port} ${received.address} ${received.port}`;
    return `${exchange.protocol} ${pair} ${place} ${network}`;
  }
}

/** As src/wire/address.ts writes addresses. */
function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1" || address.startsWith("::ffff:127.");
}
