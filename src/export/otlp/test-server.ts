/** A real gRPC server for tests: it keeps what it receives and answers as it is told. */
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import { compressionGzip, connectNodeAdapter } from "@connectrpc/connect-node";
import { LogsService } from "../../gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
import { TraceService } from "../../gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { ResourceLogs } from "../../gen/opentelemetry/proto/logs/v1/logs_pb.ts";
import type { ResourceSpans } from "../../gen/opentelemetry/proto/trace/v1/trace_pb.ts";

/** What the server does with the next request; without one it accepts. */
export type Answer =
  | { kind: "error"; error: ConnectError }
  | { kind: "partial"; rejected: bigint; message: string }
  | { kind: "hang" };

export interface TestServer {
  readonly endpoint: string;
  readonly port: number;
  readonly resourceSpans: ResourceSpans[];
  readonly resourceLogs: ResourceLogs[];
  /** Headers of each request, refused ones included. */
  readonly requests: { path: string; headers: Headers }[];
  /** Answers for the next requests, first one first. */
  readonly answers: Answer[];
  /** How many connections were made so far. */
  connections(): number;
  /** Ends all connections at once, as a killed process does. */
  kill(): Promise<void>;
}

export async function startServer(port = 0): Promise<TestServer> {
  const resourceSpans: ResourceSpans[] = [];
  const resourceLogs: ResourceLogs[] = [];
  const requests: TestServer["requests"] = [];
  const answers: Answer[] = [];

  async function answer(path: string, headers: Headers, signal: AbortSignal) {
    requests.push({ path, headers });
    const next = answers.shift();
    if (next?.kind === "error") throw next.error;
    if (next?.kind === "hang") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    return next?.kind === "partial" ? next : undefined;
  }

  const handler = connectNodeAdapter({
    acceptCompression: [compressionGzip],
    routes(router) {
      router.service(TraceService, {
        async export(request, context) {
          const partial = await answer(context.url, context.requestHeader, context.signal);
          resourceSpans.push(...request.resourceSpans);
          if (partial === undefined) return {};
          const { rejected: rejectedSpans, message: errorMessage } = partial;
          return { partialSuccess: { rejectedSpans, errorMessage } };
        },
      });
      router.service(LogsService, {
        async export(request, context) {
          const partial = await answer(context.url, context.requestHeader, context.signal);
          resourceLogs.push(...request.resourceLogs);
          if (partial === undefined) return {};
          const { rejected: rejectedLogRecords, message: errorMessage } = partial;
          return { partialSuccess: { rejectedLogRecords, errorMessage } };
        },
      });
    },
  });

  const server = http2.createServer(handler);
  const sessions = new Set<http2.ServerHttp2Session>();
  let connections = 0;
  server.on("session", (session) => {
    connections += 1;
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  return {
    endpoint: `http://127.0.0.1:${bound}`,
    port: bound,
    resourceSpans,
    resourceLogs,
    requests,
    answers,
    connections: () => connections,
    kill: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => resolve());
      }),
  };
}
