/**
 * A TCP connection whose protocol is none of ours, as one span of its whole length. Invariant: only
 * its ends and its byte counts are told, nothing of what it carried. See ARCHITECTURE.md.
 */
import type { Attribute } from "../model/attributes.ts";
import type { ConnectionInfo } from "../model/connection.ts";
import type { Exchange } from "../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../model/span.ts";
import {
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_TRANSPORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_TLS_PROTOCOL_NAME,
} from "../semconv/network.ts";
import {
  ATTR_OLLY_CONNECTION_CONTENT,
  ATTR_OLLY_CONNECTION_RECEIVED_BYTES,
  ATTR_OLLY_CONNECTION_SENT_BYTES,
  ATTR_OLLY_EXCHANGE_OUTCOME,
} from "../semconv/olly.ts";
import type { ConnectionRecord, Traffic } from "./contract.ts";

const SPAN_NAME = "TCP";
const SPAN_NAME_TLS = "TLS";
const KINDS = {
  client: SpanKind.client,
  server: SpanKind.server,
  unknown: SpanKind.internal,
} as const;

function describe(exchange: Exchange): SpanDraft {
  const { connection, outcome } = exchange;
  const { sentBytes, receivedBytes, content } = exchange.detail as Traffic;
  const isTls = content === "tls";
  const attributes: Attribute[] = [[ATTR_NETWORK_TRANSPORT, "tcp"]];
  addServer(attributes, connection);
  const { remote } = connection;
  if (remote !== undefined && remote.address !== "") {
    attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
    if (remote.port > 0) attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
  }
  if (isTls) attributes.push([ATTR_TLS_PROTOCOL_NAME, "tls"]);
  attributes.push([ATTR_OLLY_CONNECTION_CONTENT, isTls ? "ciphertext" : "unknown"]);
  attributes.push([ATTR_OLLY_CONNECTION_SENT_BYTES, sentBytes]);
  attributes.push([ATTR_OLLY_CONNECTION_RECEIVED_BYTES, receivedBytes]);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: isTls ? SPAN_NAME_TLS : SPAN_NAME,
    kind: KINDS[connection.role],
    attributes,
    status: StatusCode.unset,
    statusMessage: undefined,
  };
}

/** The end that was connected to; unknown when it is not known which one that is. */
function addServer(attributes: Attribute[], connection: ConnectionInfo): void {
  const { role, remote, local, remoteName } = connection;
  const server = role === "client" ? remote : role === "server" ? local : undefined;
  if (server === undefined || server.address === "") return;
  const name = role === "client" ? remoteName : undefined;
  attributes.push([ATTR_SERVER_ADDRESS, name ?? server.address]);
  if (server.port > 0) attributes.push([ATTR_SERVER_PORT, server.port]);
}

export const tcp: ConnectionRecord = { id: "tcp", describe };
