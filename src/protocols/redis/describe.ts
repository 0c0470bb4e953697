/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/db/redis.md). Invariant: pure, and
 * no value that a client sent or a server answered is in it. Values of error.type: the error's
 * first word, those of a batch joined by "/"; _OTHER (an error without one); connection_closed (the
 * connection ended before the answer); timeout (it never came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DB_NAMESPACE,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_STORED_PROCEDURE_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_OLLY_DB_QUERY_TRUNCATED,
  ATTR_OLLY_DB_TRANSACTION_STATUS,
  DB_SYSTEM_REDIS,
} from "../../semconv/db.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addressOf, addServer, serverOf } from "../ends.ts";
import type { RedisDetail } from "./types.ts";

const DEFAULT_PORT = 6379;
const ERROR_OTHER = "_OTHER";
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

export function describe(exchange: Exchange<RedisDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  if (detail.follower) return undefined;
  const errorType = errorTypeOf(detail, outcome);
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const operation = operationOf(detail);
  const attributes: Attribute[] = [
    [ATTR_DB_SYSTEM_NAME, DB_SYSTEM_REDIS],
    [ATTR_DB_OPERATION_NAME, operation],
  ];
  // Semantic conventions: the number of the database, which a Sentinel has none of.
  if (detail.database !== undefined) attributes.push([ATTR_DB_NAMESPACE, detail.database]);
  addText(attributes, detail);
  const status = detail.codes.filter((code) => code !== "").join("/");
  if (status !== "") attributes.push([ATTR_DB_RESPONSE_STATUS_CODE, status]);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, DEFAULT_PORT);
  if (!isServer) addPeer(attributes, connection);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  const target = detail.procedure ?? addressOf(server);
  return {
    name: target === undefined ? operation : `${operation} ${target}`,
    kind: isServer ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    // The server's message may quote values; the code says what went wrong.
    statusMessage: undefined,
  };
}

/** "GET"; of a batch "MULTI GET" or "MULTI", "PIPELINE GET" or "PIPELINE". */
function operationOf({ operation, batch }: RedisDetail): string {
  if (batch === undefined || (batch.kind === "PIPELINE" && batch.size < 2)) return operation;
  return batch.name === undefined ? batch.kind : `${batch.kind} ${batch.name}`;
}

function errorTypeOf({ codes, kind }: RedisDetail, outcome: Outcome): string | undefined {
  if (codes.length > 0) {
    const named = codes.filter((code) => code !== "");
    return named.length > 0 ? named.join("/") : ERROR_OTHER;
  }
  // SHUTDOWN is answered only when it fails.
  if (outcome === "closed_early") return kind === "shutdown" ? undefined : ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addText(attributes: Attribute[], detail: RedisDetail): void {
  const { batch } = detail;
  const text = batch === undefined ? detail.text : batch.text;
  if (text !== "") attributes.push([ATTR_DB_QUERY_TEXT, text]);
  if (batch === undefined ? detail.truncated : batch.truncated) {
    attributes.push([ATTR_OLLY_DB_QUERY_TRUNCATED, true]);
  }
  if (batch !== undefined && batch.size !== 1) {
    attributes.push([ATTR_DB_OPERATION_BATCH_SIZE, batch.size]);
  }
  if (detail.procedure !== undefined) {
    attributes.push([ATTR_DB_STORED_PROCEDURE_NAME, detail.procedure]);
  }
  if (detail.aborted) attributes.push([ATTR_OLLY_DB_TRANSACTION_STATUS, "aborted"]);
}
