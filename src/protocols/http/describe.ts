/**
 * An HTTP exchange as a span by the semantic conventions 1.44.0 (docs/http/http-spans.md).
 * Invariant: pure; opt-in attributes are never sent, and what is unknown is left out. Values of
 * error.type: the status code as text; connection_closed (the connection ended before an answer);
 * timeout (the answer never came); the name of the error code of an HTTP/2 stream's reset, or
 * GOAWAY. A client that cancels is no error.
 */
import type { Attribute } from "../../model/attributes.ts";
import type { ConnectionInfo, SocketAddress } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
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
import { ATTR_OLLY_EXCHANGE_OUTCOME, ATTR_OLLY_HTTP_FIELDS_UNKNOWN } from "../../semconv/olly.ts";
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
import type { HttpDetail } from "./types.ts";
import { redactedAuthority, redactedPath, redactedQuery } from "./url.ts";

const ERROR_CONNECTION_CLOSED = "connection_closed";
const ERROR_TIMEOUT = "timeout";

/** Error codes that say nothing of a failure: a cancel, and an end in good order. */
const CODES_WITHOUT_ERROR: ReadonlySet<string> = new Set(["CANCEL", "NO_ERROR"]);

/** The span of an exchange: an overlay's, where one has recognised the request. */
export function describeHttp(exchange: Exchange<HttpDetail>, policy: CapturePolicy): SpanDraft {
  const { call } = exchange.detail;
  const draft = plainDraft(exchange, policy);
  if (call === undefined || policy.overlaysOff?.has(call.overlay.id) === true) return draft;
  const { outcome, startNs, endNs } = exchange;
  const { statusCode, reset } = exchange.detail;
  return call.describe(draft, { outcome, startNs, endNs, statusCode, reset });
}

function plainDraft(exchange: Exchange<HttpDetail>, policy: CapturePolicy): SpanDraft {
  const { detail, connection, outcome } = exchange;
  const { method } = detail;
  const server = connection.role === "server";
  const known = method !== undefined && policy.httpKnownMethods.has(method);
  const attributes: Attribute[] = [];
  if (method !== undefined) {
    attributes.push([ATTR_HTTP_REQUEST_METHOD, known ? method : HTTP_METHOD_OTHER]);
    if (!known) attributes.push([ATTR_HTTP_REQUEST_METHOD_ORIGINAL, method]);
  }
  if (server) addServerTarget(attributes, detail, connection);
  else addClientTarget(attributes, detail, connection);
  if (detail.statusCode > 0) attributes.push([ATTR_HTTP_RESPONSE_STATUS_CODE, detail.statusCode]);
  const errorType = errorTypeOf(exchange, server);
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  addPeer(attributes, connection.remote);
  attributes.push([ATTR_NETWORK_PROTOCOL_VERSION, detail.version]);
  if (server) addClient(attributes, detail, connection.remote);
  if (outcome !== "complete") attributes.push([ATTR_OLLY_EXCHANGE_OUTCOME, outcome]);
  if (detail.lacksFields) attributes.push([ATTR_OLLY_HTTP_FIELDS_UNKNOWN, true]);
  return {
    name: known ? method : HTTP_SPAN_NAME_OTHER,
    kind: server ? SpanKind.server : SpanKind.client,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: undefined,
  };
}

/** 4xx is the client's error only; a lost answer is nobody's. */
function errorTypeOf(
  { detail, outcome }: Exchange<HttpDetail>,
  server: boolean,
): string | undefined {
  const status = detail.statusCode;
  if (status >= (server ? 500 : 400)) return String(status);
  const { reset } = detail;
  if (reset !== undefined) return CODES_WITHOUT_ERROR.has(reset.code) ? undefined : reset.code;
  if (status > 0 || detail.lacksFields || detail.truncated) return undefined;
  if (outcome === "closed_early") return ERROR_CONNECTION_CLOSED;
  return outcome === "no_response" ? ERROR_TIMEOUT : undefined;
}

