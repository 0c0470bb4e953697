/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/messaging/messaging-spans.md),
 * which have no page on NATS. Invariant: pure, and nothing of a payload is in it. Values of
 * error.type: a status of the server or the error code of a JetStream answer (404, 503 = nobody
 * listens); Nats-Service-Error-Code of an answer; what -ERR says, as permissions_violation;
 * connection_closed (the connection ended before the answer); timeout (it never came).
 */

import { nameTemplateOf } from "../../lib/name-template.ts";
import { printable } from "../../lib/printable.ts";
import type { Attribute } from "../../model/attributes.ts";
import type { SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_MESSAGING_CONSUMER_GROUP_NAME,
  ATTR_MESSAGING_DESTINATION_NAME,
  ATTR_MESSAGING_DESTINATION_TEMPLATE,
  ATTR_MESSAGING_DESTINATION_TEMPORARY,
  ATTR_MESSAGING_MESSAGE_ID,
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM,
  ATTR_OLLY_MESSAGING_BODY_SIZE,
  ATTR_OLLY_MESSAGING_EMPTY,
  ATTR_OLLY_MESSAGING_REDELIVERED,
  ATTR_OLLY_MESSAGING_SETTLEMENT,
  MESSAGING_SYSTEM_NATS,
} from "../../semconv/messaging.ts";
import { ATTR_ERROR_TYPE } from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { addPeer, addServer, serverOf } from "../ends.ts";
import { isTemporary, subjectTemplate } from "./subjects.ts";
import type { Kind, NatsDetail } from "./types.ts";

const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";
const SETTLED_FOR_GOOD = "term";
const ERROR_REJECTED = "rejected";

const types: Readonly<Partial<Record<Kind, string>>> = {
  publish: "send",
  request: "send",
  pull: "receive",
  delivery: "process",
  settle: "settle",
};

export function describe(exchange: Exchange<NatsDetail>): SpanDraft | undefined {
  const { detail, connection, outcome } = exchange;
  const errorType = errorTypeOf(detail, outcome);
  if (detail.kind === "connect" && errorType === undefined) return undefined;
  const isServer = connection.role === "server";
  const server = isServer ? connection.local : serverOf(connection);
  const attributes: Attribute[] = [
    [ATTR_MESSAGING_SYSTEM, MESSAGING_SYSTEM_NATS],
    [ATTR_MESSAGING_OPERATION_NAME, detail.operation],
  ];
  const type = types[detail.kind];
  if (type !== undefined) {
    attributes.push([
      ATTR_MESSAGING_OPERATION_TYPE,
      isServer && type === "process" ? "send" : type,
    ]);
  }
  const target = addDestination(attributes, detail);
  addMessage(attributes, detail);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addServer(attributes, server, connection, 0);
  if (!isServer) addPeer(attributes, connection);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  const name = target === "" ? addressOf(server) : target;
  return {
    name: name === "" ? detail.operation : `${detail.operation} ${name}`,
    kind: kindOf(detail.kind, isServer),
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: detail.text === "" ? undefined : printable(detail.text),
  };
}

/** The server sends what a client processes, and serves everything else. */
function kindOf(kind: Kind, isServer: boolean): SpanKind {
  const isPushed = kind === "delivery" || kind === "notice";
  if (isServer) return isPushed ? SpanKind.producer : SpanKind.server;
  if (kind === "publish") return SpanKind.producer;
  return isPushed ? SpanKind.consumer : SpanKind.client;
}

function errorTypeOf(detail: NatsDetail, outcome: Outcome): string | undefined {
  const { kind, code, settlement } = detail;
  if (code !== "") return code;
  if (kind === "delivery") return settlement === SETTLED_FOR_GOOD ? ERROR_REJECTED : undefined;
  // A client stops to wait for messages when it wants to.
  if (kind === "pull" && outcome === "no_response") return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

/** What the span is named after; "" = the server's address. */
function addDestination(attributes: Attribute[], detail: NatsDetail): string {
  const { kind, subject, pattern, group, stream } = detail;
  if (kind === "connect" || kind === "notice") return "";
  const isOfStream = kind === "pull" || kind === "settle";
  const destination = isOfStream && stream !== "" ? stream : subject;
  attributes.push([ATTR_MESSAGING_DESTINATION_NAME, destination]);
  const temporary = isTemporary(destination);
  const template = pattern === "" ? subjectTemplate(destination) : pattern;
  if (temporary) attributes.push([ATTR_MESSAGING_DESTINATION_TEMPORARY, true]);
  else if (template !== undefined) {
    attributes.push([ATTR_MESSAGING_DESTINATION_TEMPLATE, template]);
  }
  // An ephemeral consumer's name tells nothing.
  if (group !== "" && nameTemplateOf(group) === undefined)
    attributes.push([ATTR_MESSAGING_CONSUMER_GROUP_NAME, group]);
  return temporary ? "" : (template ?? destination);
}

function addMessage(attributes: Attribute[], detail: NatsDetail): void {
  const { kind, messageId, bodyBytes, settlement } = detail;
  if (messageId !== "") attributes.push([ATTR_MESSAGING_MESSAGE_ID, messageId]);
  if (bodyBytes !== undefined && kind !== "pull" && kind !== "settle") {
    attributes.push([ATTR_OLLY_MESSAGING_BODY_SIZE, bodyBytes]);
  }
  if (detail.redelivered) attributes.push([ATTR_OLLY_MESSAGING_REDELIVERED, true]);
  if (detail.empty) attributes.push([ATTR_OLLY_MESSAGING_EMPTY, true]);
  if (settlement !== "") attributes.push([ATTR_OLLY_MESSAGING_SETTLEMENT, settlement]);
}
function addressOf(server: SocketAddress | undefined): string {
  if (server === undefined || server.address === "") return "";
  if (server.port === 0) return server.address;
  const address = server.address.includes(":") ? `[${server.address}]` : server.address;
  return `${address}:${server.port}`;
}
