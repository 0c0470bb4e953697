/** The maxima of what is kept of SQL text, shared by the protocols that carry it. */
export const sqlLimits = {
  /**
   * Bytes (on the wire) and characters (decoded) of one statement's text that are looked at.
   * Longer ones are told cut; the rest of the statement is passed over.
   */
  textMax: 8_192,
  /** Characters of a summary, by the conventions. */
  summaryCharsMax: 255,
} as const;
