/** Every maximum of the agent, with its unit in its name. Relations are asserted by limits.test.ts. */
export const limits = {
  /** libolly sends at most this much of one call (OLLY_PAYLOAD_BYTES_MAX). */
  payloadBytesMax: 16_384,
  /** Ring data of one process (OLLY_RING_DATA_BYTES). */
  ringDataBytes: 4 * 1024 * 1024,
  processesMax: 4_096,
  connectionsMax: 65_536,
  /** Bytes of one direction kept while a frame is incomplete. */
  streamBytesMax: 1024 * 1024,
  /** Pieces of one direction whose times are remembered. */
  streamSegmentsMax: 4_096,
  /** Bytes after which a connection that no protocol recognises is left alone. */
  detectBytesMax: 4_096,
  /** Messages of one connection kept back while one before them is missing. */
  sequenceHoldMessagesMax: 64,
  sequenceHoldNs: 50e6,
  /** Messages younger than this wait, so that those of other processes can be put before them. */
  mergeHoldBackNs: 4e6,
  exchangeNsMax: 300e9,
  exchangesInFlightMax: 1_024,
  /** Partial log lines kept, and how long an unfinished line waits for its end. */
  logLineBytesMax: 64 * 1024,
  logPartialLinesMax: 4_096,
  logPartialNsMax: 1e9,
  threadsMax: 65_536,
  joinsMax: 65_536,
  joinNsMax: 30e9,
  exportQueueItemsMax: 65_536,
  exportBatchItemsMax: 512,
  exportIntervalMs: 200,
  exportInFlightMax: 4,
} as const;
