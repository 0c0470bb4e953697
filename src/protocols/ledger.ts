/**
 * The exchanges of all connections: opened, closed, told. Invariants: every opened exchange is
 * closed or withdrawn, exactly once; what rests on a guess at the protocol is told only when the
 * guess has proved right.
 */
import { limits } from "../limits.ts";
import type { Exchange, Outcome } from "../model/exchange.ts";
import type { Moment } from "../model/stream.ts";
import type { Drops } from "../self/drops.ts";
import type { ConnectionRecord, ExchangeStart, Traffic } from "./contract.ts";
import type { Conversation } from "./conversation.ts";
import { Trial, type TrialMemory } from "./trial.ts";

/** Complete exchanges after which a guess is believed although there were errors. */
const TRIAL_COMPLETED_MAX = 2;

export interface ExchangeEvents {
  opened(exchange: Exchange): void;
  /** `tid` moved the last bytes of the answer, or closed the connection. */
  closed(exchange: Exchange, tid: number): void;
  /** A closed exchange is certain: its span can be made. */
  tell(exchange: Exchange): void;
  /** It never was, or is told otherwise: the connection does not speak the protocol. */
  withdrawn(exchange: Exchange): void;
}

export interface LedgerOptions {
  readonly drops: Drops;
  readonly events: ExchangeEvents;
  readonly record: ConnectionRecord | undefined;
}

export class Ledger {
  readonly memory: TrialMemory = { bytes: 0 };
  readonly #drops: Drops;
  readonly #events: ExchangeEvents;
  readonly #record: ConnectionRecord | undefined;
  #openExchanges = 0;

  constructor(options: LedgerOptions) {
    this.#drops = options.drops;
    this.#events = options.events;
    this.#record = options.record;
  }

  get openExchanges(): number {
    return this.#openExchanges;
  }

  open(conversation: Conversation, start: ExchangeStart<unknown>): Exchange {
    const exchange = newExchange(conversation, conversation.protocol?.id ?? "", start);
    const most = Math.min(
      conversation.protocol?.limits.inFlightMax ?? 1,
      limits.exchangesInFlightMax,
    );
    const full = this.#openExchanges >= limits.exchangesMax;
    if (conversation.inFlight.length >= most || full) {
      const oldest = conversation.inFlight[0];
      if (oldest !== undefined) {
        this.#drops.count("in_flight_limit");
        this.close(conversation, oldest, start.startNs, "truncated");
      }
    }
    if (start.pushed) conversation.nextPushedIndex++;
    else conversation.nextIndex++;
    conversation.inFlight.push(exchange);
    this.#openExchanges++;
    this.#events.opened(exchange);
    return exchange;
  }

  close(conversation: Conversation, exchange: Exchange, endNs: number, outcome: Outcome): void {
    // Otherwise given up earlier (expired, too many): it was reported then.
    if (!remove(conversation.inFlight, exchange)) return;
    exchange.endNs = Math.max(endNs, exchange.startNs);
    exchange.outcome = outcome;
    this.#openExchanges--;
    const isServer = conversation.info.role === "server";
    const answers = isServer === (exchange.pushed !== true) ? "out" : "in";
    this.#events.closed(exchange, conversation.directions[answers].lastTid);
    const wasClean = conversation.errors === 0;
    if (outcome === "complete") conversation.errors = 0;
    const { trial } = conversation;
    if (trial === undefined) {
      this.#events.tell(exchange);
      return;
    }
    trial.held.push(exchange);
    if (outcome !== "complete") return;
    trial.completed++;
    if (wasClean || trial.completed >= TRIAL_COMPLETED_MAX) this.believe(conversation);
  }

  closeAll(conversation: Conversation, endNs: number, outcome: Outcome): void {
    for (const exchange of [...conversation.inFlight]) {
      this.close(conversation, exchange, endNs, outcome);
    }
  }

  /** The protocol is certain: what was held back is told. */
  believe(conversation: Conversation): void {
    const trial = conversation.trial;
    if (trial === undefined) return;
    conversation.trial = undefined;
    trial.stop(this.memory);
    for (const exchange of trial.held) this.#events.tell(exchange);
  }

