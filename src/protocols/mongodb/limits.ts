/** Every maximum of this protocol, with its unit in its name. */
export const mongodbLimits = {
  /** Of a message that is looked at; what follows in it is passed over. */
  windowBytes: 32_768,
  /** A server takes 48,000,000 bytes (maxMessageSizeBytes) and some room for headers. */
  messageBytesMax: 48_000_000 + 16_384,
  /** Requests of one connection without an answer. */
  inFlightMax: 512,
  /** Names of commands, databases, collections and applications; longer ones are left out. */
  nameBytesMax: 255,
  commandBytesMax: 64,
  /** Decompressed at most: zlib and zstd give up a message that says more. */
  inflatedBytesMax: 1024 * 1024,
  /** Compressed input of a message that is not all there. */
  compressedPrefixBytes: 16_384,
} as const;
