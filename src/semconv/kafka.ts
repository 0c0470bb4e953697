/** Attribute names of Kafka's spans (semantic conventions 1.44.0, docs/messaging/kafka.md). */

export const MESSAGING_SYSTEM_KAFKA = "kafka";

export const ATTR_MESSAGING_KAFKA_OFFSET = "messaging.kafka.offset";
export const ATTR_MESSAGING_KAFKA_CLUSTER_ID = "messaging.kafka.cluster.id";

/** Our own: the API's name and version, as the protocol's definition has them. */
export const ATTR_OLLY_KAFKA_API = "olly.kafka.api";
export const ATTR_OLLY_KAFKA_API_VERSION = "olly.kafka.api_version";
/** Our own: record batches that were sent or fetched. */
export const ATTR_OLLY_KAFKA_BATCH_COUNT = "olly.kafka.batch_count";
/** Our own: none, gzip, snappy, lz4 or zstd, of the first batch. */
export const ATTR_OLLY_KAFKA_COMPRESSION = "olly.kafka.compression";
/** Our own: topics and partitions of the operation, when there are several. */
export const ATTR_OLLY_KAFKA_TOPIC_COUNT = "olly.kafka.topic_count";
export const ATTR_OLLY_KAFKA_PARTITION_COUNT = "olly.kafka.partition_count";
/** Our own: the topic's id as Kafka writes it, when the request or answer has no name. */
export const ATTR_OLLY_KAFKA_TOPIC_ID = "olly.kafka.topic_id";
export const ATTR_OLLY_KAFKA_TRANSACTIONAL_ID = "olly.kafka.transactional_id";
/** Our own: fetches of the connection since the last span of one that brought nothing. */
export const ATTR_OLLY_KAFKA_EMPTY_FETCHES = "olly.kafka.empty_fetches";
/** Our own: Kafka's name of what a member of a group is told, and is no failure. */
export const ATTR_OLLY_KAFKA_GROUP_NOTICE = "olly.kafka.group_notice";
