/**
 * The stages wired together, without any input or output: messages of libolly in, spans and log
 * records out. Reads from top to bottom as a message travels: connections → streams → protocols →
 * correlation → signals. Invariant: stages know nothing of each other, they meet only here.
 */
import type { Connection } from "./connections/connection.ts";
import { ConnectionTracker } from "./connections/tracker.ts";
import { Correlator } from "./correlation/correlator.ts";
import type { IdSource } from "./lib/ids.ts";
import { limits } from "./limits.ts";
import type { Endpoints } from "./model/connection.ts";
import type { Exchange } from "./model/exchange.ts";
import type { LogRecord } from "./model/log-record.ts";
import { type HookMessage, MessageFlag, MessageType } from "./model/message.ts";
import type { HookedProcess } from "./model/process.ts";
import type { RouteSettings } from "./model/route.ts";
import type { Span } from "./model/span.ts";
import type { CapturePolicy, ConnectionRecord, Protocol } from "./protocols/contract.ts";
import type { Conversation } from "./protocols/conversation.ts";
import { ProtocolDriver } from "./protocols/drive.ts";
import type { Drops } from "./self/drops.ts";
import { LogRecordBuilder } from "./signals/log-records.ts";
import { isLookupTold, lookupSpanOf } from "./signals/lookup-spans.ts";
import { Routes } from "./signals/routes.ts";
import { spanOf } from "./signals/spans.ts";
import { datagramEndpointsOf, datagramOf } from "./wire/address.ts";
import { decodeLookup } from "./wire/lookup.ts";

/** What the agent counts of one process, for olly status. */
export interface ProcessActivity {
  readonly process: HookedProcess;
  messages: number;
  spans: number;
  logs: number;
}

export interface PipelineOptions {
  readonly protocols: readonly Protocol[];
  /** Tells of TCP connections that speak none of them. */
  readonly record?: ConnectionRecord | undefined;
  readonly policy: CapturePolicy;
  /** How HTTP requests are named; undefined = by their methods alone. */
  readonly routes?: RouteSettings | undefined;
  readonly ids: IdSource;
  readonly drops: Drops;
  readonly endpointsOf: (message: HookMessage) => Endpoints | undefined;
  /** Path behind a descriptor, asked for log writes to files. */
  readonly pathOf: (pid: number, fd: number) => string | undefined;
  readonly span: (span: Span) => void;
  readonly log: (record: LogRecord) => void;
  readonly bug: (error: unknown) => void;
}

/** The descriptor's number means something else from here on. */
function isBoundary(type: number): boolean {
  return type === MessageType.close || type === MessageType.accept || type === MessageType.connect;
}

