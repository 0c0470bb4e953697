/**
 * Attribute names of messaging spans (semantic conventions 1.44.0, docs/messaging: messaging-spans,
 * rabbitmq).
 */

export const ATTR_MESSAGING_SYSTEM = "messaging.system";
/** The system's own verb: send, poll, publish, ack. */
export const ATTR_MESSAGING_OPERATION_NAME = "messaging.operation.name";
/** send, receive, process or settle; absent for what is none of them. */
export const ATTR_MESSAGING_OPERATION_TYPE = "messaging.operation.type";
export const ATTR_MESSAGING_DESTINATION_NAME = "messaging.destination.name";
/** The destination's name with placeholders for ids, where it holds some. */
export const ATTR_MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template";
/** A string, also where the system has numbers. */
export const ATTR_MESSAGING_DESTINATION_PARTITION_ID = "messaging.destination.partition.id";
export const ATTR_MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
/** True for a destination whose name the broker or the client library has made up. */
export const ATTR_MESSAGING_DESTINATION_ANONYMOUS = "messaging.destination.anonymous";
/** True for a destination that does not outlive its client, such as a reply address. */
export const ATTR_MESSAGING_DESTINATION_TEMPORARY = "messaging.destination.temporary";
export const ATTR_MESSAGING_CONSUMER_GROUP_NAME = "messaging.consumer.group.name";
export const ATTR_MESSAGING_CLIENT_ID = "messaging.client.id";
export const ATTR_MESSAGING_MESSAGE_ID = "messaging.message.id";
/** What ties an answer to its question: the correlation id. */
export const ATTR_MESSAGING_CONVERSATION_ID = "messaging.message.conversation_id";
export const ATTR_MESSAGING_RABBITMQ_ROUTING_KEY = "messaging.rabbitmq.destination.routing_key";
export const ATTR_MESSAGING_RABBITMQ_DELIVERY_TAG = "messaging.rabbitmq.message.delivery_tag";

export const MESSAGING_SYSTEM_RABBITMQ = "rabbitmq";
/** Our own: the conventions have no value for it. */
export const MESSAGING_SYSTEM_NATS = "nats";

/** Our own, since the conventions' body size is opt-in: bytes of the message's body. */
export const ATTR_OLLY_MESSAGING_BODY_SIZE = "olly.messaging.message.body.size";
/** Our own: how a message was settled: ack, nack, reject, or as the system calls it. */
export const ATTR_OLLY_MESSAGING_SETTLEMENT = "olly.messaging.settlement";
/** Our own: true when the message went back to its queue to be delivered again. */
export const ATTR_OLLY_MESSAGING_REQUEUED = "olly.messaging.requeued";
/** Our own: true when the message had been delivered before. */
export const ATTR_OLLY_MESSAGING_REDELIVERED = "olly.messaging.message.redelivered";
/** Our own: true when a client asked for a message and there was none. */
export const ATTR_OLLY_MESSAGING_EMPTY = "olly.messaging.empty";
