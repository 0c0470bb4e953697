/** Every maximum of this protocol, with its unit in its name. */
export const natsLimits = {
  /** A control line; the server's max_control_line is 4,096 unless it is configured. */
  lineBytesMax: 4_096,
  /** INFO and CONNECT hold JSON: addresses of a cluster, a token. */
  jsonLineBytesMax: 32_768,
  /** Of the headers of a message: what stands behind it is passed over. */
  headerBytesMax: 16_384,
  /** Of a payload that says what an acknowledgement or an answer is. */
  payloadHeadBytesMax: 256,
  /** Longest part of a message that must be seen at once. */
  frameBytesMax: 40_960,
  /** The server's max_payload can be set to 64 MiB at most. */
  payloadBytesMax: 64 * 1024 * 1024,
  inFlightMax: 1_024,
  /** Of all that waits for an answer of one kind: requests, or delivered messages. */
  waitingMax: 480,
  subscriptionsMax: 4_096,
  /** Inboxes on which messages are pulled. */
  pullsMax: 256,
  /** +OK that are due. */
  verboseMax: 1_024,
  /**
   * Messages with a reply subject that one subscription has left without an answer before it is
   * taken to be one that answers none.
   */
  unansweredMax: 32,
  /** What waits longer is given up, before the connection as a whole would be. */
  waitNsMax: 240e9,
  traceparentCharsMax: 128,
  tracestateCharsMax: 512,
  messageIdCharsMax: 128,
} as const;
