/** Maxima of this protocol. */
export const dnsLimits = {
  /** RFC 1035 4.2.2: a length of two bytes and so many bytes. */
  frameBytesMax: 65_537,
  inFlightMax: 1_024,
  /** RFC 1035 2.3.4. */
  nameBytesMax: 255,
  labelBytesMax: 63,
  /** Compression pointers of one name; each has to point in front of the one before. */
  pointersMax: 32,
  /** Answers that are told; the others are counted. */
  answersMax: 32,
  /** Text of one answer, in UTF-16 units. */
  answerCharsMax: 512,
  /** A question without an answer is given up after so long: resolvers ask again for 15 s. */
  answerNsMax: 30e9,
} as const;
