/**
 * Everything hooked processes say, as one sequence of events in the order of time. Invariant: of
 * each process, processStarted comes before its messages and processEnded after the last of them;
 * what cannot be delivered is counted.
 */
import { closeSync } from "node:fs";
import { limits } from "../limits.ts";
import type { Clock } from "../model/clock.ts";
import { type HookMessage, MessageType } from "../model/message.ts";
import type { ProcessHello } from "../model/process-hello.ts";
import type { DropReason, Drops } from "../self/drops.ts";
import { Arena } from "./arena.ts";
import { DATAGRAM_COLUMNS, type DatagramBatch, datagramColumn } from "./datagrams.ts";
import { type HookSocket, openHookSocket } from "./hook-socket.ts";
import { LibraryCounters } from "./library-counters.ts";
import { deliverMerged } from "./merge.ts";
import { Patience } from "./patience.ts";
import { helloOf } from "./process-files.ts";
import { RefusedSenders } from "./refused-senders.ts";
import { type MessageDecoder, notAfter, Ring } from "./ring.ts";
import { mapRing } from "./shared-memory.ts";
import { Source } from "./source.ts";

/** One hooked process as the agent sees it. */
export interface IntakeSource {
  /** Agent-wide number that is never used twice, unlike a pid. */
  readonly id: number;
  /** From the sender's credentials. */
  readonly pid: number;
  readonly uid: number;
  /** The library's counters in the order of enum olly_counter; empty for a datagram sender. */
  counters(): readonly number[];
}

export interface IntakeEvents {
  processStarted(source: IntakeSource, hello: ProcessHello): void;
  /** The payload is valid only during the call. */
  message(source: IntakeSource, message: HookMessage): void;
  /** Whether a message of another process has to come before this one, and has not come. */
  isEarly?(source: IntakeSource, message: HookMessage): boolean;
  processEnded(source: IntakeSource): void;
}

/** The wire stage's decoders; handed in, because stages do not import each other. */
export interface WireDecoders {
  readonly message: MessageDecoder;
  readonly processHello: (payload: Uint8Array) => ProcessHello | DropReason;
}

export interface IntakeLog {
  warn(message: string): void;
  error(message: string): void;
}

export interface IntakeOptions {
  readonly socketPath: string;
  readonly clock: Clock;
  readonly drops: Drops;
  readonly events: IntakeEvents;
  readonly wire: WireDecoders;
  readonly log: IntakeLog;
  /** Asked once for each process that appears; false: nothing of it is delivered. */
  readonly wants?: (sender: Sender, hello: ProcessHello) => boolean;
  /** Tells a process without a ring, by the token of its hello, that it is not wanted. */
  readonly refuse?: (token: bigint) => void;
  /** Told how much may wait in the ring of a process that comes next. */
  readonly room?: (waitingBytesMax: number) => void;
  /** Of the control page. Who registered for another one comes again. */
  readonly epoch?: () => number | undefined;
  /** Called when datagrams have arrived, so that the agent may poll before its time. */
  readonly wake?: () => void;
}

/** From the kernel's credentials. */
export interface Sender {
  readonly pid: number;
  readonly uid: number;
}

interface Pass {
  readonly final: boolean;
  /** First and last pass of this poll. */
  readonly first: boolean;
  readonly last: boolean;
}

