/** Attribute names of DNS (semantic conventions 1.44.0, registry group dns, in development). */

/** As it was asked, not normalised. */
export const ATTR_DNS_QUESTION_NAME = "dns.question.name";
/** The addresses that the name led to. */
export const ATTR_DNS_ANSWERS = "dns.answers";

/** Our own: A, AAAA, MX, … */
export const ATTR_OLLY_DNS_QUESTION_TYPE = "olly.dns.question.type";
/** Our own: only when it is not IN. */
export const ATTR_OLLY_DNS_QUESTION_CLASS = "olly.dns.question.class";
/** Our own: NOTIFY, UPDATE, …; only when it is not QUERY. */
export const ATTR_OLLY_DNS_OPCODE = "olly.dns.opcode";
/** Our own: NOERROR, NXDOMAIN, …, with the bits that EDNS adds. */
export const ATTR_OLLY_DNS_RESPONSE_CODE = "olly.dns.response.code";
/** Our own: the INFO-CODE of RFC 8914. */
export const ATTR_OLLY_DNS_EXTENDED_ERROR = "olly.dns.response.extended_error";
/** Our own: answers that are no addresses, as text, the type first. */
export const ATTR_OLLY_DNS_RECORDS = "olly.dns.response.records";
/** Our own: how many answers there were, addresses and others. */
export const ATTR_OLLY_DNS_ANSWER_COUNT = "olly.dns.response.answer_count";
/** Our own: messages of one answer, from two on (zone transfers). */
export const ATTR_OLLY_DNS_MESSAGE_COUNT = "olly.dns.response.message_count";
/** Our own: true when the server says that it answers from its own zone. */
export const ATTR_OLLY_DNS_AUTHORITATIVE = "olly.dns.response.authoritative";
/** Our own: true when the answer did not fit in the datagram: the client is to ask by TCP. */
export const ATTR_OLLY_DNS_TRUNCATED = "olly.dns.response.truncated";
/** Our own: how often the same question was sent again. */
export const ATTR_OLLY_DNS_RESENDS = "olly.dns.resend_count";
