/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/database-spans.md). Invariant:
 * pure, and no value that a client sent or a server answered is in it. Values of error.type: ERROR,
 * CLIENT_ERROR, SERVER_ERROR, a status of the binary protocol; connection_closed (the connection
 * ended before the answer); timeout (it never came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_RETURNED_ROWS,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_OLLY_DB_QUERY_TRUNCATED,
  DB_SYSTEM_MEMCACHED,
} from "../../semconv/db.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addressOf, addServer, serverOf } from "../ends.ts";
import type { MemcachedDetail } from "./types.ts";

const DEFAULT_PORT = 11211;
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

export function describe(exchange: Exchange<MemcachedDetail>): SpanDraft {
  const { detail, connection, outcome } = exchange;
  const errorType = errorTypeOf(detail, outcome);
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const { operation, text, truncated, values, error } = detail;
  const attributes: Attribute[] = [
    [ATTR_DB_SYSTEM_NAME, DB_SYSTEM_MEMCACHED],
    [ATTR_DB_OPERATION_NAME, operation],
    [ATTR_DB_QUERY_TEXT, text],
  ];
  if (truncated) attributes.push([ATTR_OLLY_DB_QUERY_TRUNCATED, true]);
  if (values !== undefined) attributes.push([ATTR_DB_RESPONSE_RETURNED_ROWS, values]);
  if (error !== undefined) attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, error]);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, DEFAULT_PORT);
  if (!isServer) addPeer(attributes, connection);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  const target = addressOf(server);
  return {
    name: target === undefined ? operation : `${operation} ${target}`,
    kind: isServer ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    // The server's message may quote what was sent; the code says what went wrong.
    statusMessage: undefined,
  };
}

function errorTypeOf({ error, operation }: MemcachedDetail, outcome: Outcome): string | undefined {
  if (error !== undefined) return error;
  // These two are answered by the end of the connection.
  const isEnd = /^(quit|shutdown)$/i.test(operation);
  if (outcome === "closed_early") return isEnd ? undefined : ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}
