/** Every maximum of this protocol, with its unit in its name. */
export const kafkaLimits = {
  /** A frame up to this size is read whole; libolly captures as much of one call. */
  wholeFrameBytesMax: 64 * 1024,
  /** Of a larger frame so much of its beginning is read; the rest is skipped. */
  headBytes: 32 * 1024,
  /** Requests and answers beyond this are not believed (a broker refuses 100 MiB by default). */
  requestBytesMax: 256 * 1024 * 1024,
  responseBytesMax: 1024 * 1024 * 1024,
  /** Bytes that a request must show before it is believed though its end is not here. */
  detectBytes: 1024,
  /** Requests of one connection without an answer. */
  inFlightMax: 1_024,
  /** Of a name that is kept; Kafka's own maximum for topics is 249. */
  nameBytesMax: 256,
  /** Topic ids whose names are remembered, of all connections. */
  topicIdsMax: 16_384,
  /** A client may know later versions of an API than our tables. */
  newerVersionsMax: 4,
} as const;
