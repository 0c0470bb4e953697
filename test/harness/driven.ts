/**
 * The driver alone with a list of moves: what it tells, and how much is kept. Invariant: a bug of a
 * protocol (an exception) fails the test, and every exchange ends exactly once.
 */
import { assert } from "../../src/lib/assert.ts";
import { limits } from "../../src/limits.ts";
import type { Direction, Side } from "../../src/model/connection.ts";
import type { Exchange } from "../../src/model/exchange.ts";
import type { CapturePolicy, Protocol } from "../../src/protocols/contract.ts";
import type { Conversation, DrivenConnection } from "../../src/protocols/conversation.ts";
import { ProtocolDriver } from "../../src/protocols/drive.ts";
import { tcp } from "../../src/protocols/tcp-record.ts";
import { Drops } from "../../src/self/drops.ts";
import { ByteStream } from "../../src/streams/byte-stream.ts";
import { testConnection } from "./stream-cases.ts";

/** One call of a program as the driver sees it. */
export interface Call {
  readonly side: Side;
  readonly bytes: Uint8Array;
  /** Bytes behind these that were not captured. */
  readonly missing?: number;
  /** Messages of unknown length were lost before this one. */
  readonly lostBefore?: boolean;
  readonly ends?: boolean;
}

const STEP_NS = 1_000;

export class Driven {
  readonly drops = new Drops();
  /** Closed and not taken back. */
  readonly told: Exchange[] = [];
  readonly #ended = new Map<Exchange, string>();
  readonly driver: ProtocolDriver;
  readonly conversation: Conversation;
  readonly #streams = {
    in: new ByteStream(limits.streamSegmentsMax),
    out: new ByteStream(limits.streamSegmentsMax),
  };
  #nowNs = STEP_NS;
  opened = 0;

  constructor(
    protocols: readonly Protocol[],
    connection: Partial<DrivenConnection> = {},
    policy?: CapturePolicy,
  ) {
    this.driver = new ProtocolDriver({
      protocols,
      record: tcp,
      drops: this.drops,
      policy,
      events: {
        opened: () => {
          this.opened++;
        },
        closed: (exchange) => this.#end(exchange, "closed"),
        tell: (exchange) => this.told.push(exchange),
        withdrawn: (exchange) => this.#end(exchange, "withdrawn"),
      },
    });
    this.driver.onBug = (error) => {
      throw error;
    };
    const info = { ...testConnection, startNs: STEP_NS, ...connection };
    this.conversation = this.driver.start(info, this.#streams);
  }

  call({ side, bytes, missing, lostBefore, ends }: Call): void {
    this.#nowNs += STEP_NS;
    const last = { timeNs: this.#nowNs, tid: 7 };
    const server = this.conversation.info.role === "server";
    const direction: Direction = (side === "request") === server ? "in" : "out";
    if (lostBefore === true) {
      this.driver.lost(this.conversation, "in", last);
      this.driver.lost(this.conversation, "out", last);
    }
    const stream = this.#streams[direction];
    if (bytes.length > 0) {
      stream.append(bytes, { ...last, eventLoop: false });
      this.driver.advance(this.conversation, direction, last);
      stream.retain();
    }
    if (missing !== undefined) {
      this.driver.uncaptured(this.conversation, direction, { length: missing, last });
    }
    if (ends === true) this.driver.ended(this.conversation, direction, last);
  }

  close(): void {
    this.driver.closed(this.conversation, { timeNs: this.#nowNs + STEP_NS, tid: 7 });
    assert(this.driver.openExchanges === 0, "no exchange stays open");
    assert(this.driver.trialBytes === 0, "a closed connection keeps nothing");
    assert(this.#ended.size === this.opened, "every exchange has ended");
    for (const exchange of this.told) {
      assert(this.#ended.get(exchange) === "closed", "what is told is closed");
      assert(exchange.endNs >= exchange.startNs, "nothing ends before it begins");
      assert(exchange.endNs <= this.#nowNs + STEP_NS, "nothing ends after the connection");
    }
  }

  /** Bytes that wait for more, and about how much the protocol keeps. */
  get kept(): number {
    const waiting = this.#streams.in.length + this.#streams.out.length;
    return waiting + this.driver.trialBytes + sizeOf(this.conversation.state);
  }

  #end(exchange: Exchange, how: string): void {
    // A closed exchange may be taken back, nothing else happens twice.
    const before = this.#ended.get(exchange);
    assert(before === undefined || (before === "closed" && how === "withdrawn"), "one end");
    this.#ended.set(exchange, how);
  }
}

const OBJECT_BYTES = 16;

/** About the memory behind a value: characters, bytes, and a few for each object and number. */
export function sizeOf(value: unknown): number {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [value];
  let size = 0;
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string") size += next.length;
    else if (typeof next === "object" && next !== null && !seen.has(next)) {
      seen.add(next);
      size += OBJECT_BYTES;
      if (ArrayBuffer.isView(next)) size += next.byteLength;
      else if (next instanceof Map) for (const pair of next) waiting.push(...pair);
      else if (next instanceof Set) for (const item of next) waiting.push(item);
      else for (const item of Object.values(next)) waiting.push(item);
    } else size += 8;
  }
  return size;
}
