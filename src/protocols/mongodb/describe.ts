/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/mongodb.md). Invariant: pure,
 * and nothing that a client stored or asked for is in it but names, counts and codes. Values of
 * error.type: the server's code; _OTHER (a failure without one); connection_closed (the connection
 * ended before the answer); timeout (it never came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_OLLY_DB_AFFECTED_ROWS,
  ATTR_OLLY_DB_APPLICATION_NAME,
  DB_SYSTEM_MONGODB,
} from "../../semconv/db.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addressOf, addServer, serverOf } from "../ends.ts";
import { isHandshake } from "./commands.ts";
import type { MongodbDetail } from "./types.ts";

const DEFAULT_PORT = 27_017;
const ERROR_OTHER = "_OTHER";
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

export function describe(exchange: Exchange<MongodbDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  // A connection's beginning and its watching are nobody's operation, unless they are refused.
  if (isHandshake(detail.command) && !detail.failed) return undefined;
  const errorType = errorTypeOf(detail, outcome);
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const attributes: Attribute[] = [[ATTR_DB_SYSTEM_NAME, DB_SYSTEM_MONGODB]];
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

function errorTypeOf(detail: MongodbDetail, outcome: Outcome): string | undefined {
  if (detail.failed) return detail.code === undefined ? ERROR_OTHER : String(detail.code);
  if (detail.doubtful) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addOperation(attributes: Attribute[], detail: MongodbDetail): void {
  const { operation, namespace, collection, statements } = detail.command;
  if (collection !== undefined) attributes.push([ATTR_DB_COLLECTION_NAME, collection]);
  if (namespace !== undefined) attributes.push([ATTR_DB_NAMESPACE, namespace]);
  if (operation !== undefined) attributes.push([ATTR_DB_OPERATION_NAME, operation]);
  if (statements !== undefined && statements !== 1) {
    attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, statements]);
  }
  const { returned, affected, code } = detail;
  if (returned !== undefined) attributes.push([ATTR_DB_RESPONSE_RETURNED_ROWS, returned]);
  if (affected !== undefined) attributes.push([ATTR_OLLY_DB_AFFECTED_ROWS, affected]);
  if (code !== undefined) attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, String(code)]);
}

/** Operation and target, else target, else the system. */
function nameOf({ command }: MongodbDetail, server: SocketAddress | undefined): string {
  const { operation, collection, namespace } = command;
  const target = collection ?? namespace ?? addressOf(server);
  if (operation !== undefined) return target === undefined ? operation : `${operation} ${target}`;
  return target ?? DB_SYSTEM_MONGODB;
}
