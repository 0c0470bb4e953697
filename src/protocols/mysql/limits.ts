/** The maxima of what the MySQL protocol looks at and keeps, of each connection. */
export const mysqlLimits = {
  /** A compressed packet is wanted whole: MariaDB's are at most its 16 KiB buffer, mostly. */
  frameBytesMax: 65_544,
  inFlightMax: 1_024,
  /** Commands without an answer. */
  pendingMax: 1_024,
  /** What one compressed packet may become; of larger ones only the beginning is read. */
  inflatedBytesMax: 1024 * 1024,
  /** Of a greeting or a client's answer to it. */
  handshakeBytesMax: 4_096,
  versionCharsMax: 128,
  databaseCharsMax: 192,
  programCharsMax: 128,
  /** Query attributes, which stand before the text. */
  attributesBytesMax: 2_048,
  attributesMax: 64,
  /** Of a bulk execution, whose sets are counted when all of it is here. */
  bulkBytesMax: 32_768,
  /** Of an OK packet: the session's changes stand at its end. */
  okBytesMax: 1_024,
  /** Prepared statements, and the characters of their texts together. */
  statementsMax: 512,
  statementCharsMax: 131_072,
} as const;
