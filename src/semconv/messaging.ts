/** Attribute names of messaging spans (semantic conventions 1.44.0, docs/messaging). */

export const ATTR_MESSAGING_SYSTEM = "messaging.system";
/** The system's own verb: send, poll, publish, ack. */
export const ATTR_MESSAGING_OPERATION_NAME = "messaging.operation.name";
/** send, receive, process or settle; absent for what is none of these. */
export const ATTR_MESSAGING_OPERATION_TYPE = "messaging.operation.type";
export const ATTR_MESSAGING_DESTINATION_NAME = "messaging.destination.name";
/** A string, also where the system has numbers. */
export const ATTR_MESSAGING_DESTINATION_PARTITION_ID = "messaging.destination.partition.id";
export const ATTR_MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
export const ATTR_MESSAGING_CONSUMER_GROUP_NAME = "messaging.consumer.group.name";
export const ATTR_MESSAGING_CLIENT_ID = "messaging.client.id";