function addServerTarget(
  attributes: Attribute[],
  detail: HttpDetail,
  connection: ConnectionInfo,
): void {
  const absolute = absoluteOf(detail);
  const scheme = serverScheme(detail, absolute, connection.tls);
  attributes.push([ATTR_URL_SCHEME, scheme]);
  addPath(attributes, pathAndQueryOf(detail, absolute));
  const authority =
    authorityOf(forwardedParameter(detail.forwarded, "host")) ??
    authorityOf(firstItemOf(detail.forwardedHost)) ??
    authorityOf(requestedAuthority(detail, absolute));
  addServer(attributes, authority, scheme);
}

function addPath(attributes: Attribute[], path: string | undefined): void {
  if (path === undefined) return;
  const mark = path.indexOf("?");
  attributes.push([ATTR_URL_PATH, mark < 0 ? path : path.slice(0, mark)]);
  if (mark >= 0 && mark + 1 < path.length) {
    attributes.push([ATTR_URL_QUERY, redactedQuery(path.slice(mark + 1))]);
  }
}

/** The scheme that the original client used, as far as proxies tell. */
function serverScheme(
  detail: HttpDetail,
  absolute: AbsoluteTarget | undefined,
  tls: boolean,
): string {
  const told = forwardedParameter(detail.forwarded, "proto") ?? firstItemOf(detail.forwardedProto);
  if (told !== undefined && isScheme(told)) return told.toLowerCase();
  return absolute?.scheme ?? ownScheme(detail, tls);
}

/** HTTP/2 says its scheme; a proxy's may be another than its connection's. */
function ownScheme(detail: HttpDetail, tls: boolean): string {
  const { scheme } = detail;
  return scheme === "http" || scheme === "https" ? scheme : tls ? "https" : "http";
}

function addClientTarget(
  attributes: Attribute[],
  detail: HttpDetail,
  connection: ConnectionInfo,
): void {
  const absolute = absoluteOf(detail);
  // The authority may be among the fields that are not known: the socket's end is not it.
  if (detail.hasUnknownFields && requestedAuthority(detail, absolute) === undefined) return;
  const scheme = absolute?.scheme ?? ownScheme(detail, connection.tls);
  const requested = requestedAuthority(detail, absolute) || remoteAuthority(connection);
  const path = absolute === undefined ? pathAndQueryOf(detail, absolute) : absolute.rest;
  const base = requested === undefined ? "" : `${scheme}://${redactedAuthority(requested)}`;
  if (path !== undefined) {
    attributes.push([ATTR_URL_FULL, base + redactedPath(urlPathOf(path))]);
  }
  const authority = authorityOf(requested);
  if (authority !== undefined) addServer(attributes, authority, scheme);
  else if (connection.remote !== undefined) {
    attributes.push([ATTR_SERVER_ADDRESS, connection.remoteName ?? connection.remote.address]);
  }
}

function absoluteOf(detail: HttpDetail): AbsoluteTarget | undefined {
  const { target } = detail;
  // Nearly every target is in origin-form.
  if (target === undefined || target.startsWith("/") || detail.method === "CONNECT") {
    return undefined;
  }
  return absoluteTargetOf(target);
}

/** CONNECT names an authority; an extended one (RFC 8441) has a path. */
function isAuthorityForm({ method, target }: HttpDetail): boolean {
  return method === "CONNECT" && target?.startsWith("/") !== true;
}

/** RFC 9112 section 3.3: the target's own authority goes before Host. */
function requestedAuthority(
  detail: HttpDetail,
  absolute: AbsoluteTarget | undefined,
): string | undefined {
  if (isAuthorityForm(detail)) return detail.target;
  return absolute?.authority || detail.host;
}

/** The path with its query; "*" for the asterisk-form, empty for the authority-form. */
function pathAndQueryOf(
  detail: HttpDetail,
  absolute: AbsoluteTarget | undefined,
): string | undefined {
  if (isAuthorityForm(detail)) return "";
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
  detail: HttpDetail,
  remote: SocketAddress | undefined,
): void {
  // A proxy may have named the client in a field that is not known.
  const nearest = detail.hasUnknownFields ? undefined : remote?.address || undefined;
  const client =
    nodeAddressOf(forwardedParameter(detail.forwarded, "for")) ??
    nodeAddressOf(firstItemOf(detail.forwardedFor)) ??
    nearest;
  if (client !== undefined) attributes.push([ATTR_CLIENT_ADDRESS, client]);
  if (detail.userAgent) attributes.push([ATTR_USER_AGENT_ORIGINAL, detail.userAgent]);
}
