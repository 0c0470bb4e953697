/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/messaging/kafka.md). Invariant:
 * pure, and nothing of a record, an assignment or a login is in it. Values of error.type: the name
 * of Kafka's error; connection_closed (the connection ended before the answer); timeout (no answer
 * came).
 */

import type { Attribute } from "../../model/attributes.ts";
import type { SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_MESSAGING_KAFKA_CLUSTER_ID,
  ATTR_MESSAGING_KAFKA_OFFSET,
  ATTR_OLLY_KAFKA_API,
  ATTR_OLLY_KAFKA_API_VERSION,
  ATTR_OLLY_KAFKA_BATCH_COUNT,
  ATTR_OLLY_KAFKA_COMPRESSION,
  ATTR_OLLY_KAFKA_EMPTY_FETCHES,
  ATTR_OLLY_KAFKA_GROUP_NOTICE,
  ATTR_OLLY_KAFKA_PARTITION_COUNT,
  ATTR_OLLY_KAFKA_TOPIC_COUNT,
  ATTR_OLLY_KAFKA_TOPIC_ID,
  ATTR_OLLY_KAFKA_TRANSACTIONAL_ID,
  MESSAGING_SYSTEM_KAFKA,
} from "../../semconv/kafka.ts";
import {
  ATTR_MESSAGING_BATCH_MESSAGE_COUNT,
  ATTR_MESSAGING_CLIENT_ID,
  ATTR_MESSAGING_CONSUMER_GROUP_NAME,
  ATTR_MESSAGING_DESTINATION_NAME,
  ATTR_MESSAGING_DESTINATION_PARTITION_ID,
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM,
} from "../../semconv/messaging.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { serverOf } from "../ends.ts";
import { ApiKey, apis } from "./apis.ts";
import { errorNameOf, isGroupNotice } from "./errors.ts";
import { compressionNames } from "./records.ts";
import type { KafkaDetail } from "./types.ts";

const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

interface Operation {
  readonly name: string;
  readonly type: "send" | "receive" | "settle" | undefined;
}

const send: Operation = { name: "send", type: "send" };
const poll: Operation = { name: "poll", type: "receive" };
const commit: Operation = { name: "commit", type: "settle" };

export function describe(exchange: Exchange<KafkaDetail>): SpanDraft | undefined {
  const { detail, connection } = exchange;
  // A client that waits for messages asks again and again: only what it was given is told.
  if (detail.empty) return undefined;
  const outcome = outcomeOf(exchange);
  const operation = operationOf(detail);
  const errorType = errorTypeOf(detail, outcome);
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const topic = detail.topics === 1 ? detail.topic : undefined;
  const attributes: Attribute[] = [
    [ATTR_MESSAGING_SYSTEM, MESSAGING_SYSTEM_KAFKA],
    [ATTR_MESSAGING_OPERATION_NAME, operation.name],
  ];
  if (operation.type !== undefined)
    attributes.push([ATTR_MESSAGING_OPERATION_TYPE, operation.type]);
  if (topic !== undefined) attributes.push([ATTR_MESSAGING_DESTINATION_NAME, topic]);
  addPlace(attributes, detail);
  addMessages(attributes, detail);
  addParties(attributes, detail);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server);
  addPeer(attributes, connection.remote);
  attributes.push([ATTR_OLLY_KAFKA_API, apiNameOf(detail.key)]);
  attributes.push([ATTR_OLLY_KAFKA_API_VERSION, detail.version]);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: nameOf(operation, topic, server),
    kind: kindOf(operation, isServer),
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    // Messages of errors quote what was sent; the name says what went wrong.
    statusMessage: undefined,
  };
}

/** An answer that may have been among lost bytes is not one that never came. */
function outcomeOf({ outcome, detail }: Exchange<KafkaDetail>): Outcome {
  const isMissing = outcome === "no_response" || outcome === "closed_early";
  return detail.mayBeLost && isMissing ? "truncated" : outcome;
}

function apiNameOf(key: number): string {
  return apis[key]?.name ?? `API ${key}`;
}

