/**
 * Which request a thread is serving. Invariant: an answer is given only for a thread that serves
 * one request at a time; a thread that was once seen to turn to another connection while a request
 * was open, or that runs an event loop, says nothing for the rest of its life.
 */
import { limits } from "../limits.ts";
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";

interface ThreadWork {
  /** Open requests that this thread has read, oldest first; several only when pipelined. */
  readonly open: Exchange[];
  /** Of the request that the thread answered last, until it turns to something else. */
  finished: SpanContext | undefined;
  finishedNs: number;
  interleaves: boolean;
}

/** Thread ids are below 2^22 (PID_MAX_LIMIT); a sender that claims more shares a place. */
const TIDS_PER_PROCESS = 2 ** 22;
/** How many of the oldest threads are looked at when some have to be forgotten. */
const FORGET_CANDIDATES = 1_024;

export interface ThreadsOptions {
  readonly threadsMax: number;
  /** How long work after the answer (an access log) still counts as the request's. */
  readonly afterAnswerNsMax: number;
}

export class Threads {
  readonly #threads = new Map<number, ThreadWork>();
  /** How many of them each process has. */
  readonly #ofProcess = new Map<number, number>();
  readonly #options: ThreadsOptions;

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#threads.size;
  }

  /** The thread has begun to read a request. */
  began(exchange: Exchange): void {
    const work = this.#workOf(exchange.connection.processId, exchange.tid);
    work.finished = undefined;
    if (exchange.eventLoop) work.interleaves = true;
    const other = work.open[0];
    // The reply to a call by messages is part of the request that is being served.
    if (other !== undefined && isPushed(exchange) && !isPushed(other)) return;
    if (other !== undefined && other.connection !== exchange.connection) work.interleaves = true;
    work.open.push(exchange);
  }

  /**
   * The request is over; `tid` moved the last of its answer. A thread that left the answer to
   * another one has turned to something else by now.
   */
  finished(exchange: Exchange, tid: number): void {
    const work = this.#threads.get(keyOf(exchange.connection.processId, exchange.tid));
    if (work === undefined) return;
    const position = work.open.indexOf(exchange);
    if (position < 0) return;
    work.open.splice(position, 1);
    const ownAnswer = work.open.length === 0 && tid === exchange.tid && !isPushed(exchange);
    work.finished = ownAnswer ? exchange.context : undefined;
    work.finishedNs = exchange.endNs;
  }

  /** The request was none. */
  withdrawn(exchange: Exchange): void {
    const work = this.#threads.get(keyOf(exchange.connection.processId, exchange.tid));
    if (work === undefined) return;
    const position = work.open.indexOf(exchange);
    if (position >= 0) work.open.splice(position, 1);
    if (work.finished === exchange.context) work.finished = undefined;
  }

  /** As current(), only of an open request that was there at `sinceNs` already. */
  serving(processId: number, tid: number, sinceNs: number): SpanContext | undefined {
    const work = this.#threads.get(keyOf(processId, tid));
    const open = work?.open[0];
    if (work === undefined || work.interleaves || open === undefined) return undefined;
    return open.startNs <= sinceNs ? open.context : undefined;
  }

  /**
   * The thread accepts, reads from or closes a connection it serves: the last request is over. When
   * it still has one of another connection open, it has given that away or serves both.
   */
  turned(processId: number, tid: number, connectionId: number | undefined): void {
    const key = keyOf(processId, tid);
    const work = this.#threads.get(key);
    if (work === undefined) return;
    work.finished = undefined;
    const open = work.open[0];
    if (open !== undefined && open.connection.id !== connectionId) work.interleaves = true;
    if (open === undefined && !work.interleaves) this.#forget(key);
  }

  /** Context of the request that the thread is serving at this time, when that is certain. */
  current(processId: number, tid: number, timeNs: number): SpanContext | undefined {
    const work = this.#threads.get(keyOf(processId, tid));
    if (work === undefined || work.interleaves) return undefined;
    const open = work.open[0];
    if (open !== undefined) {
      // Which of several messages that were delivered ahead is being worked on cannot be seen.
      return work.open.length > 1 && work.open.some(isPushed) ? undefined : open.context;
    }
    const finished = work.finished;
    if (finished === undefined) return undefined;
    if (timeNs - work.finishedNs > this.#options.afterAnswerNsMax) return undefined;
    return finished;
  }

  processEnded(processId: number): void {
    if (!this.#ofProcess.has(processId)) return;
    const first = processId * TIDS_PER_PROCESS;
    for (const key of this.#threads.keys()) {
      if (key < first || key >= first + TIDS_PER_PROCESS) continue;
      this.#forget(key);
      if (!this.#ofProcess.has(processId)) return;
    }
  }

  #workOf(processId: number, tid: number): ThreadWork {
    const key = keyOf(processId, tid);
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    if (this.#threads.size >= this.#options.threadsMax) this.#forgetSome();
    const work: ThreadWork = { open: [], finished: undefined, finishedNs: 0, interleaves: false };
    this.#threads.set(key, work);
    this.#ofProcess.set(processId, (this.#ofProcess.get(processId) ?? 0) + 1);
    return work;
  }

  #forget(key: number): void {
    if (!this.#threads.delete(key)) return;
    const processId = Math.floor(key / TIDS_PER_PROCESS);
    const left = (this.#ofProcess.get(processId) ?? 0) - 1;
    if (left > 0) this.#ofProcess.set(processId, left);
    else this.#ofProcess.delete(processId);
  }

  /**
   * Thread ids come and go: old ones that serve nothing now can be learnt again. What is known of
   * those that interleave is kept as long as there is another choice.
   */
  #forgetSome(): void {
    let forgotten = 0;
    let candidates = 0;
    for (const [key, work] of this.#threads) {
      if (candidates++ === FORGET_CANDIDATES) break;
      if (work.open.length > 0 || work.interleaves) continue;
      this.#forget(key);
      if (++forgotten === limits.evictedAtOnce) return;
    }
    for (const key of this.#threads.keys()) {
      if (forgotten++ >= limits.evictedAtOnce) return;
      this.#forget(key);
    }
  }
}

/** A message that was delivered: it is work until it is acknowledged, and no longer. */
function isPushed({ pushed }: Exchange): boolean {
  return pushed === true;
}

function keyOf(processId: number, tid: number): number {
  return processId * TIDS_PER_PROCESS + (tid % TIDS_PER_PROCESS);
}
