/**
 * One process that sends messages, from its hello until it has ended and everything it left is
 * delivered. Invariant: started, messages, ended happen in this order, each source once.
 */
import { limits } from "../limits.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import { MessageQueue } from "./message-queue.ts";
import { startTimeOf } from "./process-files.ts";
import type { Ring } from "./ring.ts";

export interface SourceOptions {
  /** Agent-wide number that is never used twice. */
  readonly id: number;
  /** Of the sender's credentials, in the agent's pid namespace. */
  readonly pid: number;
  readonly uid: number;
  readonly hello: ProcessHello;
  /** Undefined for a sender of datagrams. */
  readonly ring: Ring | undefined;
  /** The source that this one replaces: it ends first. */
  readonly predecessor: Source | undefined;
  readonly nowNs: number;
}

const NO_COUNTERS: readonly number[] = [];
const NOTHING_DECODED = { bytes: 0, broken: false } as const;

export class Source {
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  readonly hello: ProcessHello;
  readonly queue = new MessageQueue();
  /** The source that must end before this one starts; forgotten then. */
  predecessor: Source | undefined;
  started = false;
  ended = false;
  /** True when the last copy left committed records behind. */
  unread = false;
  readonly #ring: Ring | undefined;
  readonly #startTime: string | undefined;
  #lastCounters: readonly number[] = NO_COUNTERS;
  #checkedNs: number;
  #gone = false;
  /** What comes from the pid now is its successor's. */
  #isFollowed = false;
  #endingNs: number | undefined;

  constructor(options: SourceOptions) {
    this.id = options.id;
    this.pid = options.pid;
    this.uid = options.uid;
    this.hello = options.hello;
    this.predecessor = options.predecessor;
    this.#ring = options.ring;
    this.#startTime = startTimeOf(options.pid);
    this.#checkedNs = options.nowNs;
    if (this.#startTime === undefined) this.#markGone(options.nowNs);
  }

  /** True while records are in the ring, or copied and not in the queue yet. */
  get backlog(): boolean {
    return this.unread || this.#ring?.holdsCopies === true;
  }

  /** Time up to which a ring with a backlog has been read. */
  get readNs(): number {
    return this.#ring?.lastNs ?? 0;
  }

  /** When the oldest of the copies was made that are not in the queue yet. */
  get heldSinceNs(): number {
    return this.#ring?.heldSinceNs ?? Number.POSITIVE_INFINITY;
  }

  /** The library's counters, in the order of enum olly_counter; empty for a datagram sender. */
  counters(): readonly number[] {
    const ring = this.#ring;
    if (ring !== undefined && !ring.corrupt && !this.ended) this.#lastCounters = ring.counters();
    return this.#lastCounters;
  }

  /** A new source of the same pid takes over: what is still written here comes within moments. */
  replaced(nowNs: number): void {
    this.#isFollowed = true;
    this.#endingNs ??= nowNs;
  }

  /** Looks whether the process has ended, at most once per limits.processCheckNs unless forced. */
  check(nowNs: number, force: boolean): void {
    if (this.#endingNs !== undefined || (!force && nowNs - this.#checkedNs < limits.processCheckNs))
      return;
    this.#checkedNs = nowNs;
    const startTime = startTimeOf(this.pid);
    if (startTime === undefined || startTime !== this.#startTime) this.#markGone(nowNs);
  }

  /** True when its ring has little room left. */
  get isFilling(): boolean {
    return this.#ring?.isFilling === true;
  }

  /** So many bytes may wait in its ring from now on. */
  allow(waitingBytesMax: number): void {
    this.#ring?.allow(waitingBytesMax);
  }

  /** Makes room in the ring. Returns whether the ring broke the contract just now. */
  copy(nowNs: number, final: boolean): boolean {
    const ring = this.#ring;
    this.unread = false;
    if (ring === undefined || ring.corrupt) return false;
    this.unread = ring.copy(this.#isSilent(nowNs, final));
    return this.#checkedRing(ring);
  }

  /** From one copy into the queue; `broken` as copy() says it. */
  decode(): { readonly bytes: number; readonly broken: boolean } {
    const ring = this.#ring;
    if (ring === undefined || ring.corrupt) return NOTHING_DECODED;
    return { bytes: ring.decode(this.queue), broken: this.#checkedRing(ring) };
  }

  /** True when nothing will come any more and everything that came has been delivered. */
  isOver(nowNs: number, final: boolean): boolean {
    if (this.backlog || this.queue.length > 0 || !this.#isSilent(nowNs, final)) return false;
    // Datagrams that it sent before its end may still be on their way.
    const isAwaited = this.#ring === undefined && this.#gone && !this.#isFollowed && !final;
    return !isAwaited || nowNs - (this.#endingNs ?? nowNs) >= limits.datagramLateNs;
  }

  /** Gives back the ring's memory. */
  close(): void {
    this.counters();
    this.ended = true;
    this.#ring?.close();
  }

  /** True when nobody writes to the ring any more. */
  #isSilent(nowNs: number, final: boolean): boolean {
    if (this.#endingNs === undefined) return false;
    return this.#gone || final || nowNs - this.#endingNs >= limits.mergeHoldBackNs;
  }

  /** A ring that broke the contract is let go of. Returns whether it did. */
  #checkedRing(ring: Ring): boolean {
    if (!ring.corrupt) return false;
    this.unread = false;
    this.#lastCounters = ring.counters();
    ring.close();
    return true;
  }

  #markGone(nowNs: number): void {
    this.#gone = true;
    this.#endingNs ??= nowNs;
  }
}
