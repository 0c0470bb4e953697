/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/cassandra.md). Invariant: pure,
 * and no value that a client sent or a server answered is in it but names, codes and counts. Values
 * of error.type: the protocol's error code; connection_closed (the connection ended before the
 * answer); timeout (it never came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { ConnectionInfo, SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_CASSANDRA_CONSISTENCY_LEVEL,
  ATTR_CASSANDRA_PAGE_SIZE,
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_OLLY_DB_APPLICATION_NAME,
  ATTR_OLLY_DB_QUERY_TRUNCATED,
  ATTR_OLLY_DB_WARNINGS,
  DB_SYSTEM_CASSANDRA,
} from "../../semconv/db.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addressOf, addServer, serverOf } from "../ends.ts";
import { isStatement } from "./match.ts";
import { Opcode } from "./messages.ts";
import type { CassandraDetail } from "./types.ts";

const DEFAULT_PORT = 9042;
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

/** Requests that are told only when they fail, by the protocol's names. */
const operationNames: Readonly<Record<number, string>> = {
  [Opcode.startup]: "STARTUP",
  [Opcode.options]: "OPTIONS",
  [Opcode.prepare]: "PREPARE",
  [Opcode.register]: "REGISTER",
  [Opcode.authResponse]: "AUTH_RESPONSE",
};

export function describe(exchange: Exchange<CassandraDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  // What only opens or watches a connection, or prepares, did nothing worth a span unless refused.
  if (!isStatement(detail.opcode) && detail.code === undefined) return undefined;
  const errorType = errorTypeOf(detail, outcome);
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const attributes: Attribute[] = [[ATTR_DB_SYSTEM_NAME, DB_SYSTEM_CASSANDRA]];
  addOperation(attributes, detail);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, DEFAULT_PORT);
  if (!isServer) addPeer(attributes, connection);
  if (isServer && detail.applicationName !== undefined) {
    attributes.push([ATTR_OLLY_DB_APPLICATION_NAME, detail.applicationName]);
  }
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: nameOf(detail, server),
    kind: isServer ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    // The server's message quotes values; the code says what went wrong.
    statusMessage: undefined,
  };
}

function errorTypeOf(detail: CassandraDetail, outcome: Outcome): string | undefined {
  if (detail.code !== undefined) return String(detail.code);
  if (detail.doubtful) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addOperation(attributes: Attribute[], detail: CassandraDetail): void {
  const { namespace, collection, statement, batchSize } = detail;
  const operation = operationNames[detail.opcode];
  if (collection !== undefined) attributes.push([ATTR_DB_COLLECTION_NAME, collection]);
  if (namespace !== undefined) attributes.push([ATTR_DB_NAMESPACE, namespace]);
  if (operation !== undefined) attributes.push([ATTR_DB_OPERATION_NAME, operation]);
  if (statement !== undefined) {
    const { text, summary } = statement.description;
    if (text !== "") attributes.push([ATTR_DB_QUERY_TEXT, text]);
    if (statement.truncated) attributes.push([ATTR_OLLY_DB_QUERY_TRUNCATED, true]);
    if (summary !== "") attributes.push([ATTR_DB_QUERY_SUMMARY, summary]);
  }
  if (batchSize !== undefined && batchSize !== 1) {
    attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, batchSize]);
  }
  const { rows, code, warnings, consistency, pageSize } = detail;
  if (rows !== undefined) attributes.push([ATTR_DB_RESPONSE_RETURNED_ROWS, rows]);
  if (code !== undefined) attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, String(code)]);
  if (consistency !== undefined) attributes.push([ATTR_CASSANDRA_CONSISTENCY_LEVEL, consistency]);
  if (pageSize !== undefined) attributes.push([ATTR_CASSANDRA_PAGE_SIZE, pageSize]);
  if (warnings > 0) attributes.push([ATTR_OLLY_DB_WARNINGS, warnings]);
}

/** The node that coordinates the request. */
function addPeer(attributes: Attribute[], { remote, transport }: ConnectionInfo): void {
  if (remote === undefined || transport === "unix") return;
  attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
  attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
}

/** Summary, else operation and target, else target, else the system. */
function nameOf(detail: CassandraDetail, server: SocketAddress | undefined): string {
  const summary = detail.statement?.description.summary;
  const operation = operationNames[detail.opcode] ?? batchName(detail);
  if (summary && isStatement(detail.opcode)) return summary;
  const target = detail.collection ?? detail.namespace ?? addressOf(server);
  if (operation !== undefined) return target === undefined ? operation : `${operation} ${target}`;
  return target ?? DB_SYSTEM_CASSANDRA;
}

/** A batch of which a text is not known. */
function batchName({ opcode }: CassandraDetail): string | undefined {
  return opcode === Opcode.batch ? "BATCH" : undefined;
}
