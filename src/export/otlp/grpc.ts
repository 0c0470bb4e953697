/**
 * OTLP over gRPC with connect-node. Invariant: send() never rejects; every failure is an
 * ExportResult by the rules of the OTLP specification.
 *
 * Requests go out as they were encoded: an empty message is created and the bytes are given to it
 * as an unknown field, which protobuf-es writes verbatim. connect-node's keep-alive pings of idle
 * connections stay off: on Bun they end in uncaught errors.
 */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import {
  ExportLogsServiceRequestSchema,
  LogsService,
} from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import {
  ExportTraceServiceRequestSchema,
  TraceService,
} from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { limits } from "../../limits.ts";
import { ExportSetupError } from "../destination.ts";
import type { ExportResult, ExportTransport, SignalName } from "../result.ts";
import { isUnanswered, resultOfError } from "./grpc-result.ts";
import { SCOPE_NAME, SCOPE_VERSION } from "./scope.ts";
import { WireType } from "./writer.ts";

export interface GrpcSettings {
  /** http://host:port or https://host:port. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of one attempt. */
  readonly timeoutMs: number;
  readonly compression: "none" | "gzip";
}

const USER_AGENT = `${SCOPE_NAME}/${SCOPE_VERSION} OTel-OTLP-Exporter-TypeScript/${SCOPE_VERSION}`;

/** Unanswered attempts in a row after which the connection is thought dead. */
const UNANSWERED_MAX = 2;

const NOTHING_REJECTED = { kind: "ok" } as const;

/** The origin of an endpoint; throws ExportSetupError when it is not an http or https URL. */
export function originOf(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ExportSetupError(
      `otlp endpoint "${endpoint}" is not a URL that begins with http:// or https://`,
      2,
    );
  }
  return url.origin;
}

export class GrpcTransport implements ExportTransport {
  readonly #settings: GrpcSettings;
  readonly #headers: Headers;
  readonly #sessions: Http2SessionManager;
  readonly #traces: Client<typeof TraceService>;
  readonly #logs: Client<typeof LogsService>;
  /** Attempts in a row that ran into timeoutMs without an answer. */
  #unanswered = 0;

  /** Opens no connection. Throws ExportSetupError for an endpoint or a header that cannot be. */
  constructor(settings: GrpcSettings) {
    const origin = originOf(settings.endpoint);
    this.#settings = settings;
    this.#headers = headersOf(settings.headers);
    this.#sessions = new Http2SessionManager(origin);
    const transport = createGrpcTransport({
      baseUrl: origin,
      sessionManager: this.#sessions,
      readMaxBytes: limits.exportResponseBytesMax,
      acceptCompression: [compressionGzip],
      ...(settings.compression === "gzip" ? { sendCompression: compressionGzip } : {}),
    });
    this.#traces = createClient(TraceService, transport);
    this.#logs = createClient(LogsService, transport);
  }

  async send(signal: SignalName, payload: Uint8Array, abort: AbortSignal): Promise<ExportResult> {
    try {
      const result =
        signal === "traces"
          ? await this.#sendTraces(payload, abort)
          : await this.#sendLogs(payload, abort);
      this.#unanswered = 0;
      return result;
    } catch (error) {
      if (!abort.aborted) this.#noteFailure(error);
      return resultOfError(error, abort.aborted);
    }
  }

  /**
   * A peer that vanished without a reset (a firewall, a lost host) leaves a connection on which
   * every call times out until the kernel gives up, many minutes later: start a new one instead.
   */
  #noteFailure(error: unknown): void {
    this.#unanswered = isUnanswered(error) ? this.#unanswered + 1 : 0;
    if (this.#unanswered < UNANSWERED_MAX) return;
    this.#unanswered = 0;
    this.#sessions.abort();
  }

  close(): void {
    this.#sessions.abort();
  }

  async #sendTraces(payload: Uint8Array, abort: AbortSignal): Promise<ExportResult> {
    const request = preEncoded(ExportTraceServiceRequestSchema, payload);
    const { partialSuccess } = await this.#traces.export(request, this.#callOptions(abort));
    if (partialSuccess === undefined) return NOTHING_REJECTED;
    return partialResult(partialSuccess.rejectedSpans, partialSuccess.errorMessage);
  }

  async #sendLogs(payload: Uint8Array, abort: AbortSignal): Promise<ExportResult> {
    const request = preEncoded(ExportLogsServiceRequestSchema, payload);
    const { partialSuccess } = await this.#logs.export(request, this.#callOptions(abort));
    if (partialSuccess === undefined) return NOTHING_REJECTED;
    return partialResult(partialSuccess.rejectedLogRecords, partialSuccess.errorMessage);
  }

  #callOptions(signal: AbortSignal) {
    return { timeoutMs: this.#settings.timeoutMs, headers: this.#headers, signal };
  }
}

/** A partial success that rejects nothing and says nothing is a full one. */
function partialResult(rejected: bigint, message: string): ExportResult {
  if (rejected <= 0n && message === "") return NOTHING_REJECTED;
  return { kind: "partial", rejected: Number(rejected), message: message || "no reason given" };
}

/**
 * A message whose content is already encoded. The payload is a sequence of field 1; the first tag
 * byte is written by protobuf-es from `no` and `wireType`, everything behind it as it is.
 */
function preEncoded<Schema extends DescMessage>(
  schema: Schema,
  payload: Uint8Array,
): MessageShape<Schema> {
  const message = create(schema);
  message.$unknown = [{ no: 1, wireType: WireType.bytes, data: payload.subarray(1) }];
  return message;
}

function headersOf(configured: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  headers.set("user-agent", USER_AGENT);
  for (const [name, value] of Object.entries(configured)) {
    try {
      headers.set(name, value);
    } catch {
      // The value may be a secret: it is not repeated.
      throw new ExportSetupError(`otlp header "${name}" is not a valid HTTP header`, 2);
    }
  }
  return headers;
}
