/** The switch of each protocol: a new protocol adds its line here, sorted by its id. */
import { flag, type Key } from "./key.ts";

const subjects = {
  amqp: "AMQP 0-9-1",
  cassandra: "Cassandra",
  connect: "Connect RPC as such; else its calls are plain HTTP",
  dns: "DNS, and of lookups by getaddrinfo",
  elasticsearch: "Elasticsearch and OpenSearch as such; else their calls are plain HTTP",
  fastcgi: "FastCGI",
  genai: "calls of models (OpenAI, Anthropic, Ollama) as such; else they are plain HTTP",
  graphql: "GraphQL as such; else its calls are plain HTTP",
  grpc: "gRPC as such; else its calls are plain HTTP",
  http: "HTTP/1",
  http2: "HTTP/2",
  jsonrpc: "JSON-RPC as such; else its calls are plain HTTP",
  kafka: "Kafka",
  memcached: "Memcached",
  mongodb: "MongoDB",
  mysql: "MySQL and MariaDB",
  nats: "NATS",
  postgresql: "PostgreSQL",
  redis: "Redis",
  s3: "S3 as such; else its calls are plain HTTP",
  tcp: "TCP connections that speak none of these",
  websocket: "WebSocket, which HTTP/1 hands over",
} as const;

export type ProtocolId = keyof typeof subjects;
type SwitchName = `tracing.protocols.${ProtocolId}.enabled`;

export const protocolIds = Object.keys(subjects) as readonly ProtocolId[];

/** `tracing.protocols.<id>.enabled`, all on. */
export const protocolKeys = Object.fromEntries(
  protocolIds.map((id) => [
    `tracing.protocols.${id}.enabled`,
    flag(`Spans of ${subjects[id]}.`, { initial: true }),
  ]),
) as Readonly<Record<SwitchName, Key<boolean>>>;

/** The switches as the settings have them. */
export function protocolSwitches(
  settings: Readonly<Record<SwitchName, boolean>>,
): Readonly<Record<string, { readonly enabled: boolean }>> {
  return Object.fromEntries(
    protocolIds.map((id) => [id, { enabled: settings[`tracing.protocols.${id}.enabled`] }]),
  );
}
