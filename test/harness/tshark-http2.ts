/** HTTP/2 as tshark decodes it. Invariant: it knows packets only, and pairs by their streams. */
import { output } from "./processes.ts";
import { decodingCommand } from "./tshark.ts";

export interface StreamExchange {
  /** The server's port. */
  readonly port: number;
  /** tshark's number of the connection, and the stream in it. */
  readonly connection: number;
  readonly stream: number;
  readonly method: string;
  readonly target: string;
  /** Of the final answer; undefined when no answer was seen. */
  readonly status: number | undefined;
  readonly grpcStatus: number | undefined;
  /** Unix time, ms: the packets of the request's head, and of the answer's end or the reset. */
  readonly startMs: number;
  readonly endMs: number | undefined;
}

type Open = { -readonly [Key in keyof StreamExchange]: StreamExchange[Key] };

interface Frame {
  readonly type: string;
  readonly stream: number;
  readonly endsStream: boolean;
  readonly fields: ReadonlyMap<string, string>;
}

const HEADERS = "1";
const RST_STREAM = "3";
const CONTINUATION = "9";

/** Every request of the ports, in the order in which they were made. */
export async function http2Exchanges(
  file: string,
  ports: readonly number[],
): Promise<StreamExchange[]> {
  const printed = await output([
    ...decodingCommand(file, { ports, protocol: "http2" }),
    ...["-T", "json", "--no-duplicate-keys", "-J", "frame tcp http2"],
  ]);
  const exchanges = new Map<string, Open>();
  for (const packet of list(JSON.parse(printed))) {
    const layers = record(record(packet["_source"])["layers"]);
    const tcp = record(layers["tcp"]);
    const at = {
      timeMs: Number(record(layers["frame"])["frame.time_epoch"]) * 1000,
      connection: Number(tcp["tcp.stream"]),
      port: Number(tcp["tcp.dstport"]),
    };
    for (const frame of list(layers["http2"]).flatMap(framesOf)) note(exchanges, frame, at);
  }
  return [...exchanges.values()];
}

function note(
  exchanges: Map<string, Open>,
  frame: Frame,
  at: { readonly timeMs: number; readonly connection: number; readonly port: number },
): void {
  const key = `${at.connection} ${frame.stream}`;
  const { type, fields } = frame;
  const open = exchanges.get(key);
  const method = fields.get(":method");
  if (open === undefined) {
    if (method === undefined) return;
    const { port, connection, timeMs } = at;
    const head = { method, target: fields.get(":path") ?? "" };
    const unanswered = { status: undefined, grpcStatus: undefined, endMs: undefined };
    const place = { port, connection, stream: frame.stream };
    exchanges.set(key, { ...place, ...head, ...unanswered, startMs: timeMs });
    return;
  }
  if (type === RST_STREAM) open.endMs ??= at.timeMs;
  if (at.port === open.port) return;
  const status = Number(fields.get(":status") ?? 0);
  if (status >= 200) open.status = status;
  const grpcStatus = fields.get("grpc-status");
  if (grpcStatus !== undefined) open.grpcStatus = Number(grpcStatus);
  if (frame.endsStream) open.endMs ??= at.timeMs;
}

function framesOf(layer: Record<string, unknown>): Frame[] {
  return list(layer["http2.stream"]).flatMap((stream) => {
    const type = String(stream["http2.type"] ?? "");
    if (type === "") return [];
    const flags = record(stream["http2.flags_tree"]);
    const hasFields = type === HEADERS || type === CONTINUATION;
    return [
      {
        type,
        stream: Number(stream["http2.streamid"]),
        endsStream: ["1", "True", true].includes(flags["http2.flags.end_stream"] as string),
        fields: hasFields ? fieldsOf(stream) : new Map(),
      },
    ];
  });
}

function fieldsOf(stream: Record<string, unknown>): Map<string, string> {
  return new Map(
    list(stream["http2.header"]).map((field) => [
      String(field["http2.header.name"]),
      String(field["http2.header.value"] ?? ""),
    ]),
  );
}

function list(value: unknown): Record<string, unknown>[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "object");
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
