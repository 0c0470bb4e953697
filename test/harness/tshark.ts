/**
 * tshark on the loopback interface: the judge's own ears. Invariant: when startCapture() has
 * resolved every later packet of the ports is captured, and stop() waits until the file holds
 * everything that was sent before it, so neither end needs a sleep. tshark's own dumpcap listens: it
 * begins at once, without what decoding needs.
 */
import { createSocket } from "node:dgram";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { output, start, temporaryDirectory } from "./processes.ts";
import { waitFor } from "./wait.ts";

export interface Capture {
  readonly file: string;
  /** Ends the capture; the file is complete then. Throws when packets were lost. */
  stop(): Promise<void>;
}

/** Kernel buffer of the capture: no packet may be lost on a busy machine. */
const BUFFER_MEBIBYTES = 64;

/** Captures TCP and UDP on these ports of the loopback interface. */
export async function startCapture(ports: readonly number[]): Promise<Capture> {
  const probePort = await freePort();
  const file = join(temporaryDirectory(), "capture.pcapng");
  const filter = [`udp port ${probePort}`, ...ports.map((port) => `port ${port}`)];
  const program = start([
    ...["dumpcap", "-i", "lo", "-B", String(BUFFER_MEBIBYTES), "-w", file],
    ...["-f", filter.join(" or ")],
  ]);
  const send = async (mark: string): Promise<void> => {
    await waitFor(
      async () => {
        if (program.hasEnded) {
          throw new Error(`dumpcap ended early: ${program.stderr()}`);
        }
        await sendProbe(probePort, mark);
        return holds(file, mark);
      },
      { what: `the probe "${mark}" in ${file}`, withinMs: 120_000, seen: () => program.stderr() },
    );
  };
  await send("capture begins");
  return {
    file,
    stop: async () => {
      await send("capture ends");
      const ended = await program.stop("SIGINT");
      const said = new TextDecoder().decode(ended.stderr);
      const lost = /received\/dropped on interface .*: \d+\/(\d+) /.exec(said)?.[1];
      if (lost !== "0") {
        throw new Error(`${lost ?? "unknown"} packets were lost: nothing can be judged by it`);
      }
    },
  };
}

export interface HttpExchange {
  /** The server's port. */
  readonly port: number;
  /** tshark's number of the connection, and the place of the exchange in it. */
  readonly stream: number;
  readonly index: number;
  readonly method: string;
  /** As in the request line. */
  readonly target: string;
  /** The status that ended the exchange; undefined when no answer was seen. */
  readonly status: number | undefined;
  /** Unix time, ms: the packet that completed the request's head, and the answer's last one. */
  readonly startMs: number;
  readonly endMs: number | undefined;
}

interface OpenExchange extends Omit<HttpExchange, "status" | "endMs"> {
  status: number | undefined;
  endMs: number | undefined;
}

/** Every HTTP/1 exchange of the ports, in the order of their requests. */
export async function httpExchanges(
  file: string,
  ports: readonly number[],
): Promise<HttpExchange[]> {
  const lines = await decode(file, {
    ports,
    protocol: "http",
    fields: [
      ...["frame.time_epoch", "tcp.stream", "tcp.srcport", "tcp.dstport"],
      ...["http.request.method", "http.request.uri", "http.response.code"],
    ],
  });
  const exchanges: OpenExchange[] = [];
  for (const [time, stream, source, destination, methods, targets, codes] of lines) {
    const at = Number(time) * 1000;
    const targetList = several(targets);
    for (const [place, method] of several(methods).entries()) {
      const earlier = exchanges.filter((exchange) => exchange.stream === Number(stream));
      const port = Number(destination);
      const target = targetList[place] ?? "";
      const start = { port, stream: Number(stream), index: earlier.length, startMs: at };
      exchanges.push({ ...start, method, target, status: undefined, endMs: undefined });
    }
    for (const code of several(codes)) {
      const open = exchanges.find(
        (exchange) =>
          exchange.stream === Number(stream) &&
          exchange.port === Number(source) &&
          exchange.status === undefined,
      );
      if (open !== undefined && Number(code) >= 200) {
        open.status = Number(code);
        open.endMs = at;
      }
    }
  }
  return exchanges;
}

