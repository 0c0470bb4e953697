/** WebSocket has no semantic conventions: all names are our own. */

export const NETWORK_PROTOCOL_WEBSOCKET = "websocket";
/** Messages of the client and of the server, when all of them were seen. */
export const ATTR_OLLY_WEBSOCKET_CLIENT_MESSAGES = "olly.websocket.client.messages";
export const ATTR_OLLY_WEBSOCKET_SERVER_MESSAGES = "olly.websocket.server.messages";
/** Status code of the first close frame (RFC 6455 section 7.4). */
export const ATTR_OLLY_WEBSOCKET_CLOSE_CODE = "olly.websocket.close_code";
export const WEBSOCKET_SPAN_NAME = "WebSocket";
