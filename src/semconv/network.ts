/**
 * Attribute names of the parties and the address of an operation, shared by several protocols
 * (semantic conventions 1.44.0: registry groups url, server, client, network, user_agent, error).
 */

export const ATTR_URL_FULL = "url.full";
export const ATTR_URL_SCHEME = "url.scheme";
export const ATTR_URL_PATH = "url.path";
/** Of a client's request; opt-in. */
export const ATTR_URL_TEMPLATE = "url.template";
/** Without the question mark. */
export const ATTR_URL_QUERY = "url.query";

/** The logical server: what the client asked for, not the socket. */
export const ATTR_SERVER_ADDRESS = "server.address";
export const ATTR_SERVER_PORT = "server.port";

/** The original client behind proxies. */
export const ATTR_CLIENT_ADDRESS = "client.address";

/** The other end of the socket. */
export const ATTR_NETWORK_PEER_ADDRESS = "network.peer.address";
export const ATTR_NETWORK_PEER_PORT = "network.peer.port";
/** tcp or unix, where it says something. */
export const ATTR_NETWORK_TRANSPORT = "network.transport";
export const ATTR_NETWORK_PROTOCOL_NAME = "network.protocol.name";
export const ATTR_NETWORK_PROTOCOL_VERSION = "network.protocol.version";

/** "tls" or "ssl". */
export const ATTR_TLS_PROTOCOL_NAME = "tls.protocol.name";

export const ATTR_USER_AGENT_ORIGINAL = "user_agent.original";

/** Low cardinality; absent on success. */
export const ATTR_ERROR_TYPE = "error.type";
