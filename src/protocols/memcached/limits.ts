/** Every maximum of this protocol, with its unit in its name. */
export const memcachedLimits = {
  /** A command's line: a get of many keys; the server refuses one without a key in 2,048 bytes. */
  lineBytesMax: 65_536,
  frameBytesMax: 66_560,
  inFlightMax: 1_024,
  /** The server refuses longer keys. */
  keyBytesMax: 250,
  /** Keys of one command that are told. */
  keysShownMax: 16,
  /** A command's line whose keys are kept until it is answered. */
  keysBytesMax: 2_048,
  /** Quiet requests of the binary protocol that nothing follows are over after so long. */
  quietNsMax: 5_000_000_000,
  /** Of one value. */
  valueBytesMax: 2 ** 32,
} as const;
