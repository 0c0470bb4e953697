/**
 * The executable reading of src/protocols/contract.ts: the smallest driver that keeps every promise
 * of it, for one connection whose sides are known. Its invariant: a protocol that breaks its own
 * part of the contract (reads outside the view, keeps it, makes no progress, closes twice) fails
 * the test at once. Speed is no aim; src/protocols/drive.ts is the one that ships.
 */
import { assert } from "../../src/lib/assert.ts";
import type { ConnectionInfo, Side } from "../../src/model/connection.ts";
import type { Exchange, Outcome } from "../../src/model/exchange.ts";
import type {
  ExchangeSink,
  ExchangeStart,
  FrameSink,
  HandOver,
  Moment,
  Protocol,
  StreamView,
} from "../../src/protocols/contract.ts";

/** Bytes that a view shows around its own: whoever reads them reads what is not there. */
const GUARD = 0xaa;
const GUARD_BYTES = 8;
const TID = 7;

interface SideStream {
  bytes: Uint8Array;
  times: readonly number[];
  /** Position of bytes[0] in the direction, gaps counted. */
  position: number;
  skip: number;
  resyncing: boolean;
  ended: boolean;
}

export class ReferenceDriver<Frame, State, Detail> {
  readonly protocol: Protocol<Frame, State, Detail>;
  readonly connection: ConnectionInfo;
  readonly state: State;
  /** In the order in which they were closed. */
  readonly closed: Exchange<Detail>[] = [];
  /** In the order in which they were opened. */
  readonly opened: Exchange<Detail>[] = [];
  readonly parseErrors: number[] = [];
  /** Positions behind each parse() that consumed, for the harness to cut at. */
  readonly boundaries: Record<Side, number[]> = { request: [], response: [] };
  orphans = 0;
  /** Whether what is fed comes from a thread that runs an event loop. */
  eventLoop = false;
  parseCalls = 0;
  handedOver: HandOver | undefined;

  readonly #streams: Record<Side, SideStream> = { request: newStream(), response: newStream() };
  readonly #open = new Set<Exchange<Detail>>();
  readonly #sink: ExchangeSink<Detail>;
  #pushedCount = 0;

  constructor(protocol: Protocol<Frame, State, Detail>, connection: ConnectionInfo) {
    this.protocol = protocol;
    this.connection = connection;
    this.state = protocol.createState(connection);
    this.#sink = {
      open: (start) => this.#openExchange(start),
      close: (exchange, endNs, outcome) => this.#closeExchange(exchange, endNs, outcome),
      orphan: () => {
        this.orphans += 1;
      },
    };
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** The next bytes of a direction, all moved at one time. */
  feed(side: Side, bytes: Uint8Array, timeNs: number): void {
    const stream = this.#streams[side];
    const joined = new Uint8Array(stream.bytes.length + bytes.length);
    joined.set(stream.bytes);
    joined.set(bytes, stream.bytes.length);
    stream.bytes = joined;
    stream.times = [...stream.times, ...new Array<number>(bytes.length).fill(timeNs)];
    this.#advance(side, timeNs);
  }

  /** Bytes of a direction that were not captured. A skip swallows them; the rest is a loss. */
  gap(side: Side, length: number, timeNs: number): void {
    const stream = this.#streams[side];
    const skipped = Math.min(stream.skip, length);
    if (skipped > 0) {
      const piece = { bytes: undefined, start: 0, end: skipped, timeNs };
      this.protocol.passing?.(piece, side, this.state);
    }
    const skipEnds = skipped > 0 && skipped === stream.skip;
    stream.skip -= skipped;
    if (skipEnds) this.#skipped(side, timeNs);
    const lost = length - skipped;
    stream.position += stream.bytes.length + length;
    stream.bytes = new Uint8Array();
    stream.times = [];
    if (lost > 0) this.#lose(side, timeNs);
  }

