/** Attribute names of RPC spans (semantic conventions 1.44.0, docs/rpc). */

export const ATTR_RPC_SYSTEM_NAME = "rpc.system.name";
/** package.Service/Method, or RPC_METHOD_OTHER. */
export const ATTR_RPC_METHOD = "rpc.method";
/** The method as sent, when ATTR_RPC_METHOD is RPC_METHOD_OTHER. */
export const ATTR_RPC_METHOD_ORIGINAL = "rpc.method_original";
/** rpc.status_code from the release after 1.44.0 on. */
export const ATTR_RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code";

export const RPC_SYSTEM_GRPC = "grpc";
export const RPC_SYSTEM_CONNECT = "connectrpc";
/** Stands for a method that the server does not know. */
export const RPC_METHOD_OTHER = "_OTHER";

/** Our own: messages that a side has sent, when all of them were seen. */
export const ATTR_OLLY_RPC_REQUEST_MESSAGES = "olly.rpc.request.messages";
export const ATTR_OLLY_RPC_RESPONSE_MESSAGES = "olly.rpc.response.messages";

export const RPC_SYSTEM_JSONRPC = "jsonrpc";
export const ATTR_JSONRPC_PROTOCOL_VERSION = "jsonrpc.protocol.version";
/** As text; of a request that is no notification, and stands alone. */
export const ATTR_JSONRPC_REQUEST_ID = "jsonrpc.request.id";
