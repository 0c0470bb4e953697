/** Every maximum of this protocol, with its unit in its name. */
export const http2Limits = {
  /** A field block with its CONTINUATION frames; of a longer one nothing is read. */
  blockBytesMax: 64 * 1024,
  /** RFC 9113 section 4.1: type, flags, stream and length. */
  frameHeadBytes: 9,
  /** Fields of one block that are looked at; the others only pass. */
  blockFieldsMax: 256,
  /** Entries of a dynamic table that are kept, by the size that RFC 7541 section 4.1 gives them. */
  tableBytesMax: 16 * 1024,
  /** Of all tracestate fields of a request together; the conventions ask for 512. */
  tracestateCharsMax: 8_192,
  /** Unanswered requests of one connection. */
  inFlightMax: 1_024,
  /** Largest frame believed when a boundary is looked for (the smallest that peers must accept). */
  seekFrameBytesMax: 16_384,
  /** Frames in a row that prove a boundary. */
  seekFramesMax: 4,
  /** Frames looked at for the first request or answer of a connection joined in the middle. */
  detectFramesMax: 16,
  /** Parameters of the SETTINGS frame with which a server speaks first. */
  detectSettingsMax: 32,
  /** After a loss, a stream that shows nothing for so long is taken to have ended in it. */
  silenceNsMax: 2e9,
} as const;
