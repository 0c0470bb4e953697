/** Attribute names of HTTP spans (semantic conventions 1.44.0, docs/http/http-spans.md). */

export const ATTR_HTTP_REQUEST_METHOD = "http.request.method";
/** The method as sent, when ATTR_HTTP_REQUEST_METHOD is HTTP_METHOD_OTHER. */
export const ATTR_HTTP_REQUEST_METHOD_ORIGINAL = "http.request.method_original";
export const ATTR_HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";

/** The route that the configuration names: what is only learnt has a name of our own (olly.ts). */
export const ATTR_HTTP_ROUTE = "http.route";

/** Stands for a method that is not one of the known ones. */
export const HTTP_METHOD_OTHER = "_OTHER";
/** `{method}` of the span name when the method is HTTP_METHOD_OTHER. */
export const HTTP_SPAN_NAME_OTHER = "HTTP";

/**
 * Methods of RFC 9110 section 9, RFC 5789 (PATCH) and QUERY; the default that the standard variable
 * OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS replaces as a whole.
 */
export const HTTP_KNOWN_METHODS_DEFAULT = [
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
] as const;
