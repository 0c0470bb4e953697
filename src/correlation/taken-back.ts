/**
 * Identities of exchanges that were guesses and are told otherwise, because logs and calls may have
 * been given them already. Invariant: each is used again at most once, by the exchange that begins
 * with the same bytes of the same connection, or by what is told of the connection as a whole;
 * bounded, the connection that was taken back first goes first.
 */
import { limits } from "../limits.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";

/** Exchanges of one guess that are remembered: most guesses prove wrong with the first one. */
const EXCHANGES_MAX = 16;

interface Entry {
  readonly startNs: number;
  readonly context: SpanContext;
}

export class TakenBack {
  readonly #ofConnection = new Map<number, Entry[]>();

  add({ connection, context, partOf, startNs }: Exchange): void {
    if (context === undefined || partOf !== undefined) return;
    const known = this.#ofConnection.get(connection.id);
    if (known !== undefined) {
      if (known.length < EXCHANGES_MAX) known.push({ startNs, context });
      return;
    }
    if (this.#ofConnection.size >= limits.guessesMax) this.#forgetOldest();
    this.#ofConnection.set(connection.id, [{ startNs, context }]);
  }

  /** The identity that the exchange had before, should it fit into the trace that it is part of. */
  identify(exchange: Exchange, context: SpanContext, isWhole: boolean): SpanContext {
    const { id } = exchange.connection;
    const known = this.#ofConnection.get(id);
    if (known === undefined) return context;
    const place = isWhole ? 0 : known.findIndex(({ startNs }) => startNs === exchange.startNs);
    const [entry] = place < 0 ? [] : known.splice(place, 1);
    if (known.length === 0 || isWhole) this.#ofConnection.delete(id);
    if (entry === undefined) return context;
    const { traceId, spanId } = entry.context;
    if (context.parentSpanId === undefined) return { ...context, traceId, spanId };
    return isSame(context.traceId, traceId) ? { ...context, spanId } : context;
  }

  #forgetOldest(): void {
    let forgotten = 0;
    for (const id of this.#ofConnection.keys()) {
      this.#ofConnection.delete(id);
      if (++forgotten === limits.evictedAtOnce) return;
    }
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, index) => byte === other[index]);
}
