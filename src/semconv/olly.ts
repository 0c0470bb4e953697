/** Attribute names of our own, for what the semantic conventions have no name for. */

/** An Outcome (src/model/exchange.ts) other than complete: why a span may lack its end. */
export const ATTR_OLLY_EXCHANGE_OUTCOME = "olly.exchange.outcome";
