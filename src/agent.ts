/**
 * The agent: the pipeline between the hook socket and the exporters, and the loop that moves it.
 * Invariants: whatever start has begun, stop ends, within bounded time, and what was captured
 * before stop is exported or counted; an error of our own is told and survived.
 */
import { fullGC } from "bun:jsc";
import { dirname, join } from "node:path";
import {
  type ConsoleSink,
  capturePolicyOf,
  enabledProtocols,
  enabledRecord,
  exportSettingsOf,
  routeSettingsOf,
} from "./agent-settings.ts";
import type { Config } from "./config/schema.ts";
import {
  createExporter,
  type Exporter,
  type ExporterStatus,
  ExportSetupError,
} from "./export/exporter.ts";
import { ControlPage } from "./hook/control-page.ts";
import { Intake, type IntakeSource, type Sender } from "./hook/intake.ts";
import { libc, libcConstant } from "./hook/libc.ts";
import { countersByReason } from "./hook/library-counters.ts";
import { HookSetupError } from "./hook/setup-error.ts";
import { letGoOfExecutable, type Mapping } from "./host/executable-code.ts";
import { networkNamespaceOf } from "./host/network-namespace.ts";
import { OpenFiles } from "./host/open-files.ts";
import { OwnMemory } from "./host/own-memory.ts";
import { ProcessChoice } from "./host/process-choice.ts";
import { ProcessResources } from "./host/process-resource.ts";
import { createSystemClock } from "./host/system-clock.ts";
import { Observer } from "./host/visibility/observer.ts";
import { VisibilityWatch } from "./host/visibility/visibility-watch.ts";
import { unixNs } from "./lib/clock.ts";
import { createIdSource, randomFraction } from "./lib/ids.ts";
import { SetupError } from "./lib/setup-error.ts";
import { limits } from "./limits.ts";
import { type HookMessage, messageTypeName } from "./model/message.ts";
import type { ProcessHello } from "./model/process-hello.ts";
import { type BlindSpot, isGap, type ProcessVisibility } from "./model/visibility.ts";
import { Pipeline } from "./pipeline.ts";
import { Counters } from "./self/counters.ts";
import { Drops } from "./self/drops.ts";
import type { SelfLog } from "./self/log.ts";
import type { AgentStatus, ProcessStatus } from "./self/status.ts";
import { StatusServer } from "./self/status-server.ts";
import { statusSocketPath } from "./self/status-socket.ts";
import { VERSION } from "./version.ts";
import { endpointsOf } from "./wire/address.ts";
import { decodeMessage } from "./wire/decode.ts";
import { decodeProcessHello } from "./wire/process-hello.ts";

export interface AgentOptions {
  readonly config: Config;
  readonly socketPath: string;
  readonly log: SelfLog;
  readonly console: ConsoleSink;
}

export interface Agent {
  readonly socketPath: string;
  readonly controlPath: string;
  status(): AgentStatus;
  /** Dormant, drain, flush, close. Resolves to what went wrong on the way, a line each. */
  stop(): Promise<readonly string[]>;
}

/** Polls follow each other at once under heavy traffic, later step by step when nothing comes. */
const POLL_MS_MIN = 1;
const POLL_MS_BUSY = 3;
const POLL_MS_IDLE_MAX = 25;
/** Nobody is hooked; who registers wakes the agent. */
const POLL_MS_ALONE_MAX = 100;
/** Messages of one poll from which on traffic is heavy. */
const HEAVY_MESSAGES = 128;
/** Questions that come faster than this get the same answer. */
const STATUS_NS_MIN = 20e6;
/** What a step of stop() may take that should take no time at all. */
const STEP_MS_MAX = 2_000;

