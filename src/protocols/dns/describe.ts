/**
 * An exchange as a span: the attributes of the semantic conventions 1.44.0 (registry group dns),
 * which have no span for an exchange of messages, and our own. Invariant: pure; the name has few
 * values: the question's name is an attribute. Values of error.type: the response code's name;
 * timeout (no answer within dnsLimits.answerNsMax); no_response (the socket of the datagrams was
 * closed, or went to another peer, before one came); connection_closed (the same over TCP).
 */
import type { Attribute } from "../../model/attributes.ts";
import type { ConnectionInfo } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_DNS_ANSWERS,
  ATTR_DNS_QUESTION_NAME,
  ATTR_OLLY_DNS_ANSWER_COUNT,
  ATTR_OLLY_DNS_AUTHORITATIVE,
  ATTR_OLLY_DNS_EXTENDED_ERROR,
  ATTR_OLLY_DNS_MESSAGE_COUNT,
  ATTR_OLLY_DNS_OPCODE,
  ATTR_OLLY_DNS_QUESTION_CLASS,
  ATTR_OLLY_DNS_QUESTION_TYPE,
  ATTR_OLLY_DNS_RECORDS,
  ATTR_OLLY_DNS_RESENDS,
  ATTR_OLLY_DNS_RESPONSE_CODE,
  ATTR_OLLY_DNS_TRUNCATED,
} from "../../semconv/dns.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_TRANSPORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import { className, codeName, Opcode, opcodeName, typeName } from "./codes.ts";
import type { Answer, DnsDetail, Header, Records } from "./types.ts";

const CLASS_IN = 1;
const NO_ERROR = 0;
const SERVER_FAILURE = 2;
const ERROR_TIMEOUT = "timeout";
const ERROR_NO_RESPONSE = "no_response";
const ERROR_CONNECTION_CLOSED = "connection_closed";

export function describe(exchange: Exchange<DnsDetail>): SpanDraft {
  const { detail, connection, outcome } = exchange;
  const isServer = connection.role === "server";
  const attributes: Attribute[] = [];
  addQuestion(attributes, detail);
  const read = detail.answer === undefined ? undefined : readAnswer(detail.answer);
  if (read !== undefined) addAnswer(attributes, detail, read);
  if (detail.resends > 0) attributes.push([ATTR_OLLY_DNS_RESENDS, detail.resends]);
  const errorType = errorTypeOf(exchange, isServer, read);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addPlaces(attributes, connection, isServer);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: nameOf(detail),
    kind: isServer ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: undefined,
  };
}

function nameOf({ header, question }: DnsDetail): string {
  if (header.opcode !== Opcode.query) return `DNS ${opcodeName(header.opcode)}`;
  return question === undefined ? "DNS" : `DNS ${typeName(question.type)}`;
}

function addQuestion(attributes: Attribute[], { header, question }: DnsDetail): void {
  if (question !== undefined) {
    attributes.push([ATTR_DNS_QUESTION_NAME, question.name]);
    attributes.push([ATTR_OLLY_DNS_QUESTION_TYPE, typeName(question.type)]);
    if (question.class !== CLASS_IN) {
      attributes.push([ATTR_OLLY_DNS_QUESTION_CLASS, className(question.class)]);
    }
  }
  if (header.opcode !== Opcode.query) {
    attributes.push([ATTR_OLLY_DNS_OPCODE, opcodeName(header.opcode)]);
  }
}

interface ReadAnswer {
  readonly header: Header;
  readonly records: Records;
  readonly code: number;
}

/** The code has its high bits in a record (RFC 6891 6.1.3). */
function readAnswer({ header, records }: Answer): ReadAnswer {
  return { header, records, code: (records.codeHigh << 4) | header.code };
}

function addAnswer(attributes: Attribute[], detail: DnsDetail, answer: ReadAnswer): void {
  const { header, records, code } = answer;
  attributes.push([ATTR_OLLY_DNS_RESPONSE_CODE, codeName(code)]);
  if (records.addresses.length > 0) attributes.push([ATTR_DNS_ANSWERS, records.addresses]);
  if (records.others.length > 0) attributes.push([ATTR_OLLY_DNS_RECORDS, records.others]);
  attributes.push([ATTR_OLLY_DNS_ANSWER_COUNT, detail.answerCount]);
  if (detail.messages > 1) attributes.push([ATTR_OLLY_DNS_MESSAGE_COUNT, detail.messages]);
  if (header.authoritative) attributes.push([ATTR_OLLY_DNS_AUTHORITATIVE, true]);
  if (header.truncated) attributes.push([ATTR_OLLY_DNS_TRUNCATED, true]);
  if (records.extendedError !== undefined) {
    attributes.push([ATTR_OLLY_DNS_EXTENDED_ERROR, records.extendedError]);
  }
}

/** A server that says no to a question has done its work, unless it failed. */
function errorTypeOf(
  exchange: Exchange<DnsDetail>,
  isServer: boolean,
  answer: ReadAnswer | undefined,
): string | undefined {
  const { detail, outcome, connection } = exchange;
  if (answer !== undefined) {
    const { code } = answer;
    if (code === NO_ERROR || (isServer && code !== SERVER_FAILURE)) return undefined;
    return codeName(code);
  }
  if (detail.doubtful) return undefined;
  if (outcome === "no_response") return ERROR_TIMEOUT;
  if (outcome !== "closed_early") return undefined;
  return connection.transport === "udp" ? ERROR_NO_RESPONSE : ERROR_CONNECTION_CLOSED;
}

function addPlaces(attributes: Attribute[], connection: ConnectionInfo, isServer: boolean): void {
  const { remote, local, remoteName, transport } = connection;
  const server = isServer ? local : remote;
  const name = isServer ? undefined : remoteName;
  if (server !== undefined && server.address !== "") {
    attributes.push([ATTR_SERVER_ADDRESS, name ?? server.address]);
    if (server.port > 0) attributes.push([ATTR_SERVER_PORT, server.port]);
  }
  const saysPeer = remote !== undefined && transport !== "unix" && (isServer || name !== undefined);
  if (saysPeer) {
    attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
    attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
  }
  attributes.push([ATTR_NETWORK_TRANSPORT, transport]);
}