  /** A direction has ended. */
  end(side: Side, timeNs: number): void {
    const stream = this.#streams[side];
    if (stream.ended || this.handedOver) return;
    stream.ended = true;
    const frames: Frame[] = [];
    const moment = { timeNs, tid: TID };
    this.protocol.ended?.(side, this.state, moment, this.#frameSink(stream, frames));
    for (const frame of frames) this.protocol.match(frame, side, this.state, this.#sink);
  }

  /** Time has passed, whether or not anything moved. */
  expire(nowNs: number): void {
    this.protocol.expire?.(this.state, nowNs, this.#sink);
  }

  /** The connection is gone, or capture of it has stopped: what is open ends here. */
  finish(timeNs: number, outcome: Outcome): void {
    for (const exchange of this.#open) this.#closeExchange(exchange, timeNs, outcome);
  }

  #advance(side: Side, timeNs: number): void {
    const stream = this.#streams[side];
    while (!this.handedOver && stream.bytes.length > 0) {
      if (stream.skip > 0) {
        const taken = Math.min(stream.skip, stream.bytes.length);
        const last = stream.times[taken - 1] ?? timeNs;
        this.#pass(stream, side, taken);
        stream.skip -= taken;
        consume(stream, taken);
        if (stream.skip === 0) this.#skipped(side, last);
      } else if (stream.resyncing) {
        if (!this.#resync(side)) return;
      } else if (!this.#parseOnce(side, timeNs)) return;
    }
  }

  #parseOnce(side: Side, timeNs: number): boolean {
    const stream = this.#streams[side];
    const frames: Frame[] = [];
    const sink = this.#frameSink(stream, frames);
    this.parseCalls += 1;
    const status = this.#withView(stream, (view) =>
      this.protocol.parse(view, side, this.state, sink),
    );
    assert(Number.isInteger(status), "parse status is an integer");
    assert(status <= stream.bytes.length, "parse consumes no more than there is");
    if (status > 0) {
      consume(stream, status);
      this.boundaries[side].push(stream.position);
    } else assert(frames.length === 0, "a frame consumes its bytes");
    for (const frame of frames) this.protocol.match(frame, side, this.state, this.#sink);
    if (status > 0) return true;
    if (status === 0 && stream.bytes.length < this.protocol.limits.frameBytesMax) return false;
    this.parseErrors.push(status);
    consume(stream, 1);
    this.#lose(side, timeNs);
    return true;
  }

  #resync(side: Side): boolean {
    const stream = this.#streams[side];
    const found = this.#withView(stream, (view) => {
      const index = this.protocol.resync(view, side, this.state);
      assert(index === -1 || (index >= view.start && index < view.end), "resync stays in the view");
      return index === -1 ? -1 : index - view.start;
    });
    if (found === -1) {
      consume(stream, stream.bytes.length);
      return false;
    }
    consume(stream, found);
    stream.resyncing = false;
    return true;
  }

  #lose(side: Side, timeNs: number): void {
    const stream = this.#streams[side];
    if (this.handedOver) return;
    this.protocol.lost(side, this.state, { timeNs, tid: TID }, this.#sink);
    stream.resyncing = true;
  }

  /** Shows skipped bytes between guards, and spoils them afterwards. */
  #pass(stream: SideStream, side: Side, length: number): void {
    const end = GUARD_BYTES + length;
    const bytes = new Uint8Array(end + GUARD_BYTES).fill(GUARD);
    bytes.set(stream.bytes.subarray(0, length), GUARD_BYTES);
    const timeNs = stream.times[0] ?? 0;
    this.protocol.passing?.({ bytes, start: GUARD_BYTES, end, timeNs }, side, this.state);
    bytes.fill(GUARD);
  }

  #skipped(side: Side, timeNs: number): void {
    const frames: Frame[] = [];
    const last: Moment = { timeNs, tid: TID };
    this.protocol.skipped?.(side, this.state, last, this.#frameSink(this.#streams[side], frames));
    for (const frame of frames) this.protocol.match(frame, side, this.state, this.#sink);
  }

  #frameSink(stream: SideStream, frames: Frame[]): FrameSink<Frame> {
    return {
      frame: (frame) => {
        frames.push(frame);
      },
      skip: (length) => {
        assert(length >= 0, "a skip has a length");
        stream.skip = length;
      },
      handOver: (to) => {
        this.handedOver = to;
      },
    };
  }

  /** Shows the bytes between guards, and spoils them afterwards for whoever kept the view. */
  #withView<Result>(stream: SideStream, use: (view: StreamView) => Result): Result {
    const { times } = stream;
    const end = GUARD_BYTES + stream.bytes.length;
    const bytes = new Uint8Array(end + GUARD_BYTES).fill(GUARD);
    bytes.set(stream.bytes, GUARD_BYTES);
    const timeAt = (index: number): number => {
      const time = times[Math.min(index, end - 1) - GUARD_BYTES];
      assert(time !== undefined, "timeAt is asked inside the view");
      return time;
    };
    const moments = { timeAt, tidAt: () => TID, eventLoopAt: () => this.eventLoop };
    const result = use({ bytes, start: GUARD_BYTES, end, ...moments });
    bytes.fill(GUARD);
    return result;
  }

  #openExchange(start: ExchangeStart<Detail>): Exchange<Detail> {
    const exchange: Exchange<Detail> = {
      protocol: this.protocol.id,
      connection: this.connection,
      index: start.pushed ? this.#pushedCount++ : this.opened.length - this.#pushedCount,
      traceparent: undefined,
      tracestate: undefined,
      ...start,
      endNs: start.startNs,
      outcome: "no_response",
      context: undefined,
    };
    this.opened.push(exchange);
    this.#open.add(exchange);
    return exchange;
  }

  #closeExchange(exchange: Exchange<Detail>, endNs: number, outcome: Outcome): void {
    assert(this.#open.delete(exchange), "an exchange is closed once");
    assert(endNs >= exchange.startNs, "an exchange does not end before it starts");
    exchange.endNs = endNs;
    exchange.outcome = outcome;
    this.closed.push(exchange);
  }
}

function newStream(): SideStream {
  return {
    bytes: new Uint8Array(),
    times: [],
    position: 0,
    skip: 0,
    resyncing: false,
    ended: false,
  };
}

function consume(stream: SideStream, length: number): void {
  if (length === 0) return;
  stream.bytes = stream.bytes.subarray(length);
  stream.times = stream.times.slice(length);
  stream.position += length;
}
