/**
 * Gives every exchange its identity and its parent when it begins. Invariant: a parent is stated
 * only when it is certain (a valid traceparent, the other end of the same connection, or the one
 * request that the thread is serving); otherwise the span is a root.
 */
import type { IdSource } from "../lib/ids.ts";
import { limits } from "../limits.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";
import { Joins } from "./joins.ts";
import { TakenBack } from "./taken-back.ts";
import { Threads } from "./threads.ts";
import { parseTraceparent } from "./trace-context.ts";

/** A fresh root is sampled and its id is random (W3C Trace Context Level 2, section 3.2.2.5). */
const ROOT_FLAGS = 0x03;

const AFTER_ANSWER_NS_MAX = 50e6;

/** By which thread, and when it began. */
export interface Call {
  readonly tid: number;
  readonly eventLoop: boolean;
  readonly timeNs: number;
}

export class Correlator {
  readonly #ids: IdSource;
  readonly #threads = new Threads({
    threadsMax: limits.threadsMax,
    afterAnswerNsMax: AFTER_ANSWER_NS_MAX,
  });
  readonly #takenBack = new TakenBack();
  readonly #networks = new Map<number, string>();
  readonly #joins = new Joins({
    joinsMax: limits.joinsMax,
    joinNsMax: limits.joinNsMax,
    networkOf: (processId) => this.#networks.get(processId) ?? "",
  });

  constructor(ids: IdSource) {
    this.#ids = ids;
  }

  /** Exchanges that wait for their other end, and threads that are known. */
  get sizes(): { readonly joins: number; readonly threads: number; readonly processes: number } {
    const processes = this.#networks.size;
    return { joins: this.#joins.size, threads: this.#threads.size, processes };
  }

  /** network: the process's network namespace, "" = the agent's own. */
  processStarted(processId: number, network: string): void {
    if (network !== "") this.#networks.set(processId, network);
  }

  /** Sets exchange.context; called once, when the exchange begins. */
  opened(exchange: Exchange): void {
    const whole = exchange.partOf?.context;
    if (isServed(exchange)) {
      const own = this.#serverContext(exchange);
      exchange.context = whole ?? this.#takenBack.identify(exchange, own, false);
      this.#threads.began(exchange);
      return;
    }
    if (whole !== undefined) {
      exchange.context = whole;
      this.#joins.offer(exchange, whole);
      return;
    }
    const { processId } = exchange.connection;
    const parent = exchange.eventLoop
      ? undefined
      : this.#threads.current(processId, exchange.tid, exchange.startNs);
    const own = parent === undefined ? this.#root() : this.#child(parent, false);
    const context = this.#takenBack.identify(exchange, own, false);
    exchange.context = context;
    this.#joins.offer(exchange, context);
  }

  /**
   * As opened(), for a connection as a whole: it is nothing that a thread serves, and the work of a
   * request only when it began behind that request.
   */
  connected(exchange: Exchange): void {
    const { role, processId } = exchange.connection;
    if (role === "server") {
      const own = this.#serverContext(exchange);
      exchange.context = this.#takenBack.identify(exchange, own, true);
      return;
    }
    const parent =
      role === "unknown" || exchange.eventLoop
        ? undefined
        : this.#threads.serving(processId, exchange.tid, exchange.startNs);
    const own = parent === undefined ? this.#root() : this.#child(parent, false);
    const context = this.#takenBack.identify(exchange, own, true);
    exchange.context = context;
    this.#joins.offer(exchange, context);
  }

  /**
   * The exchange never was: nothing more is its work, and no other end waits for it. What has been
   * given its identity finds it in what is told instead.
   */
  withdrawn(exchange: Exchange): void {
    this.#takenBack.add(exchange);
    if (isServed(exchange)) this.#threads.withdrawn(exchange);
    else this.#joins.settle(exchange);
  }

  /** Identity of a call that is no exchange: a child of what its thread is serving. */
  called(processId: number, call: Call): SpanContext {
    const { tid, eventLoop, timeNs } = call;
    const parent = eventLoop ? undefined : this.#threads.current(processId, tid, timeNs);
    return parent === undefined ? this.#root() : this.#child(parent, false);
  }

  /** The exchange is over; `tid` moved the last of its answer. */
  closed(exchange: Exchange, tid: number = exchange.tid): void {
    if (isServed(exchange)) this.#threads.finished(exchange, tid);
    else this.#joins.settle(exchange);
  }

  /** The span that a log written now by this thread belongs to. */
  contextOf(processId: number, tid: number, timeNs: number): SpanContext | undefined {
    return this.#threads.current(processId, tid, timeNs);
  }

  /** The thread reads from or closes a connection that it serves; undefined: it accepts one. */
  turned(processId: number, tid: number, connectionId?: number): void {
    this.#threads.turned(processId, tid, connectionId);
  }

  processEnded(processId: number): void {
    this.#networks.delete(processId);
    this.#threads.processEnded(processId);
  }

  expire(nowNs: number): void {
    this.#joins.expire(nowNs);
  }

  #serverContext(exchange: Exchange): SpanContext {
    // Taken even when a header decides, so that it does not wait for nothing.
    const joined = this.#joins.take(exchange);
    const header = exchange.traceparent;
    const remote = header === undefined ? undefined : parseTraceparent(header);
    if (remote !== undefined) {
      return {
        traceId: remote.traceId,
        spanId: this.#ids.spanId(),
        parentSpanId: remote.spanId,
        parentIsRemote: true,
        traceFlags: remote.traceFlags,
        traceState: exchange.tracestate,
      };
    }
    return joined === undefined ? this.#root() : this.#child(joined, true);
  }

  #child(parent: SpanContext, parentIsRemote: boolean): SpanContext {
    return {
      traceId: parent.traceId,
      spanId: this.#ids.spanId(),
      parentSpanId: parent.spanId,
      parentIsRemote,
      traceFlags: parent.traceFlags,
      traceState: parent.traceState,
    };
  }

  #root(): SpanContext {
    return {
      traceId: this.#ids.traceId(),
      spanId: this.#ids.spanId(),
      parentSpanId: undefined,
      parentIsRemote: false,
      traceFlags: ROOT_FLAGS,
      traceState: undefined,
    };
  }
}

/** This end received what began the exchange. */
function isServed({ connection, pushed }: Exchange): boolean {
  return (connection.role === "server") === (pushed !== true);
}
