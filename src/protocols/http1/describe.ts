/**
 * An exchange as a span by the semantic conventions 1.44.0 (docs/http/http-spans.md). Invariant:
 * pure, and opt-in attributes are never sent. Values of error.type: the status code as text;
 * connection_closed (the connection ended before an answer); timeout (the answer never came).
 */
import type { Attribute } from "../../model/attributes.ts";
import type { ConnectionInfo, SocketAddress } from "../../model/connection.ts";
import type { Exchange, Outcome } from "../../model/exchange.ts";
import { type SpanDraft, SpanKind, StatusCode } from "../../model/span.ts";
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  HTTP_METHOD_OTHER,
  HTTP_SPAN_NAME_OTHER,
} from "../../semconv/http.ts";
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from "../../semconv/network.ts";
import { ATTR_OLLY_EXCHANGE_OUTCOME } from "../../semconv/olly.ts";
import type { CapturePolicy } from "../contract.ts";
import {
  type AbsoluteTarget,
  type Authority,
  absoluteTargetOf,
  authorityOf,
  defaultPortOf,
  firstItemOf,
  forwardedParameter,
  isScheme,
  nodeAddressOf,
} from "./authority.ts";
import type { Http1Detail } from "./types.ts";
import { redactedAuthority, redactedPath, redactedQuery } from "./url.ts";

const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

export function describe(exchange: Exchange<Http1Detail>, policy: CapturePolicy): SpanDraft {
  const { detail, connection, outcome } = exchange;
  const server = connection.role === "server";
  const known = policy.httpKnownMethods.has(detail.method);
  const attributes: Attribute[] = [
    [ATTR_HTTP_REQUEST_METHOD, known ? detail.method : HTTP_METHOD_OTHER],
  ];
  if (!known) attributes.push([ATTR_HTTP_REQUEST_METHOD_ORIGINAL, detail.method]);
  if (server) addServerTarget(attributes, detail, connection);
  else addClientTarget(attributes, detail, connection);
  if (detail.statusCode > 0) attributes.push([ATTR_HTTP_RESPONSE_STATUS_CODE, detail.statusCode]);
  const errorType = errorTypeOf(detail.statusCode, outcome, server);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addPeer(attributes, connection.remote);
  attributes.push([ATTR_NETWORK_PROTOCOL_VERSION, `1.${detail.minorVersion}`]);
  if (server) addClient(attributes, detail, connection.remote);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  return {
    name: known ? detail.method : HTTP_SPAN_NAME_OTHER,
    kind: server ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: undefined,
  };
}