/** Rounds in which a final poll tries to empty rings that are still being filled. */
const FINAL_PASSES_MAX = 64;
const COUNTERS_EVERY_NS = 500e6;
/** A hello that does not say for which agent it is. */
const UNKNOWN_EPOCH = -1;
/** Work after which the rings are looked at again: about half a millisecond of it. */
const COPY_EVERY_MESSAGES = 256;
const COPY_EVERY_BYTES = 64 * 1024;
/** Copies of one ring in a row, twice what it holds: a writer could keep in step for long. */
const COPIES_MAX = (2 * limits.ringDataBytes) / limits.ringDrainBytesMax;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #arena = new Arena();
  readonly #counters: LibraryCounters;
  readonly #deliver: (source: Source, message: HookMessage) => void;
  readonly #newestOfPid = new Map<number, Source>();
  readonly #unwanted = new RefusedSenders();
  readonly #patience = new Patience();
  #sources: Source[] = [];
  #pending: DatagramBatch[] = [];
  #socket: HookSocket | undefined;
  #nextId = 1;
  #firstCopied = 0;
  /** Bytes that may wait in each ring. */
  #share: number = limits.ringDataBytes;
  #untilCopy = 0;
  #publishedNs = Number.NEGATIVE_INFINITY;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#counters = new LibraryCounters(options.drops);
    this.#deliver = (source, message) => {
      if (!source.started) this.#begin(source);
      options.events.message(source, message);
      this.#untilCopy--;
      if (this.#untilCopy <= 0) this.makeRoom();
    };
  }

  /** Listens. Fails with HookSetupError. */
  async start(): Promise<void> {
    const { socketPath, log, wake } = this.#options;
    this.#socket = await openHookSocket({
      path: socketPath,
      onDatagrams: (batch) => {
        this.#pending.push(batch);
        wake?.();
      },
      onError: (message, fatal) => {
        if (fatal) log.error(`hook socket: ${message}; no further process can register`);
        else log.warn(`hook socket: ${message}`);
      },
    });
  }

  /** Processes that have started and not ended. */
  sources(): IntakeSource[] {
    return this.#sources.filter((source) => source.started);
  }

  /**
   * Reads every ring and what the socket received, and delivers what is old enough to be in order
   * (limits.mergeHoldBackNs), at most limits.pollMessagesMax, so that exporters get their turn.
   * `final`: everything that was sent before the call, processes that have ended included. Returns
   * the number of messages delivered.
   */
  poll(final = false): number {
    if (final && this.#socket?.sync() === false) {
      this.#options.log.warn("hook socket: the worker did not answer");
    }
    const deadlineNs = this.#options.clock.monotonicNs() + limits.finalPollNsMax;
    let delivered = 0;
    for (let pass = 1; ; pass++) {
      const late = pass > 1 && this.#options.clock.monotonicNs() >= deadlineNs;
      const last = !final || pass === FINAL_PASSES_MAX || late;
      const result = this.#pass({ final, first: pass === 1, last });
      delivered += result.delivered;
      if (last || !result.unfinished) break;
    }
    this.#publishCounters(final);
    return delivered;
  }

  /** To be called in the middle of longer work: empties the rings that have little room left. */
  makeRoom(): void {
    this.#untilCopy = COPY_EVERY_MESSAGES;
    const filling = this.#sources.filter((source) => source.isFilling);
    if (filling.length > 0) this.#copyRings(filling, this.#options.clock.monotonicNs(), false);
  }

  /**
   * Stops listening, delivers what came last, and lets go of every ring. Processes that live on get
   * no processEnded.
   */
  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    await socket?.close();
    this.poll(true);
    for (const source of this.#sources) this.#close(source);
    this.#sources = [];
    this.#newestOfPid.clear();
  }

  #pass({ final, first, last }: Pass): { delivered: number; unfinished: boolean } {
    const nowNs = this.#options.clock.monotonicNs();
    this.#takeDatagrams(nowNs);
    for (const source of this.#sources) source.check(nowNs, final && first);
    this.#beginFree();
    const backlogNs = this.#readRings(nowNs, final);
    const hasBacklog = backlogNs !== Number.POSITIVE_INFINITY;
    let cutoffNs = Math.min(
      nowNs - limits.mergeHoldBackNs,
      Math.max(backlogNs, nowNs - limits.mergeBacklogNs),
    );
    if (final) cutoffNs = last ? Number.POSITIVE_INFINITY : backlogNs;
    for (const source of this.#sources) source.queue.sort();
    const messagesMax = final ? Number.POSITIVE_INFINITY : limits.pollMessagesMax;
    const waits = (source: Source, message: HookMessage) =>
      !final && this.#waits(source, message, nowNs);
    const bounds = { cutoffNs, messagesMax, waits };
    const delivered = deliverMerged(this.#sources, bounds, this.#deliver);
    this.#arena.retire(this.#deliveredNs(cutoffNs), nowNs);
    this.#endSources(nowNs, final);
    return { delivered, unfinished: hasBacklog };
  }

  #waits(source: Source, message: HookMessage, nowNs: number): boolean {
    const isEarly = this.#options.events.isEarly?.(source, message) === true;
    return isEarly && this.#patience.has(message.timeNs, nowNs);
  }

  /** Up to when everything has been delivered. */
  #deliveredNs(cutoffNs: number): number {
    let deliveredNs = cutoffNs;
    for (const { queue, heldSinceNs } of this.#sources) {
      deliveredNs = Math.min(deliveredNs, queue.headNs - 1, heldSinceNs - 1);
    }
    return deliveredNs;
  }

  #takeDatagrams(nowNs: number): void {
    const batches = this.#pending;
    if (batches.length === 0) return;
    this.#pending = [];
    for (const batch of batches) {
      const view = new DataView(batch.bytes.buffer);
      for (let row = 0; row < batch.table.length; row += DATAGRAM_COLUMNS) {
        this.#takeDatagram(batch, view, row, nowNs);
      }
      this.#socket?.taken(batch);
    }
  }

  #takeDatagram(batch: DatagramBatch, view: DataView, row: number, nowNs: number): void {
    const { drops, wire } = this.#options;
    const { table } = batch;
    const start = table[row + datagramColumn.offset] ?? 0;
    const end = start + (table[row + datagramColumn.length] ?? 0);
    const fd = table[row + datagramColumn.fd] ?? -1;
    const sender = {
      pid: table[row + datagramColumn.pid] ?? 0,
      uid: table[row + datagramColumn.uid] ?? 0,
    };
    try {
      if (sender.pid <= 0) {
        // A process of a pid namespace that this one cannot see into has no pid here.
        drops.count("sender_unknown");
      } else if (table[row + datagramColumn.truncated] === 1) {
        drops.count("message_malformed");
      } else {
        const message = wire.message(batch.bytes, view, start, end);
        if (typeof message === "string") drops.count(message);
        else this.#takeMessage(sender, notAfter(message, nowNs), { fd, nowNs });
      }
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }

  #takeMessage(
    sender: Sender,
    message: HookMessage,
    { fd, nowNs }: { readonly fd: number; readonly nowNs: number },
  ): void {
    if (message.type !== MessageType.process) {
      if (this.#unwanted.has(sender.pid, nowNs)) return;
      const source =
        this.#newestOfPid.get(sender.pid) ??
        this.#add(sender, { hello: helloOf(sender.pid), ring: undefined }, nowNs);
      source?.queue.push(message);
      return;
    }
    // What is in such a ring is counted by its library when it comes again.
    if (message.fd !== UNKNOWN_EPOCH && message.fd !== (this.#options.epoch?.() ?? message.fd))
      return;
    const hello = this.#options.wire.processHello(message.payload);
    if (typeof hello === "string") {
      this.#options.drops.count(hello);
      return;
    }
    const ring = fd < 0 ? undefined : this.#openRing(fd, sender.pid);
    if (ring !== "refused") this.#add(sender, { hello, ring }, nowNs);
  }

  #openRing(fd: number, pid: number): Ring | "refused" {
    const memory = mapRing(fd, limits.ringDataBytes);
    if (typeof memory !== "string") {
      const { clock, drops, wire } = this.#options;
      return new Ring(memory, { arena: this.#arena, clock, drops, decode: wire.message });
    }
    this.#options.drops.count("ring_corrupt");
    this.#options.log.warn(`the ring of process ${pid} is refused: ${memory}`);
    return "refused";
  }

  /** A new source; one of the same pid ends. Undefined when there are too many. */
  #add(
    sender: Sender,
    introduced: { readonly hello: ProcessHello; readonly ring: Ring | undefined },
    nowNs: number,
  ): Source | undefined {
    const { hello, ring } = introduced;
    this.#unwanted.delete(sender.pid);
    if (this.#options.wants?.(sender, hello) === false) {
      this.#refuse(sender.pid, introduced, nowNs);
      return undefined;
    }
    if (this.#sources.length >= limits.processesMax) {
      this.#options.drops.count("process_limit");
      ring?.close();
      return undefined;
    }
    const predecessor = this.#newestOfPid.get(sender.pid);
    predecessor?.replaced(nowNs);
    const source = new Source({
      id: this.#nextId++,
      pid: sender.pid,
      uid: sender.uid,
      hello,
      ring,
      predecessor,
      nowNs,
    });
    this.#sources.push(source);
    this.#newestOfPid.set(sender.pid, source);
    this.#shareRoom();
    source.allow(this.#share);
    return source;
  }

  /** What may wait in all rings together is shared alike, the next process's included. */
  #shareRoom(): void {
    const { ringDataBytes, ringDataBytesMin, ringsWaitingBytesMax } = limits;
    const equal = Math.floor(ringsWaitingBytesMax / (this.#sources.length + 1));
    const share = Math.min(ringDataBytes, Math.max(ringDataBytesMin, equal));
    if (share === this.#share) return;
    this.#share = share;
    for (const source of this.#sources) source.allow(share);
    this.#options.room?.(share);
  }

  /** Nothing of the process is read, not even what its ring holds already. */
  #refuse(
    pid: number,
    { hello, ring }: { readonly hello: ProcessHello; readonly ring: Ring | undefined },
    nowNs: number,
  ): void {
    // What ran under this pid before, and was wanted, ends here.
    this.#newestOfPid.get(pid)?.replaced(nowNs);
    this.#newestOfPid.delete(pid);
    ring?.refuse();
    ring?.close();
    if (ring !== undefined) return;
    this.#unwanted.add(pid, nowNs);
    if (hello.token !== undefined) this.#options.refuse?.(hello.token);
  }

  /** Tells of new processes, unless they replace one that has not ended yet. */
  #beginFree(): void {
    for (const source of this.#sources) {
      if (!source.started && source.predecessor?.ended !== false) this.#begin(source);
    }
  }

  /** The source starts; the one that it replaces ends before that. */
  #begin(source: Source): void {
    const { predecessor } = source;
    source.predecessor = undefined;
    if (predecessor?.ended === false) this.#finish(predecessor);
    source.started = true;
    this.#options.events.processStarted(source, source.hello);
  }

  /** The source ends: whatever it still holds is delivered first. */
  #finish(source: Source): void {
    if (!source.started) this.#begin(source);
    const nowNs = this.#options.clock.monotonicNs();
    for (let copies = 0; copies < FINAL_PASSES_MAX; copies++) {
      this.#copyOne(source, nowNs, true);
      if (!source.unread) break;
    }
    while (source.backlog && this.#decodeOne(source) > 0);
    source.queue.sort();
    for (let next = source.queue.shift(); next !== undefined; next = source.queue.shift()) {
      this.#options.events.message(source, next);
    }
    this.#close(source);
    if (this.#newestOfPid.get(source.pid) === source) this.#newestOfPid.delete(source.pid);
    this.#options.events.processEnded(source);
  }

  /**
   * Copies all rings and decodes the copies in turn, until all are empty or the poll's share is
   * used up. Returns the time up to which every ring has been read: Infinity when none has a
   * backlog.
   */
  #readRings(nowNs: number, final: boolean): number {
    this.#copyRings(this.#sources, nowNs, final);
    let decoded = 0;
    let nextCopy = COPY_EVERY_BYTES;
    for (let any = true; any && decoded < limits.pollBytesMax; ) {
      any = false;
      for (const source of this.#sources) {
        const bytes = this.#decodeOne(source);
        any ||= bytes > 0;
        decoded += bytes;
        if (decoded < nextCopy) continue;
        nextCopy = decoded + COPY_EVERY_BYTES;
        this.makeRoom();
      }
    }
    return this.#readNs();
  }

  /** Makes room in the rings, as far as there is memory. */
  #copyRings(sources: readonly Source[], nowNs: number, final: boolean): void {
    for (let unread = sources.length > 0, round = 0; unread && round < COPIES_MAX; round++) {
      unread = false;
      for (let index = 0; index < sources.length; index++) {
        if (this.#arena.liveBytes >= limits.intakeBytesMax) return;
        const source = sources[(this.#firstCopied + index) % sources.length];
        if (source === undefined || (round > 0 && !source.unread)) continue;
        this.#copyOne(source, nowNs, final);
        unread ||= source.unread;
      }
      this.#firstCopied = (this.#firstCopied + 1) % sources.length;
    }
  }

  #copyOne(source: Source, nowNs: number, final: boolean): void {
    if (source.copy(nowNs, final)) this.#refused(source);
  }

  #decodeOne(source: Source): number {
    const { bytes, broken } = source.decode();
    if (broken) this.#refused(source);
    return bytes;
  }

  #refused(source: Source): void {
    this.#options.log.warn(
      `the ring of process ${source.pid} holds what no library writes; it is read no further`,
    );
  }

  #readNs(): number {
    let readNs = Number.POSITIVE_INFINITY;
    for (const source of this.#sources) {
      if (source.backlog) readNs = Math.min(readNs, source.readNs);
    }
    return readNs;
  }

  /** Ends the sources that are over; the list has predecessors before those who replace them. */
  #endSources(nowNs: number, final: boolean): void {
    let ended = false;
    for (const source of this.#sources) {
      if (!source.ended && source.isOver(nowNs, final)) this.#finish(source);
      ended ||= source.ended;
    }
    if (!ended) return;
    this.#sources = this.#sources.filter((source) => !source.ended);
    this.#shareRoom();
    this.#beginFree();
  }

  #close(source: Source): void {
    source.close();
    this.#counters.keep(source.counters());
  }

  #publishCounters(force: boolean): void {
    const nowNs = this.#options.clock.monotonicNs();
    if (!force && nowNs - this.#publishedNs < COUNTERS_EVERY_NS) return;
    this.#publishedNs = nowNs;
    this.#counters.publish(this.#sources);
  }
}