function operationOf({ key, replica }: KafkaDetail): Operation {
  if (key === ApiKey.produce) return send;
  // A broker that copies from another one polls for nobody.
  if (key === ApiKey.fetch && replica < 0) return poll;
  if (key === ApiKey.offsetCommit || key === ApiKey.txnOffsetCommit) return commit;
  return { name: apiNameOf(key), type: undefined };
}

function kindOf(operation: Operation, isServer: boolean): SpanKind {
  if (isServer) return SpanKind.server;
  return operation === send ? SpanKind.producer : SpanKind.client;
}

function errorTypeOf({ error, key }: KafkaDetail, outcome: Outcome): string | undefined {
  if (error !== 0) return isGroupNotice(key, error) ? undefined : errorNameOf(error);
  // A consumer that ends has a fetch under way, which may have waited in vain.
  if (key === ApiKey.fetch) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

/** The partition and the offset in it, when the operation is about one. */
function addPlace(attributes: Attribute[], detail: KafkaDetail): void {
  const { topics, partitions, partition, offset, topicId } = detail;
  if (topics > 1) attributes.push([ATTR_OLLY_KAFKA_TOPIC_COUNT, topics]);
  if (topics === 1 && topicId !== undefined) {
    const id = Buffer.from(topicId, "latin1").toString("base64url");
    attributes.push([ATTR_OLLY_KAFKA_TOPIC_ID, id]);
  }
  if (partitions > 1) attributes.push([ATTR_OLLY_KAFKA_PARTITION_COUNT, partitions]);
  if (partitions !== 1) return;
  attributes.push([ATTR_MESSAGING_DESTINATION_PARTITION_ID, String(partition)]);
  if (offset !== undefined) attributes.push([ATTR_MESSAGING_KAFKA_OFFSET, offset]);
}

function addMessages(attributes: Attribute[], detail: KafkaDetail): void {
  const { messages, batches, compression, emptyBefore } = detail;
  if (messages !== undefined) attributes.push([ATTR_MESSAGING_BATCH_MESSAGE_COUNT, messages]);
  if (batches !== undefined) attributes.push([ATTR_OLLY_KAFKA_BATCH_COUNT, batches]);
  if (compression !== undefined) {
    const name = compressionNames[compression] ?? String(compression);
    attributes.push([ATTR_OLLY_KAFKA_COMPRESSION, name]);
  }
  if (emptyBefore !== undefined && emptyBefore > 0) {
    attributes.push([ATTR_OLLY_KAFKA_EMPTY_FETCHES, emptyBefore]);
  }
}

function addParties(attributes: Attribute[], detail: KafkaDetail): void {
  const { group, clientId, transaction, cluster, key, error } = detail;
  if (group) attributes.push([ATTR_MESSAGING_CONSUMER_GROUP_NAME, group]);
  if (isGroupNotice(key, error)) {
    attributes.push([ATTR_OLLY_KAFKA_GROUP_NOTICE, errorNameOf(error)]);
  }
  if (clientId !== undefined) attributes.push([ATTR_MESSAGING_CLIENT_ID, clientId]);
  if (transaction) attributes.push([ATTR_OLLY_KAFKA_TRANSACTIONAL_ID, transaction]);
  if (cluster !== undefined) attributes.push([ATTR_MESSAGING_KAFKA_CLUSTER_ID, cluster]);
}

function addServer(attributes: Attribute[], server: SocketAddress | undefined): void {
  if (server === undefined || server.address === "") return;
  attributes.push([ATTR_SERVER_ADDRESS, server.address]);
  if (server.port > 0) attributes.push([ATTR_SERVER_PORT, server.port]);
}

function addPeer(attributes: Attribute[], remote: SocketAddress | undefined): void {
  if (remote === undefined || remote.address === "") return;
  attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
  if (remote.port > 0) attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
}

/** Operation and topic, else the server. */
function nameOf(
  operation: Operation,
  topic: string | undefined,
  server: SocketAddress | undefined,
): string {
  if (topic !== undefined) return `${operation.name} ${topic}`;
  if (server === undefined || server.address === "") return operation.name;
  const address = server.address.includes(":") ? `[${server.address}]` : server.address;
  return `${operation.name} ${server.port > 0 ? `${address}:${server.port}` : address}`;
}
