/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/mysql.md, docs/db/mariadb.md).
 * Invariant: pure, and no value that a client sent or a server answered is in it but identifiers
 * and counts. Values of error.type: the server's error number; connection_closed (the connection
 * ended before the answer); timeout (it never came).
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
  ATTR_OLLY_DB_SQLSTATE,
  ATTR_OLLY_DB_TRANSACTION_STATUS,
  DB_SYSTEM_MARIADB,
  DB_SYSTEM_MYSQL,
} from "../../semconv/db.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addressOf, addServer, serverOf } from "../ends.ts";
import { Command, commandFacts } from "./packets.ts";
import type { MysqlDetail } from "./types.ts";

const DEFAULT_PORT = 3306;
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

/** These run a text: it says what is done, not the command. */
const running: ReadonlySet<number> = new Set([
  Command.query,
  Command.stmtPrepare,
  Command.stmtExecute,
  Command.stmtBulkExecute,
  Command.stmtReset,
]);
/** These only make ready what a later command does. */
const preparing: ReadonlySet<number> = new Set([Command.stmtPrepare, Command.stmtReset]);
/** Statements of which the server counts the rows even when there were none. */
const changing = /^(?:INSERT|UPDATE|DELETE|REPLACE|LOAD)\b/i;

export function describe(exchange: Exchange<MysqlDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  const errorType = errorTypeOf(detail, outcome);
  // A statement that was prepared and not executed did nothing worth a span, unless it failed.
  if (preparing.has(detail.command) && errorType === undefined) return undefined;
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  // MySQL is also the name of the protocol that both of them speak.
  const system = detail.isMariaDb ? DB_SYSTEM_MARIADB : DB_SYSTEM_MYSQL;
  const attributes: Attribute[] = [[ATTR_DB_SYSTEM_NAME, system]];
  if (detail.database !== undefined) attributes.push([ATTR_DB_NAMESPACE, detail.database]);
  addStatement(attributes, detail);
  addResult(attributes, detail);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, DEFAULT_PORT);
  if (!isServer) addPeer(attributes, connection);
  if (isServer && detail.program !== undefined) {
    attributes.push([ATTR_OLLY_DB_APPLICATION_NAME, detail.program]);
  }
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: nameOf(detail, server, system),
    kind: isServer ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    // The server's message quotes values; the number says what went wrong.
    statusMessage: undefined,
  };
}

function errorTypeOf(detail: MysqlDetail, outcome: Outcome): string | undefined {
  if (detail.errorCode !== undefined) return String(detail.errorCode);
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addStatement(attributes: Attribute[], detail: MysqlDetail): void {
  const { command, statement, sets } = detail;
  const operation = operationOf(command);
  if (operation !== undefined) attributes.push([ATTR_DB_OPERATION_NAME, operation]);
  if (statement === undefined) return;
  const { text, summary, statements } = statement.description;
  if (text !== "") attributes.push([ATTR_DB_QUERY_TEXT, text]);
  if (statement.truncated) attributes.push([ATTR_OLLY_DB_QUERY_TRUNCATED, true]);
  if (summary !== "") attributes.push([ATTR_DB_QUERY_SUMMARY, summary]);
  const batch = sets ?? statements;
  if (batch > 1) attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, batch]);
}

function addResult(attributes: Attribute[], detail: MysqlDetail): void {
  const { returnedRows, affectedRows, statement, errorCode, sqlState } = detail;
  if (returnedRows !== undefined) attributes.push([ATTR_DB_RESPONSE_RETURNED_ROWS, returnedRows]);
  const isTold = affectedRows !== undefined && (affectedRows > 0 || isChanging(statement));
  if (isTold) {
    attributes.push([ATTR_OLLY_DB_AFFECTED_ROWS, affectedRows]);
  }
  if (detail.inTransaction === true) attributes.push([ATTR_OLLY_DB_TRANSACTION_STATUS, "active"]);
  if (errorCode !== undefined) attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, String(errorCode)]);
  if (sqlState !== undefined) attributes.push([ATTR_OLLY_DB_SQLSTATE, sqlState]);
}

function isChanging(statement: MysqlDetail["statement"]): boolean {
  return changing.test(statement?.description.summary.replace(/^BATCH /, "") ?? "");
}

/** A command that is an operation of its own, by the protocol's name. */
function operationOf(command: number): string | undefined {
  return running.has(command) ? undefined : commandFacts(command)?.name;
}

/** Summary, else operation and target, else target, else the system. */
function nameOf(detail: MysqlDetail, server: SocketAddress | undefined, system: string): string {
  const summary = detail.statement?.description.summary;
  if (summary) return summary;
  const operation = operationOf(detail.command);
  const target = detail.database ?? addressOf(server);
  if (operation !== undefined) return target === undefined ? operation : `${operation} ${target}`;
  return target ?? system;
}
