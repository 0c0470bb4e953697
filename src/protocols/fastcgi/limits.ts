/** Every maximum of this protocol, with its unit in its name. */
export const fastcgiLimits = {
  /** A record that is read whole: header, content (65,535) and padding (255). */
  frameBytesMax: 66 * 1024,
  /** Of all PARAMS of one request; more is not read. */
  paramsBytesMax: 128 * 1024,
  /** Of the value of a parameter that is kept. */
  valueBytesMax: 8 * 1024,
  /** Of the header that an application's output begins with. */
  headBytesMax: 16 * 1024,
  /** Requests of one connection that are under way. */
  inFlightMax: 256,
} as const;