/** Fails with SetupError: exit code 2 for what the configuration says wrong, 1 for the rest. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  try {
    const agent = new RunningAgent(options);
    await agent.start();
    return agent;
  } catch (error) {
    if (error instanceof ExportSetupError) throw new SetupError(error.message, 2);
    if (error instanceof HookSetupError) throw new SetupError(error.message, 1);
    throw error;
  }
}

class RunningAgent implements Agent {
  readonly socketPath: string;
  readonly controlPath: string;
  readonly #config: Config;
  readonly #log: SelfLog;
  readonly #clock = createSystemClock();
  readonly #drops = new Drops();
  readonly #messages = new Counters();
  readonly #files = new OpenFiles();
  readonly #notVisible = new Counters<BlindSpot>();
  readonly #observer = new Observer({
    ...{ libraryPath: "", agent: undefined, oneMoment: false },
    between: () => this.#intake.makeRoom(),
  });
  readonly #visibility = new VisibilityWatch({
    look: ({ id, pid }) => this.#look(id, pid),
    counters: this.#notVisible,
  });
  readonly #memory = new OwnMemory(
    { collect: fullGC, letGoOfCode: () => letGoOfExecutable(dontNeed) },
    this.#clock.monotonicNs(),
  );
  readonly #resources: ProcessResources;
  readonly #choice: ProcessChoice;
  readonly #exporter: Exporter;
  readonly #pipeline: Pipeline;
  readonly #intake: Intake;
  readonly #statusServer: StatusServer;
  readonly #startedAt: string;
  readonly #sources = new Map<number, IntakeSource>();
  readonly #survive = (error: unknown) => this.#bug(error);
  #control: ControlPage | undefined;
  #epoch: number | undefined;
  #lastStatus: AgentStatus | undefined;
  #lastStatusNs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pollMs = POLL_MS_MIN;
  #spans = 0;
  #logs = 0;

  constructor({ config, socketPath, log, console }: AgentOptions) {
    const clock = this.#clock;
    const drops = this.#drops;
    const ids = createIdSource();
    this.socketPath = socketPath;
    this.controlPath = join(dirname(socketPath), "control");
    this.#config = config;
    this.#log = log;
    this.#startedAt = isoTime(unixNs(clock.monotonicNs(), clock.unixOffset()));
    this.#resources = new ProcessResources({
      serviceName: config.serviceName,
      resourceAttributes: config.resourceAttributes,
      report: (line) => log.warn(line),
    });
    this.#exporter = createExporter(exportSettingsOf(config, console), {
      clock,
      drops,
      random: randomFraction,
      log,
    });
    this.#choice = new ProcessChoice(config.hook.processes);
    this.#pipeline = new Pipeline({
      protocols: enabledProtocols(config),
      record: enabledRecord(config),
      policy: capturePolicyOf(config),
      routes: routeSettingsOf(config),
      ids,
      drops,
      endpointsOf,
      pathOf: (pid, fd) => this.#files.pathOf(pid, fd),
      span: (span) => {
        this.#spans++;
        this.#exporter.addSpan(span);
      },
      log: (record) => {
        this.#logs++;
        this.#exporter.addLog(record);
      },
      bug: (error) => this.#bug(error),
    });
    this.#intake = new Intake({
      socketPath,
      clock,
      drops,
      log,
      wire: { message: decodeMessage, processHello: decodeProcessHello },
      wants: (sender, hello) => this.#wants(sender, hello),
      refuse: (token) => this.#control?.refuse(token),
      room: (waitingBytesMax) => this.#control?.setRingWaiting(waitingBytesMax),
      epoch: () => this.#epoch,
      wake: () => this.#wake(),
      events: {
        processStarted: (source, hello) => this.#processStarted(source, hello),
        message: (source, message) => this.#message(source, message),
        isEarly: (source, message) => this.#pipeline.isEarly(source.id, message),
        processEnded: (source) => this.#processEnded(source),
      },
    });
    this.#statusServer = new StatusServer(statusSocketPath(socketPath), () => this.#recentStatus());
  }

  async start(): Promise<void> {
    const { hook } = this.#config;
    process.on("uncaughtException", this.#survive);
    process.on("unhandledRejection", this.#survive);
    try {
      if (hook.enabled) {
        await this.#intake.start();
        await this.#statusServer.start();
        this.#control = ControlPage.create(this.controlPath);
        this.#control.start({
          onDemand: hook.onDemand,
          captureBytesMax: limits.captureBytesMax,
          logCapture: hook.logCapture,
          children: hook.children,
        });
        this.#epoch = this.#control.read().agentEpoch | 0;
      }
    } catch (error) {
      await this.#close();
      throw error;
    }
    this.#schedule(POLL_MS_MIN);
  }

  status(): AgentStatus {
    return {
      version: VERSION,
      pid: process.pid,
      startedAt: this.#startedAt,
      active: this.#control?.read().active ?? false,
      socketPath: this.socketPath,
      processes: this.#processes(),
      leftAlone: this.#choice.leftAlone(),
      messages: this.#messages.toRecord(),
      spans: this.#spans,
      logs: this.#logs,
      drops: Object.fromEntries(this.#drops.entries()),
      notVisible: this.#notVisible.toRecord(),
      exporters: this.#exporter.status(),
    };
  }

  async stop(): Promise<readonly string[]> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Programs stop writing first, so that what is drained next is the end.
    this.#control?.suspend();
    await this.#close();
    // A receiver that is away is no fault of what was traced; the exporter has said it.
    return this.#exporter
      .status()
      .filter((exporter) => exporter.name !== "otlp" && hasLost(exporter))
      .map((exporter) => `${exporter.name}: ${exporter.lastError ?? "data was lost"}`);
  }

  async #close(): Promise<void> {
    await this.#step("status server", () => this.#statusServer.stop());
    // Its last poll comes after it has stopped listening.
    await this.#step("intake", () => this.#intake.stop(), 2 * STEP_MS_MAX);
    await this.#step("pipeline", () => this.#pipeline.stop(this.#clock.monotonicNs()));
    await this.#step("control page", () => this.#control?.close());
    this.#control = undefined;
    await this.#step(
      "export",
      () => this.#exporter.flush(limits.flushMsMax),
      2 * limits.flushMsMax,
    );
    await this.#step("exporters", () => this.#exporter.close());
    process.off("uncaughtException", this.#survive);
    process.off("unhandledRejection", this.#survive);
  }

  /** One part of the end: neither its failure nor its silence keeps the others from theirs. */
  async #step(name: string, act: () => unknown, mostMs: number = STEP_MS_MAX): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#log.warn(`${name}: did not end within ${mostMs} ms`);
      resolve();
    }, mostMs);
    try {
      await Promise.race([act(), late]);
    } catch (error) {
      this.#bug(error);
    }
    clearTimeout(timer);
  }

  #bug(error: unknown): void {
    this.#log.error(`internal error: ${error instanceof Error ? error.stack : error}`);
  }

  #recentStatus(): AgentStatus {
    const nowNs = this.#clock.monotonicNs();
    if (this.#lastStatus === undefined || nowNs - this.#lastStatusNs > STATUS_NS_MIN) {
      this.#lastStatus = this.status();
      this.#lastStatusNs = nowNs;
    }
    return this.#lastStatus;
  }

  #wants({ pid, uid }: Sender, hello: ProcessHello): boolean {
    const wanted = this.#choice.wants({ pid, uid, hello });
    if (!wanted) this.#log.debug(`process ${pid} is left alone: ${hello.executable}`);
    return wanted;
  }

  #processStarted(source: IntakeSource, hello: ProcessHello): void {
    const hooked = this.#resources.processOf(source.id, source.pid, hello);
    this.#log.debug(`process ${source.pid} is hooked: ${hooked.executable}`);
    this.#sources.set(source.id, source);
    this.#pipeline.processStarted(hooked, networkNamespaceOf(source.pid));
    this.#visibility.started(source, this.#clock.monotonicNs());
  }

  #message(source: IntakeSource, message: HookMessage): void {
    this.#messages.count(messageTypeName(message.type));
    this.#pipeline.message(source.id, message);
  }

  #processEnded(source: IntakeSource): void {
    this.#log.debug(`process ${source.pid} has ended`);
    this.#pipeline.processEnded(source.id, this.#clock.monotonicNs());
    this.#visibility.ended(source.id);
    this.#sources.delete(source.id);
  }

  #processes(): ProcessStatus[] {
    return [...this.#pipeline.activities()].map((activity) => ({
      pid: activity.process.pid,
      service: activity.process.serviceName,
      executable: activity.process.executable,
      messages: activity.messages,
      spans: activity.spans,
      logs: activity.logs,
      drops: this.#libraryDrops(activity.process.id),
      // Notes tell of the environment; the status is everybody's to read.
      notVisible: this.#visibility.of(activity.process.id)?.findings.filter(isGap),
    }));
  }

  #libraryDrops(id: number): Record<string, number> {
    return countersByReason(this.#sources.get(id)?.counters() ?? []);
  }

  #look(id: number, pid: number): ProcessVisibility | undefined {
    const confined = this.#libraryDrops(id)["process_confined"] ?? 0;
    return this.#observer.observe(pid, { registered: true, confined })?.visibility;
  }

  #wake(): void {
    if (this.#timer === undefined || this.#pollMs <= POLL_MS_MIN) return;
    clearTimeout(this.#timer);
    this.#schedule(POLL_MS_MIN);
  }

  #schedule(afterMs: number): void {
    this.#pollMs = afterMs;
    this.#timer = setTimeout(() => this.#poll(), afterMs);
  }

  #poll(): void {
    let delivered = 0;
    try {
      delivered = this.#advance();
    } catch (error) {
      this.#bug(error);
    }
    this.#schedule(this.#nextPollMs(delivered));
  }

  #nextPollMs(delivered: number): number {
    if (delivered >= HEAVY_MESSAGES) return POLL_MS_MIN;
    if (delivered > 0) return POLL_MS_BUSY;
    const most = this.#sources.size > 0 ? POLL_MS_IDLE_MAX : POLL_MS_ALONE_MAX;
    return Math.min(this.#pollMs + 1, most);
  }

  /** Moves everything on by one step. Returns the number of messages that came. */
  #advance(): number {
    this.#files.forget();
    const delivered = this.#config.hook.enabled ? this.#intake.poll() : 0;
    const nowNs = this.#clock.monotonicNs();
    this.#pipeline.tick(nowNs);
    this.#exporter.tick(nowNs);
    this.#memory.tick(nowNs, delivered);
    if (delivered < HEAVY_MESSAGES) this.#visibility.tick(nowNs);
    return delivered;
  }
}

function dontNeed({ start, bytes }: Mapping): void {
  libc().madvise(start, bytes, libcConstant.MADV_DONTNEED);
}

function hasLost(exporter: ExporterStatus): boolean {
  return exporter.state === "failed" || exporter.failedSpans > 0 || exporter.failedLogs > 0;
}

function isoTime(unixTimeNs: bigint): string {
  return new Date(Number(unixTimeNs / 1_000_000n)).toISOString();
}
