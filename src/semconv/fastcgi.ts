/** Attribute names of our own for FastCGI: HTTP's conventions have none. */

/** authorizer or filter; a responder is not said. */
export const ATTR_OLLY_FASTCGI_ROLE = "olly.fastcgi.role";
/** What the application gave as its exit status, unless 0. */
export const ATTR_OLLY_FASTCGI_APP_STATUS = "olly.fastcgi.app_status";
/** Bytes that the application wrote to its error stream; their text is never told. */
export const ATTR_OLLY_FASTCGI_STDERR_BYTES = "olly.fastcgi.stderr_bytes";
