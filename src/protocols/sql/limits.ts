/** The maxima of what is kept of SQL text, shared by the protocols that carry it. */
export const sqlLimits = {
  /**
   * Bytes (on the wire) and characters (decoded) of one statement's text that are looked at.
   * libolly captures 16 KiB of a call, so that a text of this length is whole when it begins in the
   * first half of one.
   */
  textMax: 8_192,
  /** Characters of a summary, by the conventions. */
  summaryCharsMax: 255,
} as const;
