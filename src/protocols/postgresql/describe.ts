/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/postgresql.md). Invariant:
 * pure, and no value that a client sent or a server answered is in it but identifiers and counts.
 * Values of error.type: the SQLSTATE; pipeline_aborted (skipped because something before it had
 * failed); connection_closed (the connection ended before the answer); timeout (it never came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_OLLY_DB_AFFECTED_ROWS,
  ATTR_OLLY_DB_APPLICATION_NAME,
  ATTR_OLLY_DB_QUERY_TRUNCATED,
  ATTR_OLLY_DB_TRANSACTION_STATUS,
  DB_SYSTEM_POSTGRESQL,
} from "../../semconv/db.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addressOf, addServer, serverOf } from "../ends.ts";
import type { Operation, PostgresqlDetail } from "./types.ts";

const DEFAULT_PORT = 5432;
const ERROR_ABORTED = "pipeline_aborted";
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

/** Messages that are operations of their own, by the protocol's names. */
const operationNames: Readonly<Partial<Record<Operation, string>>> = {
  functionCall: "FunctionCall",
  cancel: "CancelRequest",
};

export function describe(exchange: Exchange<PostgresqlDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  const errorType = errorTypeOf(detail, outcome);
  // A statement that was prepared and not executed did nothing worth a span, unless it failed.
  if (detail.operation === "prepare" && errorType === undefined) return undefined;
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const attributes: Attribute[] = [[ATTR_DB_SYSTEM_NAME, DB_SYSTEM_POSTGRESQL]];
  if (detail.database !== undefined) attributes.push([ATTR_DB_NAMESPACE, detail.database]);
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

/** SQLSTATE classes 00 and 01 are success and warning. */
function errorTypeOf(detail: PostgresqlDetail, outcome: Outcome): string | undefined {
  if (detail.aborted) return ERROR_ABORTED;
  if (detail.sqlState !== undefined) return detail.sqlState >= "02" ? detail.sqlState : undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addOperation(attributes: Attribute[], detail: PostgresqlDetail): void {
  const { statement, returnedRows, affectedRows, transaction } = detail;
  const operation = operationNames[detail.operation];
  if (operation !== undefined) attributes.push([ATTR_DB_OPERATION_NAME, operation]);
  if (statement !== undefined) {
    const { text, summary, statements } = statement.description;
    if (text !== "") attributes.push([ATTR_DB_QUERY_TEXT, text]);
    if (statement.truncated) attributes.push([ATTR_OLLY_DB_QUERY_TRUNCATED, true]);
    if (summary !== "") attributes.push([ATTR_DB_QUERY_SUMMARY, summary]);
    if (statements > 1) attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, statements]);
  }
  if (returnedRows !== undefined) attributes.push([ATTR_DB_RESPONSE_RETURNED_ROWS, returnedRows]);
  if (affectedRows !== undefined) attributes.push([ATTR_OLLY_DB_AFFECTED_ROWS, affectedRows]);
  if (transaction === "active" || transaction === "failed") {
    attributes.push([ATTR_OLLY_DB_TRANSACTION_STATUS, transaction]);
  }
  if (detail.sqlState !== undefined) {
    attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, detail.sqlState]);
  }
}

/** Summary, else operation and target, else target, else the system. */
function nameOf(detail: PostgresqlDetail, server: SocketAddress | undefined): string {
  const summary = detail.statement?.description.summary;
  if (summary) return summary;
  const operation = operationNames[detail.operation];
  const target = detail.database ?? addressOf(server);
  if (operation !== undefined) return target === undefined ? operation : `${operation} ${target}`;
  return target ?? DB_SYSTEM_POSTGRESQL;
}