/** 4xx is the client's error only; a lost answer is nobody's. */
function errorTypeOf(status: number, outcome: Outcome, server: boolean): string | undefined {
  if (status >= (server ? 500 : 400)) return String(status);
  if (status > 0) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addServerTarget(
  attributes: Attribute[],
  detail: Http1Detail,
  connection: ConnectionInfo,
): void {
  const absolute = absoluteOf(detail);
  const scheme = serverScheme(detail, absolute, connection.tls);
  const path = pathAndQueryOf(detail, absolute);
  const mark = path.indexOf("?");
  attributes.push([ATTR_URL_SCHEME, scheme]);
  attributes.push([ATTR_URL_PATH, mark < 0 ? path : path.slice(0, mark)]);
  if (mark >= 0 && mark + 1 < path.length) {
    attributes.push([ATTR_URL_QUERY, redactedQuery(path.slice(mark + 1))]);
  }
  const authority =
    authorityOf(forwardedParameter(detail.forwarded, "host")) ??
    authorityOf(firstItemOf(detail.forwardedHost)) ??
    authorityOf(requestedAuthority(detail, absolute));
  addServer(attributes, authority, scheme);
}

/** The scheme that the original client used, as far as proxies tell. */
function serverScheme(
  detail: Http1Detail,
  absolute: AbsoluteTarget | undefined,
  tls: boolean,
): string {
  const told = forwardedParameter(detail.forwarded, "proto") ?? firstItemOf(detail.forwardedProto);
  if (told !== undefined && isScheme(told)) return told.toLowerCase();
  return absolute?.scheme ?? (tls ? "https" : "http");
}

function addClientTarget(
  attributes: Attribute[],
  detail: Http1Detail,
  connection: ConnectionInfo,
): void {
  const absolute = absoluteOf(detail);
  const scheme = absolute?.scheme ?? (connection.tls ? "https" : "http");
  const requested = requestedAuthority(detail, absolute) || remoteAuthority(connection);
  const path = absolute === undefined ? pathAndQueryOf(detail, absolute) : absolute.rest;
  const base = requested === undefined ? "" : `${scheme}://${redactedAuthority(requested)}`;
  attributes.push([ATTR_URL_FULL, base + redactedPath(urlPathOf(path))]);
  const authority = authorityOf(requested);
  if (authority !== undefined) addServer(attributes, authority, scheme);
  else if (connection.remote !== undefined) {
    attributes.push([ATTR_SERVER_ADDRESS, connection.remoteName ?? connection.remote.address]);
  }
}

function absoluteOf(detail: Http1Detail): AbsoluteTarget | undefined {
  // Nearly every target is in origin-form.
  if (detail.target.startsWith("/") || detail.method === "CONNECT") return undefined;
  return absoluteTargetOf(detail.target);
}

/** RFC 9112 section 3.3: the target's own authority goes before Host. */
function requestedAuthority(
  detail: Http1Detail,
  absolute: AbsoluteTarget | undefined,
): string | undefined {
  if (detail.method === "CONNECT") return detail.target;
  return absolute?.authority || detail.host;
}

/** The path with its query; "*" for the asterisk-form, empty for the authority-form. */
function pathAndQueryOf(detail: Http1Detail, absolute: AbsoluteTarget | undefined): string {
  if (detail.method === "CONNECT") return "";
  if (absolute === undefined) return detail.target;
  return absolute.rest.startsWith("/") ? absolute.rest : `/${absolute.rest}`;
}

/** A target as it stands behind an authority (RFC 9112 section 3.3): the asterisk-form is empty. */
function urlPathOf(path: string): string {
  if (path === "*") return "";
  return path === "" || path.startsWith("/") || path.startsWith("?") ? path : `/${path}`;
}

/** A request without Host went to whom the socket was connected to. */
function remoteAuthority(connection: ConnectionInfo): string | undefined {
  const { remote, transport } = connection;
  if (remote === undefined || transport === "unix") return undefined;
  const named = connection.remoteName ?? remote.address;
  return `${named.includes(":") ? `[${named}]` : named}:${remote.port}`;
}

function addServer(
  attributes: Attribute[],
  authority: Authority | undefined,
  scheme: string,
): void {
  if (authority === undefined) return;
  attributes.push([ATTR_SERVER_ADDRESS, authority.address]);
  const port = authority.port ?? defaultPortOf(scheme);
  if (port !== undefined) attributes.push([ATTR_SERVER_PORT, port]);
}

function addPeer(attributes: Attribute[], remote: SocketAddress | undefined): void {
  if (remote === undefined || remote.address === "") return;
  attributes.push([ATTR_NETWORK_PEER_ADDRESS, remote.address]);
  if (remote.port > 0) attributes.push([ATTR_NETWORK_PEER_PORT, remote.port]);
}

function addClient(
  attributes: Attribute[],
  detail: Http1Detail,
  remote: SocketAddress | undefined,
): void {
  const client =
    nodeAddressOf(forwardedParameter(detail.forwarded, "for")) ??
    nodeAddressOf(firstItemOf(detail.forwardedFor)) ??
    (remote?.address || undefined);
  if (client !== undefined) attributes.push([ATTR_CLIENT_ADDRESS, client]);
  if (detail.userAgent) attributes.push([ATTR_USER_AGENT_ORIGINAL, detail.userAgent]);
}
