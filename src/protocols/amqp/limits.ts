/** Every maximum of this protocol, with its unit in its name. */
export const amqpLimits = {
  /** Longest part of a frame that must be seen at once: the properties of a message. */
  frameBytesMax: 16_640,
  /** Of a content header: what stands behind it is passed over. */
  headerBytesMax: 16_384,
  /** Of a method's arguments: four short strings and what stands between them. */
  argumentBytesMax: 1_100,
  /** A frame's payload, unless the connection has agreed on less; RabbitMQ's default is 128 KiB. */
  payloadBytesMax: 16 * 1024 * 1024,
  /** RabbitMQ's default channel_max is 2047. */
  channelsMax: 2_048,
  /** Channel numbers that are believed when a frame has to be found among other bytes. */
  plausibleChannelMax: 4_095,
  inFlightMax: 1_024,
  /** Unanswered synchronous methods of one channel. */
  pendingMax: 64,
  /** Consumers of one connection whose queues are known. */
  consumersMax: 1_024,
  /** Messages got and not acknowledged, of one connection. */
  gotMax: 1_024,
  /** A message that is not acknowledged for so long is told as one without an answer. */
  waitNsMax: 240e9,
  traceparentCharsMax: 128,
  tracestateCharsMax: 512,
  /** Flag words of a content header; the protocol's class needs one. */
  flagWordsMax: 8,
  /** Frames that are looked at to tell which side has sent them. */
  detectFramesMax: 64,
} as const;
