/**
 * The two ends of one connection on this host: the client's nth exchange and the server's nth
 * exchange are the same one. Invariant: only connections that were seen from their beginning on
 * take part, since only their exchanges are counted alike on both ends.
 */

import type { SocketAddress } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";

interface Waiting {
  readonly context: SpanContext;
  readonly sinceNs: number;
}

export interface JoinsOptions {
  readonly joinsMax: number;
  readonly joinNsMax: number;
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

  /** A client has begun this exchange. */
  offer(exchange: Exchange, context: SpanContext): void {
    const { local, remote } = exchange.connection;
    const key = keyOf(exchange, local, remote);
    if (key === undefined) return;
    if (this.#waiting.size >= this.#options.joinsMax) this.#forgetOldest();
    this.#waiting.set(key, { context, sinceNs: exchange.startNs });
  }

  /** The client's span of the exchange that a server has begun to read, once. */
  take(exchange: Exchange): SpanContext | undefined {
    const { local, remote } = exchange.connection;
    const key = keyOf(exchange, remote, local);
    if (key === undefined) return undefined;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(key);
    return waiting.context;
  }

  /** Clients whose server is elsewhere are forgotten after a while. */
  expire(nowNs: number): void {
    for (const [key, waiting] of this.#waiting) {
      if (nowNs - waiting.sinceNs < this.#options.joinNsMax) return;
      this.#waiting.delete(key);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#waiting.keys().next();
    if (!oldest.done) this.#waiting.delete(oldest.value);
  }
}

/** Ports make a TCP connection's pair unique; Unix sockets have no such pair. */
function keyOf(
  exchange: Exchange,
  client: SocketAddress | undefined,
  server: SocketAddress | undefined,
): string | undefined {
  const connection = exchange.connection;
  if (connection.midstream || connection.transport !== "tcp") return undefined;
  if (client === undefined || server === undefined) return undefined;
  const pair = `${client.address} ${client.port} ${server.address} ${server.port}`;
  return `${exchange.protocol} ${pair} ${exchange.index}`;
}
