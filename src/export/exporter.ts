/**
 * Everything that leaves the agent goes through here, to one destination or several.
 * Invariant: each destination has its own queue, acknowledgement and retry, so that none waits for
 * another; every span and log record ends as exported or in a drop counter, once per destination.
 */
import type { LogRecord } from "../model/log-record.ts";
import type { Span } from "../model/span.ts";
import { ConsoleDestination } from "./console.ts";
import type { Destination, ExportContext, ExporterStatus } from "./destination.ts";
import { FileSink } from "./file.ts";
import { LineDestination, WriterSink } from "./lines.ts";
import { OtlpEncoder } from "./otlp/encode.ts";
import { GrpcTransport, originOf } from "./otlp/grpc.ts";
import { SendingDestination } from "./sender.ts";

export { type ExporterStatus, ExportSetupError } from "./destination.ts";

export interface ExportSettings {
  /** An OTLP receiver over gRPC; timeoutMs is of one attempt, 0 = none. */
  otlp?: {
    /** http://host:port or https://host:port. */
    endpoint: string;
    headers: Record<string, string>;
    timeoutMs: number;
    compression: "none" | "gzip";
  };
  /** The OTLP file format, appended. */
  file?: { path: string };
  console?: {
    /** pretty: for people. json: the OTLP file format. */
    format: "pretty" | "json";
    /** The caller knows whether this is a terminal and what NO_COLOR says. */
    colour: boolean;
    write(text: string): void;
    /** Width of the terminal; 0 or Infinity when lines need not fit anything. */
    columns: number;
  };
}

export interface Exporter {
  addSpan(span: Span): void;
  addLog(record: LogRecord): void;
  /** To be called every few ms with CLOCK_MONOTONIC ns; what is due leaves now. */
  tick(nowNs: number): void;
  /** Everything queued is delivered, or given up and counted, within timeoutMs. Never rejects. */
  flush(timeoutMs: number): Promise<void>;
  /** One entry for each destination. */
  status(): ExporterStatus[];
  /** Gives up what is left (flush first) and frees descriptors and connections. */
  close(): Promise<void>;
}

/**
 * Throws ExportSetupError with one line when a file cannot be written or an endpoint is none.
 * A receiver that cannot be reached is no error: deliveries are tried again.
 */
export function createExporter(settings: ExportSettings, context: ExportContext): Exporter {
  return new Fan(destinationsOf(settings, context), context);
}

function destinationsOf(settings: ExportSettings, context: ExportContext): Destination[] {
  const destinations: Destination[] = [];
  const { otlp, file, console: terminal } = settings;
  if (otlp !== undefined) {
    const transport = new GrpcTransport(otlp);
    const target = originOf(otlp.endpoint);
    destinations.push(new SendingDestination(transport, new OtlpEncoder(), target, context));
  }
  if (file !== undefined) {
    destinations.push(
      new LineDestination(new FileSink(file.path), fileSettings(file.path), context),
    );
  }
  if (terminal?.format === "json") {
    const sink = new WriterSink((text) => terminal.write(text));
    destinations.push(new LineDestination(sink, consoleSettings, context));
  } else if (terminal !== undefined) {
    destinations.push(new ConsoleDestination(terminal, context));
  }
  return destinations;
}

function fileSettings(path: string) {
  const loss = "file_write_failed" as const;
  return { name: "file" as const, target: path, spanLoss: loss, logLoss: loss };
}

const consoleSettings = {
  name: "console",
  target: "standard output",
  spanLoss: "span_export_failed",
  logLoss: "log_export_failed",
} as const;

/** Hands everything to every destination. */
class Fan implements Exporter {
  readonly #destinations: readonly Destination[];
  readonly #context: ExportContext;

  constructor(destinations: readonly Destination[], context: ExportContext) {
    this.#destinations = destinations;
    this.#context = context;
  }

  addSpan(span: Span): void {
    for (const destination of this.#destinations) destination.addSpan(span);
  }

  addLog(record: LogRecord): void {
    for (const destination of this.#destinations) destination.addLog(record);
  }

  tick(nowNs: number): void {
    for (const destination of this.#destinations) destination.tick(nowNs);
  }

  async flush(timeoutMs: number): Promise<void> {
    await this.#each((destination) => destination.flush(timeoutMs));
  }

  /** A bug in one destination does not keep the others from ending well. */
  async #each(act: (destination: Destination) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(this.#destinations.map(async (one) => act(one)));
    for (const result of results) {
      if (result.status === "rejected") this.#context.log.warn(`exporter: ${result.reason}`);
    }
  }

  status(): ExporterStatus[] {
    return this.#destinations.map((destination) => destination.status());
  }

  async close(): Promise<void> {
    await this.#each((destination) => destination.close());
  }
}
