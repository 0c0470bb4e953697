/** Attribute names of GraphQL spans (semantic conventions 1.44.0, docs/graphql). */

export const ATTR_GRAPHQL_OPERATION_NAME = "graphql.operation.name";
/** query, mutation or subscription. */
export const ATTR_GRAPHQL_OPERATION_TYPE = "graphql.operation.type";
/** A span without a type. */
export const GRAPHQL_SPAN_NAME = "GraphQL Operation";
/** Our own: operations of one request, from two on. */
export const ATTR_OLLY_GRAPHQL_BATCH_SIZE = "olly.graphql.batch.size";
