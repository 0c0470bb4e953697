/** Every maximum of this protocol, with its unit in its name. */
export const cassandraLimits = {
  /** Of a message that is looked at; what follows in it is passed over. */
  windowBytes: 32_768,
  /** The same of a segment, which may hold many messages: what is captured of one call. */
  segmentWindowBytes: 65_536,
  /** native_transport_max_frame_size can be no more. */
  bodyBytesMax: 256 * 1024 * 1024,
  /** Requests of one connection without an answer: there are 32,768 streams. */
  inFlightMax: 1_024,
  /** Prepared statements of one connection, and the characters of their texts together. */
  preparedMax: 1_024,
  preparedCharsMax: 262_144,
  /** Texts that came with values: how many are remembered as they are told, and how long ones. */
  boundTextsMax: 64,
  boundTextCharsMax: 1_024,
  /** Ids are MD5 sums, of 16 bytes. */
  idBytesMax: 64,
  nameBytesMax: 255,
  /** Statements of one batch whose texts are looked at. */
  batchTextsMax: 64,
  /** Columns of a result that are passed over to find its count of rows. */
  columnsMax: 4_096,
  typeDepthMax: 8,
  /** Items of a map or list at the head of a message. */
  itemsMax: 64,
  applicationBytesMax: 128,
} as const;