export interface StatementExchange {
  readonly port: number;
  readonly stream: number;
  /** As in Query or Parse. */
  readonly text: string;
  /** Command tags of the answer, in order: "SELECT 3", "INSERT 0 1". */
  readonly tags: readonly string[];
  /** DataRow messages of the answer. */
  readonly rows: number;
  /** SQLSTATE of an ErrorResponse. */
  readonly error: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Every simple query and every executed statement of the ports, in order of time.
 * A statement of the extended protocol ends with the CommandComplete (or error) of its Execute.
 */
export async function postgresStatements(
  file: string,
  ports: readonly number[],
): Promise<StatementExchange[]> {
  const packets = await decodeJson(file, {
    ports,
    protocol: "pgsql",
  });
  const streams = new Map<number, PostgresReader>();
  const statements: StatementExchange[] = [];
  for (const packet of packets) {
    const reader = streams.get(packet.stream) ?? new PostgresReader(packet.stream, statements);
    streams.set(packet.stream, reader);
    for (const message of packet.messages) {
      reader.read(message, packet);
    }
  }
  return statements.sort((one, other) => one.startMs - other.startMs);
}

interface PostgresPacket {
  readonly stream: number;
  readonly timeMs: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly messages: readonly Record<string, string>[];
}

interface Waiting {
  readonly text: string;
  readonly simple: boolean;
  readonly startMs: number;
  readonly port: number;
  readonly tags: string[];
  rows: number;
  error: string | undefined;
}

/** What ends the answer to an Execute, as tshark calls it. */
const EXECUTE_ENDS = new Set(["Command completion", "Portal suspended", "Empty query", "Error"]);

/** One connection: what was asked for and is not yet answered. */
class PostgresReader {
  readonly #stream: number;
  readonly #statements: StatementExchange[];
  readonly #texts = new Map<string, string>();
  readonly #portals = new Map<string, { text: string; startMs: number }>();
  readonly #waiting: Waiting[] = [];
  #parsedAt: number | undefined;

  constructor(stream: number, statements: StatementExchange[]) {
    this.#stream = stream;
    this.#statements = statements;
  }

  read(message: Record<string, string>, packet: PostgresPacket): void {
    const type = message["pgsql.type"] ?? "";
    if (message["pgsql.frontend"] === "1") {
      this.#request(type, message, packet);
    } else {
      this.#answer(type, message, packet.timeMs);
    }
  }

  #request(type: string, message: Record<string, string>, packet: PostgresPacket): void {
    const statement = message["pgsql.statement"] ?? "";
    const portal = message["pgsql.portal"] ?? "";
    if (type === "Simple query") {
      this.#expect(message["pgsql.query"] ?? "", true, packet.timeMs, packet.destinationPort);
    } else if (type === "Parse") {
      this.#texts.set(statement, message["pgsql.query"] ?? "");
      this.#parsedAt = packet.timeMs;
    } else if (type === "Bind") {
      const startMs = this.#parsedAt ?? packet.timeMs;
      this.#portals.set(portal, { text: this.#texts.get(statement) ?? "", startMs });
      this.#parsedAt = undefined;
    } else if (type === "Execute") {
      const bound = this.#portals.get(portal) ?? { text: "", startMs: packet.timeMs };
      this.#expect(bound.text, false, bound.startMs, packet.destinationPort);
    } else if (type === "Sync") {
      this.#parsedAt = undefined;
    }
  }

  #expect(text: string, simple: boolean, startMs: number, port: number): void {
    this.#waiting.push({ text, simple, startMs, port, tags: [], rows: 0, error: undefined });
  }

  #answer(type: string, message: Record<string, string>, timeMs: number): void {
    const waiting = this.#waiting[0];
    if (waiting === undefined) {
      return;
    }
    if (type === "Command completion") {
      waiting.tags.push(message["pgsql.tag"] ?? "");
    } else if (type === "Data row") {
      waiting.rows++;
    } else if (type === "Error") {
      waiting.error = message["pgsql.code"] ?? "";
    }
    if (waiting.simple ? type === "Ready for query" : EXECUTE_ENDS.has(type)) {
      const { tags, rows, error, text, startMs, port } = waiting;
      this.#statements.push({
        ...{ port, stream: this.#stream, text, tags, rows, error },
        ...{ startMs, endMs: timeMs },
      });
      this.#waiting.shift();
    }
  }
}

/** Every request to a broker, as "client | API version": what every version's header shows. */
export async function kafkaRequests(file: string, port: number): Promise<string[]> {
  const lines = await decode(file, {
    ports: [port],
    protocol: "kafka",
    fields: ["tcp.dstport", "kafka.client_id", "kafka.api_key", "kafka.api_version"],
  });
  const requests = lines.filter(([destination]) => Number(destination) === port);
  return requests.flatMap(([, clients, keys, versions]) => {
    const keyList = several(keys);
    const versionList = several(versions);
    return several(clients).map((client, index) => {
      const key = Number(keyList[index]);
      return `${client} | ${kafkaApis[key] ?? key} ${versionList[index]}`;
    });
  });
}

/** Names of the keys that tests use, from the protocol's guide. */
const kafkaApis: Readonly<Record<number, string>> = {
  0: "Produce",
  1: "Fetch",
  2: "ListOffsets",
  3: "Metadata",
  8: "OffsetCommit",
  9: "OffsetFetch",
  10: "FindCoordinator",
  11: "JoinGroup",
  12: "Heartbeat",
  13: "LeaveGroup",
  14: "SyncGroup",
  18: "ApiVersions",
  19: "CreateTopics",
  68: "ConsumerGroupHeartbeat",
};

