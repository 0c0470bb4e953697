/**
 * Which request a thread is serving. Invariant: an answer is given only for a thread that serves
 * one request at a time; a thread that was once seen to interleave requests, or that runs an event
 * loop, says nothing for the rest of its life.
 */
import type { Exchange } from "../model/exchange.ts";
import type { SpanContext } from "../model/span.ts";

interface ThreadWork {
  /** Open requests that this thread has read, oldest first; several only when pipelined. */
  readonly open: Exchange[];
  /** The request that was answered last, until the thread turns to something else. */
  finished: Exchange | undefined;
  finishedNs: number;
  interleaves: boolean;
}

/** Thread ids are below 2^22 (PID_MAX_LIMIT). */
const TIDS_PER_PROCESS = 2 ** 22;

export interface ThreadsOptions {
  readonly threadsMax: number;
  /** How long work after the answer (an access log) still counts as the request's. */
  readonly afterAnswerNsMax: number;
}

export class Threads {
  readonly #threads = new Map<number, ThreadWork>();
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
    if (other !== undefined && other.connection !== exchange.connection) work.interleaves = true;
    work.open.push(exchange);
  }

  /** The request was answered. */
  finished(exchange: Exchange): void {
    const work = this.#threads.get(keyOf(exchange.connection.processId, exchange.tid));
    if (work === undefined) return;
    const position = work.open.indexOf(exchange);
    if (position < 0) return;
    work.open.splice(position, 1);
    work.finished = work.open.length === 0 ? exchange : undefined;
    work.finishedNs = exchange.endNs;
  }

  /** The thread accepts, reads from or closes a connection it serves: the last request is over. */
  turned(processId: number, tid: number): void {
    const key = keyOf(processId, tid);
    const work = this.#threads.get(key);
    if (work === undefined) return;
    work.finished = undefined;
    if (work.open.length === 0 && !work.interleaves) this.#threads.delete(key);
  }

  /** Context of the request that the thread is serving at this time, when that is certain. */
  current(processId: number, tid: number, timeNs: number): SpanContext | undefined {
    const work = this.#threads.get(keyOf(processId, tid));
    if (work === undefined || work.interleaves) return undefined;
    const open = work.open[0];
    if (open !== undefined) return open.context;
    const finished = work.finished;
    if (finished === undefined) return undefined;
    if (timeNs - work.finishedNs > this.#options.afterAnswerNsMax) return undefined;
    return finished.context;
  }

  processEnded(processId: number): void {
    const first = processId * TIDS_PER_PROCESS;
    for (const key of this.#threads.keys()) {
      if (key >= first && key < first + TIDS_PER_PROCESS) this.#threads.delete(key);
    }
  }

  #workOf(processId: number, tid: number): ThreadWork {
    const key = keyOf(processId, tid);
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    if (this.#threads.size >= this.#options.threadsMax) this.#forgetOldestIdle();
    const work: ThreadWork = { open: [], finished: undefined, finishedNs: 0, interleaves: false };
    this.#threads.set(key, work);
    return work;
  }

  /** Thread ids come and go; one that serves nothing now can be learnt again. */
  #forgetOldestIdle(): void {
    for (const [key, work] of this.#threads) {
      if (work.open.length > 0) continue;
      this.#threads.delete(key);
      return;
    }
    const oldest = this.#threads.keys().next();
    if (!oldest.done) this.#threads.delete(oldest.value);
  }
}

function keyOf(processId: number, tid: number): number {
  return processId * TIDS_PER_PROCESS + tid;
}
