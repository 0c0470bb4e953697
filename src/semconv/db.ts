/** Attribute names of database spans (semantic conventions 1.44.0, docs/db/database-spans.md). */

export const ATTR_DB_SYSTEM_NAME = "db.system.name";
/** Database, and schema where it is known: from general to specific, joined by "|". */
export const ATTR_DB_NAMESPACE = "db.namespace";
/** Table, collection or the like, as the protocol names it; never taken from SQL text. */
export const ATTR_DB_COLLECTION_NAME = "db.collection.name";
/** As the protocol names it; never taken from SQL text. */
export const ATTR_DB_OPERATION_NAME = "db.operation.name";
/** Operations of one message; only from two on. */
export const ATTR_DB_OPERATION_BATCH_SIZE = "db.operation.batch.size";
export const ATTR_DB_QUERY_TEXT = "db.query.text";
export const ATTR_DB_QUERY_SUMMARY = "db.query.summary";
/** SQLSTATE, vendor code or the like, as a string. */
export const ATTR_DB_RESPONSE_STATUS_CODE = "db.response.status_code";
export const ATTR_DB_RESPONSE_RETURNED_ROWS = "db.response.returned_rows";

export const ATTR_CASSANDRA_CONSISTENCY_LEVEL = "cassandra.consistency.level";
export const ATTR_CASSANDRA_PAGE_SIZE = "cassandra.page.size";

export const DB_SYSTEM_POSTGRESQL = "postgresql";
export const DB_SYSTEM_CASSANDRA = "cassandra";
/** A function of a script library, or the digest of a script. */
export const ATTR_DB_STORED_PROCEDURE_NAME = "db.stored_procedure.name";
export const DB_SYSTEM_REDIS = "redis";
export const DB_SYSTEM_MEMCACHED = "memcached";
export const DB_SYSTEM_MONGODB = "mongodb";
export const DB_SYSTEM_MYSQL = "mysql";
export const DB_SYSTEM_MARIADB = "mariadb";
export const DB_SYSTEM_ELASTICSEARCH = "elasticsearch";
export const DB_SYSTEM_OPENSEARCH = "opensearch";

/** With the name of a part of the path behind it (docs/db/elasticsearch.md). */
export const ATTR_DB_OPERATION_PARAMETER_PREFIX = "db.operation.parameter.";
export const ATTR_ELASTICSEARCH_NODE_NAME = "elasticsearch.node.name";

/** Our own: rows that a statement has inserted, changed, deleted or copied. */
export const ATTR_OLLY_DB_AFFECTED_ROWS = "olly.db.response.affected_rows";
/** Our own: warnings that came with an answer. */
export const ATTR_OLLY_DB_WARNINGS = "olly.db.response.warnings";
/** Our own: true when db.query.text is only the beginning of the text. */
export const ATTR_OLLY_DB_QUERY_TRUNCATED = "olly.db.query.truncated";
/**
 * Our own: "active" or "failed", when the statement was sent inside a transaction block; "aborted",
 * when Redis did not execute a transaction because a watched key had changed.
 */
export const ATTR_OLLY_DB_TRANSACTION_STATUS = "olly.db.transaction.status";
/** Our own: application_name of the start-up packet; on SERVER spans, which it tells the caller. */
export const ATTR_OLLY_DB_APPLICATION_NAME = "olly.db.application_name";
/** Our own: SQLSTATE, where db.response.status_code is the server's own error number. */
export const ATTR_OLLY_DB_SQLSTATE = "olly.db.response.sqlstate";
