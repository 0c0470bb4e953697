/** Every maximum of this protocol, with its unit in its name. */
export const websocketLimits = {
  /** The head of a frame with its length and mask, and the two bytes of a close code. */
  headBytesMax: 16,
  /** The connection as a whole is one exchange. */
  inFlightMax: 1,
} as const;
