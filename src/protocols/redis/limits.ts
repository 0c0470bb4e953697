/** Every maximum of this protocol, with its unit in its name. */
export const redisLimits = {
  /** The longest piece that must be seen at once: an inline command (PROTO_INLINE_MAX_SIZE). */
  frameBytesMax: 66_560,
  inlineBytesMax: 65_536,
  /** Exchanges of one connection that are open at a time; requests behind them open later. */
  inFlightMax: 1_024,
  /** Requests of one connection that wait for their answers. */
  pendingMax: 16_384,
  /** Characters of the texts of those that wait, together. */
  pendingCharsMax: 1024 * 1024,
  /** A type, a length and the end of the line. */
  headerBytesMax: 32,
  /** Of a simple string or an error: what follows is passed over. */
  lineBytesMax: 256,
  /** Arguments of one command (the server's own limit), and elements of one aggregate. */
  argumentsMax: 1024 * 1024 * 1024,
  elementsMax: 2 ** 32,
  /** One string: proto-max-bulk-len is 512 MB unless it is configured. */
  bulkBytesMax: 2 ** 32,
  /** Aggregates in aggregates. */
  depthMax: 128,
  /** A command's name; a longer one is no command. */
  nameBytesMax: 64,
  /** A key that is told; a longer one is hidden. */
  keyBytesMax: 128,
  /** Text of one command, and of a batch of commands. */
  textCharsMax: 512,
  batchCharsMax: 2_048,
  argumentsShownMax: 64,
  /** Different error codes of one batch that are told. */
  codesMax: 4,
  /** Of an error's first word. */
  codeBytesMax: 32,
  /** Of the first word of an answer, as far as it decides anything. */
  wordBytesMax: 16,
} as const;
