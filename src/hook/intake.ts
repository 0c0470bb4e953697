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
import { helloOf } from "./process-files.ts";
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
  /** Called when datagrams have arrived, so that the agent may poll before its time. */
  readonly wake?: () => void;
}

/** Rounds in which a final poll tries to empty rings that are still being filled. */
const FINAL_PASSES_MAX = 64;
const COUNTERS_EVERY_NS = 500e6;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #arena = new Arena();
  readonly #counters: LibraryCounters;
  readonly #deliver: (source: Source, message: HookMessage) => void;
  readonly #newestOfPid = new Map<number, Source>();
  #sources: Source[] = [];
  #started: Source[] = [];
  #pending: DatagramBatch[] = [];
  #socket: HookSocket | undefined;
  #nextId = 1;
  #firstDrained = 0;
  #publishedNs = Number.NEGATIVE_INFINITY;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#counters = new LibraryCounters(options.drops);
    this.#deliver = (source, message) => options.events.message(source, message);
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
    return [...this.#started];
  }

  /**
   * Reads every ring and what the socket received, and delivers what is old enough to be in order
   * (limits.mergeHoldBackNs). `final`: everything that was sent before the call, processes that
   * have ended included. Returns the number of messages delivered.
   */
  poll(final = false): number {
    if (final && this.#socket?.sync() === false) {
      this.#options.log.warn("hook socket: the worker did not answer");
    }
    let delivered = 0;
    for (let pass = 1; ; pass++) {
      const last = !final || pass === FINAL_PASSES_MAX;
      const result = this.#pass(final, last);
      delivered += result.delivered;
      if (last || !result.unfinished) break;
    }
    this.#publishCounters(final);
    return delivered;
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
    this.#started = [];
    this.#newestOfPid.clear();
  }

  #pass(final: boolean, last: boolean): { delivered: number; unfinished: boolean } {
    const nowNs = this.#options.clock.monotonicNs();
    this.#takeDatagrams(nowNs);
    for (const source of this.#sources) source.check(nowNs, final);
    this.#startWaiting();
    const backlogNs = this.#drainRings();
    const hasBacklog = backlogNs !== Number.POSITIVE_INFINITY;
    let cutoffNs = Math.min(
      nowNs - limits.mergeHoldBackNs,
      Math.max(backlogNs, nowNs - limits.mergeBacklogNs),
    );
    if (final) cutoffNs = last ? Number.POSITIVE_INFINITY : backlogNs;
    for (const source of this.#started) source.queue.sort();
    const delivered = deliverMerged(this.#started, cutoffNs, this.#deliver);
    this.#arena.retire(cutoffNs);
    const ended = this.#endSources(nowNs, final);
    return { delivered, unfinished: hasBacklog || ended };
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
    sender: { readonly pid: number; readonly uid: number },
    message: HookMessage,
    { fd, nowNs }: { readonly fd: number; readonly nowNs: number },
  ): void {
    if (message.type !== MessageType.process) {
      const source = this.#newestOfPid.get(sender.pid) ?? this.#add(sender, undefined, nowNs);
      source?.queue.push(message);
      return;
    }
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
    sender: { readonly pid: number; readonly uid: number },
    introduced: { readonly hello: ProcessHello; readonly ring: Ring | undefined } | undefined,
    nowNs: number,
  ): Source | undefined {
    if (this.#sources.length >= limits.processesMax) {
      this.#options.drops.count("process_limit");
      introduced?.ring?.close();
      return undefined;
    }
    const predecessor = this.#newestOfPid.get(sender.pid);
    predecessor?.replaced(nowNs);
    const source = new Source({
      id: this.#nextId++,
      pid: sender.pid,
      uid: sender.uid,
      hello: introduced?.hello ?? helloOf(sender.pid),
      ring: introduced?.ring,
      predecessor,
      nowNs,
    });
    this.#sources.push(source);
    this.#newestOfPid.set(sender.pid, source);
    return source;
  }

  #startWaiting(): void {
    if (this.#started.length === this.#sources.length) return;
    for (const source of this.#sources) {
      if (source.started || source.predecessor?.ended === false) continue;
      source.started = true;
      this.#started.push(source);
      this.#options.events.processStarted(source, source.hello);
    }
  }

  /**
   * Reads the rings in turn until all are empty or the poll's share is used up. Returns the time up
   * to which every ring has been read: Infinity when none has a backlog.
   */
  #drainRings(): number {
    const sources = this.#started;
    const before = this.#arena.liveBytes;
    let unread = sources.length > 0;
    for (const source of sources) source.backlog = true;
    while (unread) {
      unread = false;
      for (let index = 0; index < sources.length; index++) {
        if (this.#arena.liveBytes >= limits.intakeBytesMax) return this.#readNs();
        if (this.#arena.liveBytes - before >= limits.pollBytesMax) return this.#readNs();
        const source = sources[(this.#firstDrained + index) % sources.length];
        if (source?.backlog !== true) continue;
        this.#drainOne(source);
        unread ||= source.backlog;
      }
      this.#firstDrained = (this.#firstDrained + 1) % sources.length;
    }
    return Number.POSITIVE_INFINITY;
  }

  #drainOne(source: Source): void {
    source.backlog = false;
    if (!source.drain()) return;
    this.#options.log.warn(
      `the ring of process ${source.pid} holds what no library writes; it is read no further`,
    );
  }

  #readNs(): number {
    let readNs = Number.POSITIVE_INFINITY;
    for (const source of this.#started) {
      if (source.backlog) readNs = Math.min(readNs, source.readNs);
    }
    return readNs;
  }

  /** Tells the end of sources that are over. True when another one waited for that. */
  #endSources(nowNs: number, final: boolean): boolean {
    const over = this.#started.filter((source) => source.isOver(nowNs, final));
    if (over.length === 0) return false;
    for (const source of over) {
      this.#close(source);
      if (this.#newestOfPid.get(source.pid) === source) this.#newestOfPid.delete(source.pid);
      this.#options.events.processEnded(source);
    }
    this.#started = this.#started.filter((source) => !source.ended);
    this.#sources = this.#sources.filter((source) => !source.ended);
    return this.#started.length < this.#sources.length;
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
