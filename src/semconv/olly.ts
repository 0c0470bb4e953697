/** Attribute names of our own, for what the semantic conventions have no name for. */

/** An Outcome (src/model/exchange.ts) other than complete: why a span may lack its end. */
export const ATTR_OLLY_EXCHANGE_OUTCOME = "olly.exchange.outcome";

/** Bytes of a whole connection, as the process that reports it sent and received them. */
export const ATTR_OLLY_CONNECTION_SENT_BYTES = "olly.connection.sent_bytes";
export const ATTR_OLLY_CONNECTION_RECEIVED_BYTES = "olly.connection.received_bytes";
/** Why a connection is told as a whole: "unknown" (no protocol of ours) or "ciphertext" (TLS). */
export const ATTR_OLLY_CONNECTION_CONTENT = "olly.connection.content";

/**
 * True when a head of HTTP/2 referred to fields that were sent before capture began or while bytes
 * were lost: what it may have said by them is left out.
 */
export const ATTR_OLLY_HTTP_FIELDS_UNKNOWN = "olly.http.fields_unknown";

/**
 * The route of a request as olly has learnt it from the paths of its service. http.route is not for
 * it: "MUST NOT be populated when this is not supported by the HTTP server framework".
 */
export const ATTR_OLLY_HTTP_ROUTE_LEARNT = "olly.http.route.learnt";
