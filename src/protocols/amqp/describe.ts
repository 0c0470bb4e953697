/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/messaging/rabbitmq.md). Invariant:
 * pure, and nothing of a body or a header is in it. Values of error.type: the reply code of the
 * server (404, 312); nack (a published message that the server refused); rejected (a delivery that
 * its consumer refused and did not give back); consumer_cancelled; blocked (connection.blocked);
 * connection_closed (the connection or channel ended before the answer); timeout (it never came).
 */

import { nameTemplateOf } from "../../lib/name-template.ts";
import { printable } from "../../lib/printable.ts";
import type { Attribute } from "../../model/attributes.ts";
import type { SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_MESSAGING_CONVERSATION_ID,
  ATTR_MESSAGING_DESTINATION_ANONYMOUS,
  ATTR_MESSAGING_DESTINATION_NAME,
  ATTR_MESSAGING_DESTINATION_TEMPLATE,
  ATTR_MESSAGING_DESTINATION_TEMPORARY,
  ATTR_MESSAGING_MESSAGE_ID,
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_RABBITMQ_DELIVERY_TAG,
  ATTR_MESSAGING_RABBITMQ_ROUTING_KEY,
  ATTR_MESSAGING_SYSTEM,
  ATTR_OLLY_MESSAGING_BODY_SIZE,
  ATTR_OLLY_MESSAGING_EMPTY,
  ATTR_OLLY_MESSAGING_REDELIVERED,
  ATTR_OLLY_MESSAGING_REQUEUED,
  ATTR_OLLY_MESSAGING_SETTLEMENT,
  MESSAGING_SYSTEM_RABBITMQ,
} from "../../semconv/messaging.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addServer, serverOf } from "../ends.ts";
import type { AmqpDetail, Kind } from "./types.ts";

const ERROR_NACK = "nack";
const ERROR_REJECTED = "rejected";
const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";
/** Names that RabbitMQ makes up: of queues without one, and for direct replies. */
const ANONYMOUS = "amq.gen-";
const REPLY_TO = "amq.rabbitmq.reply-to";
/** What the conventions write when both exchange and routing key are empty. */
const DEFAULT_EXCHANGE = "amq.default";

const types: Readonly<Partial<Record<Kind, string>>> = {
  publish: "send",
  delivery: "process",
  get: "receive",
  settle: "settle",
};

export function describe(exchange: Exchange<AmqpDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  const errorType = errorTypeOf(detail, outcome);
  if (detail.quiet && !(detail.kind === "method" && errorType !== undefined)) return undefined;
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const parts = partsOf(detail);
  const destination = joined(parts);
  const template = templateOf(parts, destination);
  const operation = operationOf(detail, isServer);
  const attributes: Attribute[] = [
    [ATTR_MESSAGING_SYSTEM, MESSAGING_SYSTEM_RABBITMQ],
    [ATTR_MESSAGING_OPERATION_NAME, operation],
  ];
  const type = types[detail.kind];
  if (type !== undefined) {
    attributes.push([
      ATTR_MESSAGING_OPERATION_TYPE,
      isServer && type === "process" ? "send" : type,
    ]);
  }
  const madeUp = addDestination(attributes, detail, { destination, template });
  addMessage(attributes, detail);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, 0);
  if (!isServer) addPeer(attributes, connection);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  const target = template ?? (madeUp || destination === "" ? addressOf(server) : destination);
  return {
    name: target === "" ? operation : `${operation} ${target}`,
    kind: kindOf(detail.kind, isServer),
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: detail.text === "" ? undefined : printable(detail.text),
  };
}

/** What a client calls consume is a delivery on the server's side. */
function operationOf({ kind, operation }: AmqpDetail, isServer: boolean): string {
  return kind === "delivery" && !isServer ? "consume" : operation;
}

/** The server sends what a client consumes, and serves everything else. */
function kindOf(kind: Kind, isServer: boolean): SpanKind {
  const isPushed = kind === "delivery" || kind === "returned" || kind === "notice";
  if (isServer) return isPushed ? SpanKind.producer : SpanKind.server;
  if (kind === "publish") return SpanKind.producer;
  return isPushed ? SpanKind.consumer : SpanKind.client;
}