interface FastcgiRequest {
  method: string;
  target: string;
  status: string | undefined;
}

/** Every request over FastCGI as "method target status", one at a time on each connection. */
export async function fastcgiRequests(file: string, port: number): Promise<string[]> {
  const printed = await output([
    ...decodingCommand(file, { ports: [port], protocol: "fcgi" }),
    ...["-V", "-O", "tcp,fcgi"],
  ]);
  const open = new Map<string, FastcgiRequest>();
  const over: string[] = [];
  let stream = "";
  let type = "";
  for (const line of printed.split("\n")) {
    stream = /Stream index: (\d+)/.exec(line)?.[1] ?? stream;
    type = /^FastCGI \((\w+)\)/.exec(line)?.[1] ?? type;
    if (line === "FastCGI (FCGI_BEGIN_REQUEST)") {
      open.set(stream, { method: "", target: "", status: undefined });
    }
    const request = open.get(stream);
    if (request === undefined) continue;
    request.method = / REQUEST_METHOD = (\S+)/.exec(line)?.[1] ?? request.method;
    request.target = / REQUEST_URI = (\S+)/.exec(line)?.[1] ?? request.target;
    const data = /Content Data: ([0-9a-f]+)/.exec(line)?.[1];
    if (type === "FCGI_STDOUT" && data !== undefined && request.status === undefined) {
      const text = Buffer.from(data, "hex").toString("latin1");
      request.status = /^Status: (\d+)/.exec(text)?.[1] ?? "200";
    }
    if (line === "FastCGI (FCGI_END_REQUEST)") {
      over.push(`${request.method} ${request.target} ${request.status}`);
      open.delete(stream);
    }
  }
  return over;
}

export interface Decoding {
  /** Servers' ports: these are decoded as the protocol, and nothing else is printed. */
  readonly ports: readonly number[];
  readonly protocol: string;
}

const FIELD_SEPARATOR = "\u0001";
const VALUE_SEPARATOR = "\u0002";

export function decodingCommand(file: string, { ports, protocol }: Decoding): string[] {
  const filter = `${protocol} && (${ports.map((port) => `tcp.port==${port}`).join(" || ")})`;
  const rules = ports.flatMap((port) => ["-d", `tcp.port==${port},${protocol}`]);
  return ["tshark", "-n", "-r", file, "-Y", filter, ...rules];
}

export async function decode(
  file: string,
  decoding: Decoding & { readonly fields: readonly string[] },
): Promise<string[][]> {
  const printed = await output([
    ...decodingCommand(file, decoding),
    ...["-T", "fields", "-E", `separator=${FIELD_SEPARATOR}`, "-E", "occurrence=a"],
    ...["-E", `aggregator=${VALUE_SEPARATOR}`],
    ...decoding.fields.flatMap((field) => ["-e", field]),
  ]);
  const lines = printed.split("\n").filter((line) => line !== "");
  return lines.map((line) => line.split(FIELD_SEPARATOR));
}

async function decodeJson(file: string, decoding: Decoding): Promise<PostgresPacket[]> {
  const printed = await output([
    ...decodingCommand(file, decoding),
    ...["-T", "json", "--no-duplicate-keys", "-J", "frame tcp pgsql"],
  ]);
  const packets: unknown = JSON.parse(printed);
  return (Array.isArray(packets) ? packets : []).map(postgresPacket);
}

function postgresPacket(packet: { _source: { layers: Record<string, unknown> } }): PostgresPacket {
  const layers = packet._source.layers;
  const frame = layers["frame"] as Record<string, string>;
  const tcp = layers["tcp"] as Record<string, string>;
  const messages = Array.isArray(layers["pgsql"]) ? layers["pgsql"] : [layers["pgsql"]];
  return {
    stream: Number(tcp["tcp.stream"]),
    timeMs: Number(frame["frame.time_epoch"]) * 1000,
    sourcePort: Number(tcp["tcp.srcport"]),
    destinationPort: Number(tcp["tcp.dstport"]),
    messages: messages.filter((message) => typeof message === "object"),
  };
}

export function several(values: string | undefined): string[] {
  return values === undefined || values === "" ? [] : values.split(VALUE_SEPARATOR);
}

function holds(file: string, mark: string): boolean {
  return existsSync(file) && statSync(file).size > 0 && readFileSync(file).includes(mark);
}

function sendProbe(port: number, mark: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.send(mark, port, "127.0.0.1", (error) => {
      socket.close();
      if (error === null) {
        resolve();
      } else {
        reject(error);
      }
    });
  });
}
