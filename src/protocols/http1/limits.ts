/** Every maximum of this protocol, with its unit in its name. */
export const http1Limits = {
  /** A request or response head, from its start line to its empty line. */
  headBytesMax: 64 * 1024,
  /** Field lines of a head, and of a trailer section. */
  fieldLinesMax: 512,
  /** A chunk-size line with its extensions, and one trailer line. */
  chunkLineBytesMax: 16 * 1024,
  /** A method token; the longest registered one has 17 bytes. */
  methodBytesMax: 32,
  /** A request line without its end that is taken for one when so much of it fits the grammar. */
  detectTargetBytes: 2_048,
  /** Unanswered requests of one connection (pipelining). */
  inFlightMax: 256,
} as const;