  /** The guess was wrong: of its exchanges nothing has been told, nothing will be. */
  withdraw(conversation: Conversation): void {
    const trial = conversation.trial;
    if (trial === undefined) return;
    for (const exchange of [...trial.held.splice(0), ...conversation.inFlight]) {
      this.#events.withdrawn(exchange);
    }
    this.#openExchanges -= conversation.inFlight.length;
    conversation.inFlight.length = 0;
    conversation.nextIndex = trial.firstIndex;
    conversation.nextPushedIndex = trial.firstPushedIndex;
    conversation.info.role = trial.role;
    conversation.info.garbled = trial.garbled;
  }

  /** Nothing more comes, or the protocol itself ends here: a guess without errors was right. */
  conclude(conversation: Conversation): void {
    if (conversation.trial === undefined) return;
    if (conversation.errors === 0) {
      this.believe(conversation);
      return;
    }
    this.withdraw(conversation);
    this.forgetTrial(conversation);
    conversation.mode = "detecting";
  }

  newTrial(conversation: Conversation): Trial {
    this.forgetTrial(conversation);
    const { info, nextIndex, nextPushedIndex } = conversation;
    const trial = new Trial(info, nextIndex, nextPushedIndex);
    conversation.trial = trial;
    return trial;
  }

  forgetTrial(conversation: Conversation): void {
    conversation.trial?.stop(this.memory);
    conversation.trial = undefined;
  }

  adopt(conversation: Conversation, exchange: Exchange, detail: unknown): Exchange {
    exchange.protocol = conversation.protocol?.id ?? exchange.protocol;
    exchange.detail = detail;
    return exchange;
  }

  /** No protocol tells of the connection: it is told as a whole when it is over. */
  openRecord(conversation: Conversation): void {
    const { info, directions } = conversation;
    const { nextIndex, nextPushedIndex, record } = conversation;
    const isTold = nextIndex > 0 || nextPushedIndex > 0 || record !== undefined;
    if (this.#record === undefined || isTold || info.transport !== "tcp") return;
    const first = info.role === "server" ? directions.in : directions.out;
    const detail: Traffic = { receivedBytes: 0, sentBytes: 0, content: "unknown" };
    const start = { startNs: conversation.startNs, tid: first.lastTid, eventLoop: false, detail };
    conversation.record = newExchange(conversation, this.#record.id, start) as Exchange<Traffic>;
    this.#events.opened(conversation.record);
  }

  closeRecord(conversation: Conversation, last: Moment, isOver: boolean): void {
    const { directions, info, mode } = conversation;
    const bytes = directions.in.bytes + directions.out.bytes;
    if (mode === "detecting" && bytes > 0) this.openRecord(conversation);
    const { record } = conversation;
    if (record === undefined) return;
    conversation.record = undefined;
    record.detail.receivedBytes = directions.in.bytes;
    record.detail.sentBytes = directions.out.bytes;
    record.detail.content = mode === "tls" ? "tls" : "unknown";
    record.endNs = Math.max(last.timeNs, record.startNs);
    record.outcome = isOver && !info.midstream ? "complete" : "truncated";
    this.#events.closed(record, last.tid);
    this.#events.tell(record);
  }

  /** A protocol has been found after all. */
  dropRecord(conversation: Conversation): void {
    if (conversation.record !== undefined) this.#events.withdrawn(conversation.record);
    conversation.record = undefined;
  }
}

/** False = it is not there. Most are the oldest or the latest, and need no search. */
function remove(inFlight: Exchange[], exchange: Exchange): boolean {
  if (inFlight.at(-1) === exchange) {
    inFlight.pop();
    return true;
  }
  const position = inFlight.indexOf(exchange);
  if (position === 0) inFlight.shift();
  else if (position > 0) inFlight.splice(position, 1);
  return position >= 0;
}

function newExchange(
  conversation: Conversation,
  protocol: string,
  start: ExchangeStart<unknown>,
): Exchange {
  return {
    protocol,
    connection: conversation.info,
    pushed: start.pushed,
    index: start.pushed ? conversation.nextPushedIndex : conversation.nextIndex,
    startNs: start.startNs,
    tid: start.tid,
    eventLoop: start.eventLoop,
    joinKey: start.joinKey,
    traceparent: start.traceparent,
    tracestate: start.tracestate,
    endNs: start.startNs,
    outcome: "no_response",
    detail: start.detail,
    partOf: start.partOf,
    context: undefined,
  };
}