const STDERR_FD = 2;
/** Whose switch is that of the lookups, too. */
const LOOKUPS_PROTOCOL = "dns";
const EXPIRE_EVERY_NS = 1e9;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #processes = new Map<number, ProcessActivity>();
  readonly #describers: ReadonlyMap<string, Pick<Protocol, "describe">>;
  readonly #tracker: ConnectionTracker<Conversation>;
  readonly #driver: ProtocolDriver;
  readonly #correlator: Correlator;
  readonly #logs: LogRecordBuilder;
  readonly #routes: Routes | undefined;
  #expiredNs = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { drops, protocols, record, policy } = options;
    const tellers = record === undefined ? protocols : [...protocols, record];
    this.#describers = new Map(tellers.map((teller) => [teller.id, teller]));
    this.#correlator = new Correlator(options.ids);
    this.#logs = new LogRecordBuilder({ drops });
    this.#routes = options.routes === undefined ? undefined : new Routes(options.routes);
    this.#driver = new ProtocolDriver({
      protocols,
      record,
      drops,
      policy,
      events: {
        opened: (exchange) => {
          if (exchange.protocol === record?.id) this.#correlator.connected(exchange);
          else this.#correlator.opened(exchange);
        },
        closed: (exchange, tid) => this.#correlator.closed(exchange, tid),
        tell: (exchange) => this.#exchangeTold(exchange),
        withdrawn: (exchange) => this.#correlator.withdrawn(exchange),
      },
    });
    this.#driver.onBug = options.bug;
    this.#tracker = new ConnectionTracker<Conversation>({
      drops,
      endpointsOf: options.endpointsOf,
      datagramEndpointsOf,
      datagramOf,
      events: {
        data: (connection, direction, last) =>
          this.#driver.advance(this.#conversationOf(connection), direction, last),
        uncaptured: (connection, direction, length, last) =>
          this.#driver.uncaptured(this.#conversationOf(connection), direction, { length, last }),
        lost: (connection, at) => {
          const conversation = this.#conversationOf(connection);
          this.#driver.lost(conversation, "in", at);
          this.#driver.lost(conversation, "out", at);
        },
        ended: (connection, direction, last) =>
          this.#driver.ended(this.#conversationOf(connection), direction, last),
        plaintext: (connection) => this.#driver.restart(this.#conversationOf(connection)),
        closed: (connection, last) => this.#connectionClosed(connection, last),
        abandoned: ({ attachment }, nowNs) =>
          attachment === undefined ? 0 : this.#driver.abandon(attachment, nowNs),
      },
    });
  }

  activities(): IterableIterator<ProcessActivity> {
    return this.#processes.values();
  }

  /** How much is kept at the moment; each number has a maximum in limits.ts. */
  get sizes() {
    return {
      connections: this.#tracker.size,
      datagramFlows: this.#tracker.datagramFlows,
      heldBytes: this.#tracker.heldBytes,
      lookups: this.#tracker.lookedUpAddresses,
      exchanges: this.#driver.openExchanges,
      trialBytes: this.#driver.trialBytes,
      partialLines: this.#logs.partialLines,
      routes: this.#routes?.nodes ?? 0,
      ...this.#correlator.sizes,
      processes: this.#processes.size,
    };
  }

  /** network: its network namespace, "" when it is the agent's own. */
  processStarted(process: HookedProcess, network = ""): void {
    this.#processes.set(process.id, { process, messages: 0, spans: 0, logs: 0 });
    this.#correlator.processStarted(process.id, network);
  }

  /** One message of a process that has started; messages come in the order of their times. */
  message(processId: number, message: HookMessage): void {
    const activity = this.#processes.get(processId);
    if (activity === undefined) return;
    activity.messages++;
    try {
      switch (message.type) {
        case MessageType.logWrite:
          this.#logWrite(activity, message);
          break;
        case MessageType.syslog:
          this.#syslog(activity, message);
          break;
        case MessageType.lookup:
          this.#lookup(activity, message);
          break;
        default:
          this.#connectionMessage(activity, message);
      }
    } catch (error) {
      this.#failed("message_failed", error);
    }
  }

  /** Whether what this message has read was written by a message that has not come yet. */
  isEarly(processId: number, message: HookMessage): boolean {
    return this.#tracker.isEarly(processId, message);
  }

  processEnded(processId: number, nowNs: number): void {
    const activity = this.#processes.get(processId);
    if (activity === undefined) return;
    this.#tracker.processEnded(processId, nowNs);
    this.#logs.processEnded(processId, (record) => this.#logRecord(activity, record));
    this.#correlator.processEnded(processId);
    this.#processes.delete(processId);
  }

  /** Gives up what has waited too long; cheap when called often. */
  tick(nowNs: number): void {
    this.#tracker.expire(nowNs);
    this.#logs.expire(nowNs, (record) => this.#anyLogRecord(record));
    if (nowNs - this.#expiredNs < EXPIRE_EVERY_NS) return;
    this.#expiredNs = nowNs;
    this.#correlator.expire(nowNs);
    for (const connection of this.#tracker.connections()) {
      if (connection.attachment === undefined) continue;
      this.#driver.expire(connection.attachment, nowNs - limits.exchangeNsMax, nowNs);
    }
  }

  /** The agent stops: what is under way is reported as cut off, half-written lines as they are. */
  stop(nowNs: number): void {
    this.#tracker.flush();
    for (const connection of this.#tracker.connections()) {
      if (connection.attachment === undefined) continue;
      this.#driver.abandon(connection.attachment, nowNs);
    }
    this.#logs.flush((record) => this.#anyLogRecord(record));
  }

  #logWrite(activity: ProcessActivity, message: HookMessage): void {
    const { process } = activity;
    const path = message.fd > STDERR_FD ? this.#options.pathOf(process.pid, message.fd) : undefined;
    this.#logs.add(
      {
        process,
        fd: message.fd,
        tid: message.tid,
        timeNs: message.timeNs,
        wireLength: message.wireLength,
        payload: message.payload,
        context: this.#correlator.contextOf(process.id, message.tid, message.timeNs),
        path,
      },
      (record) => this.#logRecord(activity, record),
    );
  }

  #syslog(activity: ProcessActivity, message: HookMessage): void {
    const { process } = activity;
    this.#logs.syslog(
      {
        process,
        priority: message.fd,
        tid: message.tid,
        timeNs: message.timeNs,
        wireLength: message.wireLength,
        payload: message.payload,
        context: this.#correlator.contextOf(process.id, message.tid, message.timeNs),
      },
      (record) => this.#logRecord(activity, record),
    );
  }

  #lookup(activity: ProcessActivity, message: HookMessage): void {
    const lookup = decodeLookup(message.payload);
    if (typeof lookup === "string") {
      this.#options.drops.count(lookup);
      return;
    }
    const { process } = activity;
    this.#tracker.lookedUp(process.id, lookup, message);
    if (!this.#describers.has(LOOKUPS_PROTOCOL) || !isLookupTold(lookup)) return;
    const { tid, timeNs } = message;
    const eventLoop = (message.flags & MessageFlag.eventLoop) !== 0;
    const context = this.#correlator.called(process.id, { tid, eventLoop, timeNs });
    activity.spans++;
    this.#options.span(lookupSpanOf(lookup, { context, process, startNs: timeNs }));
  }

  #connectionMessage(activity: ProcessActivity, message: HookMessage): void {
    const processId = activity.process.id;
    const { type, tid, fd } = message;
    const known = this.#tracker.find(processId, fd);
    // The descriptor of a log is closed, or has become a connection.
    if (known === undefined && isBoundary(type)) {
      this.#logs.closed(processId, fd, (record) => this.#logRecord(activity, record));
    }
    const served = known?.role === "server" ? known : undefined;
    const reads =
      served !== undefined && (type === MessageType.dataIn || type === MessageType.sslIn);
    // A thread that accepts or reads what it serves has ended its work for the last answer.
    if (type === MessageType.accept || reads) {
      this.#correlator.turned(processId, tid, reads ? served.id : undefined);
    }
    this.#tracker.apply(processId, message);
    if (served !== undefined && type === MessageType.close) {
      this.#correlator.turned(processId, tid, served.id);
    }
  }

  #conversationOf(connection: Connection<Conversation>): Conversation {
    connection.attachment ??= this.#driver.start(connection, connection.streams);
    return connection.attachment;
  }

  #connectionClosed(
    connection: Connection<Conversation>,
    last: { timeNs: number; tid: number },
  ): void {
    if (connection.attachment !== undefined) this.#driver.closed(connection.attachment, last);
  }

  #exchangeTold(exchange: Exchange): void {
    try {
      this.#tell(exchange);
    } catch (error) {
      // Here, so that the connection's other exchanges are told all the same.
      this.#failed("connection_failed", error);
    }
  }

  #failed(reason: "connection_failed" | "message_failed", error: unknown): void {
    this.#options.drops.count(reason);
    this.#options.bug(error);
  }

  #tell(exchange: Exchange): void {
    const activity = this.#processes.get(exchange.connection.processId);
    const describer = this.#describers.get(exchange.protocol);
    if (activity === undefined || describer === undefined) return;
    const draft = describer.describe(exchange, this.#options.policy);
    if (draft === undefined) return;
    const { process } = activity;
    const named = this.#routes?.named(draft, process.serviceName) ?? draft;
    const span = spanOf(exchange, named, process);
    if (span === undefined) return;
    activity.spans++;
    this.#options.span(span);
  }

  #logRecord(activity: ProcessActivity, record: LogRecord): void {
    activity.logs++;
    this.#options.log(record);
  }

  #anyLogRecord(record: LogRecord): void {
    const activity = this.#processes.get(record.process.id);
    if (activity === undefined) this.#options.log(record);
    else this.#logRecord(activity, record);
  }
}
