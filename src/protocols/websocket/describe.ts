/**
 * The span of a WebSocket connection. The request that asked for it has one of its own. error.type:
 * the close code, unless it is 1000 (normal), 1001 (going away) or 1005 (none); connection_closed,
 * when the connection ended without a close frame.
 */
import type { Attribute } from "../../model/attributes.ts";
import type { Exchange } from "../../model/exchange.ts";
import { type SpanDraft, StatusCode } from "../../model/span.ts";
import {
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PROTOCOL_NAME,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
} from "../../semconv/network.ts";
import {
  ATTR_OLLY_WEBSOCKET_CLIENT_MESSAGES,
  ATTR_OLLY_WEBSOCKET_CLOSE_CODE,
  ATTR_OLLY_WEBSOCKET_SERVER_MESSAGES,
  NETWORK_PROTOCOL_WEBSOCKET,
  WEBSOCKET_SPAN_NAME,
} from "../../semconv/websocket.ts";
import type { CapturePolicy } from "../contract.ts";
import { describeHttp } from "../http/describe.ts";
import { sharedAttributes } from "../http/shared.ts";
import type { WebSocketDetail } from "./types.ts";

const CODES_WITHOUT_ERROR: ReadonlySet<number> = new Set([1000, 1001, 1005]);
const ERROR_CONNECTION_CLOSED = "connection_closed";

export function describe(exchange: Exchange<WebSocketDetail>, policy: CapturePolicy): SpanDraft {
  const { detail, outcome } = exchange;
  const http = describeHttp({ ...exchange, detail: detail.http, partOf: undefined }, policy);
  const attributes: Attribute[] = [
    [ATTR_NETWORK_PROTOCOL_NAME, NETWORK_PROTOCOL_WEBSOCKET],
    ...sharedAttributes(http, ATTR_URL_FULL, ATTR_URL_PATH).map(withScheme),
  ];
  if (!detail.hasMissed) {
    attributes.push([ATTR_OLLY_WEBSOCKET_CLIENT_MESSAGES, detail.clientMessages]);
    attributes.push([ATTR_OLLY_WEBSOCKET_SERVER_MESSAGES, detail.serverMessages]);
  }
  const { closeCode } = detail;
  if (closeCode > 0) attributes.push([ATTR_OLLY_WEBSOCKET_CLOSE_CODE, closeCode]);
  const isCut = closeCode === 0 && outcome === "closed_early" && !detail.hasMissed;
  const isFailure = closeCode > 0 && !CODES_WITHOUT_ERROR.has(closeCode);
  const errorType = isFailure ? String(closeCode) : isCut ? ERROR_CONNECTION_CLOSED : undefined;
  if (errorType !== undefined) attributes.push([ATTR_ERROR_TYPE, errorType]);
  return {
    name: WEBSOCKET_SPAN_NAME,
    kind: http.kind,
    attributes,
    status: errorType === undefined ? StatusCode.unset : StatusCode.error,
    statusMessage: undefined,
  };
}

/** RFC 6455 section 3: ws and wss are http and https. */
function withScheme([name, value]: Attribute): Attribute {
  const isUrl = name === ATTR_URL_FULL && typeof value === "string";
  return isUrl ? [name, value.replace(/^http/, "ws")] : [name, value];
}