function errorTypeOf(detail: AmqpDetail, outcome: Outcome): string | undefined {
  const { kind, code, settlement, requeued } = detail;
  if (code !== "") return code;
  if (kind === "publish" && settlement === "nack") return ERROR_NACK;
  // A delivery that is not acknowledged goes back to its queue: nothing has failed.
  if (kind === "delivery") {
    const isRefused = settlement === "nack" || settlement === "reject";
    return isRefused && !requeued ? ERROR_REJECTED : undefined;
  }
  // A client that closes need not wait until the server has closed too.
  if (detail.operation.endsWith(".close")) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

/** Exchange, routing key and, for a consumer, queue; without empty parts and repetitions. */
function partsOf({ kind, exchange, routingKey, queue }: AmqpDetail): readonly string[] {
  const parts = [exchange, routingKey];
  if (queue !== routingKey) parts.push(queue);
  const named = parts.filter((part) => part !== "");
  if (named.length > 0 || kind === "method" || kind === "notice") return named;
  return [DEFAULT_EXCHANGE];
}

function templateOf(parts: readonly string[], destination: string): string | undefined {
  const template = joined(parts.map(partTemplate));
  return template === destination ? undefined : template;
}

function joined(parts: readonly string[]): string {
  const [first = "", second] = parts;
  return second === undefined ? first : parts.join(":");
}

function partTemplate(part: string): string {
  if (part.startsWith(ANONYMOUS)) return `${ANONYMOUS}{id}`;
  return part.startsWith(REPLY_TO) ? REPLY_TO : (nameTemplateOf(part) ?? part);
}

interface Destination {
  readonly destination: string;
  readonly template: string | undefined;
}

/** Whether the destination's name is one that was made up. */
function addDestination(
  attributes: Attribute[],
  detail: AmqpDetail,
  { destination, template }: Destination,
): boolean {
  if (destination === "") return false;
  attributes.push([ATTR_MESSAGING_DESTINATION_NAME, destination]);
  if (template !== undefined) attributes.push([ATTR_MESSAGING_DESTINATION_TEMPLATE, template]);
  const { kind, routingKey, queue } = detail;
  const starts = (prefix: string) => queue.startsWith(prefix) || routingKey.startsWith(prefix);
  const isAnonymous = starts(ANONYMOUS);
  const isReply = starts(REPLY_TO);
  if (kind !== "settle") {
    if (isAnonymous) attributes.push([ATTR_MESSAGING_DESTINATION_ANONYMOUS, true]);
    if (isReply) attributes.push([ATTR_MESSAGING_DESTINATION_TEMPORARY, true]);
    if (routingKey !== "") attributes.push([ATTR_MESSAGING_RABBITMQ_ROUTING_KEY, routingKey]);
  }
  return isAnonymous || isReply;
}

function addMessage(attributes: Attribute[], detail: AmqpDetail): void {
  const { deliveryTag, messageId, correlationId, bodyBytes, settlement } = detail;
  if (deliveryTag !== undefined) {
    attributes.push([ATTR_MESSAGING_RABBITMQ_DELIVERY_TAG, deliveryTag]);
  }
  if (messageId !== "") attributes.push([ATTR_MESSAGING_MESSAGE_ID, messageId]);
  if (correlationId !== "") attributes.push([ATTR_MESSAGING_CONVERSATION_ID, correlationId]);
  if (bodyBytes !== undefined) attributes.push([ATTR_OLLY_MESSAGING_BODY_SIZE, bodyBytes]);
  if (detail.redelivered) attributes.push([ATTR_OLLY_MESSAGING_REDELIVERED, true]);
  if (detail.empty) attributes.push([ATTR_OLLY_MESSAGING_EMPTY, true]);
  if (settlement !== undefined) attributes.push([ATTR_OLLY_MESSAGING_SETTLEMENT, settlement]);
  if (detail.requeued) attributes.push([ATTR_OLLY_MESSAGING_REQUEUED, true]);
}

function addressOf(server: SocketAddress | undefined): string {
  if (server === undefined || server.address === "") return "";
  if (server.port === 0) return server.address;
  const address = server.address.includes(":") ? `[${server.address}]` : server.address;
  return `${address}:${server.port}`;
}
