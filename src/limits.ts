/** Every maximum of the agent, its unit in its name; limits.test.ts asserts how they relate. */
export const limits = {
  /** Payload of one message (OLLY_PAYLOAD_BYTES_MAX). */
  payloadBytesMax: 16_384,
  /** libolly sends at most this much of one call, in several messages. */
  captureBytesMax: 65_536,
  /** Ring data of one process (OLLY_RING_DATA_BYTES), and where memory is limited. */
  ringDataBytes: 32 * 1024 * 1024,
  ringDataBytesMin: 4 * 1024 * 1024,
  /** May wait in all rings together; but ringDataBytesMin in each. */
  ringsWaitingBytesMax: 256 * 1024 * 1024,
  /** An empty ring is written from its beginning again when so much of it was used. */
  ringRewindBytes: 2 * 1024 * 1024,
  /** Memory that a burst has taken of a ring goes back when there has been none for so long. */
  ringCalmNs: 1e9,
  processesMax: 4_096,
  connectionsMax: 65_536,
  /** Peers of sockets that carry datagrams, and how long a silent one is kept. */
  datagramFlowsMax: 16_384,
  datagramFlowNsMax: 60e9,
  /** Bytes of one direction kept while a frame is incomplete. */
  streamBytesMax: 1024 * 1024,
  /** Bytes of unfinished frames and of messages held back, of all connections together. */
  streamsBytesMax: 128 * 1024 * 1024,
  /** Pieces of one direction whose times are remembered. */
  streamSegmentsMax: 4_096,
  /** Bytes of one direction after which a connection that no protocol recognises is left alone. */
  detectBytesMax: 4_096,
  /** The same of a connection joined in the middle: messages that begin in nobody's frame. */
  detectMessagesMax: 64,
  /** Bytes of all connections that are kept until the guess at their protocol is certain. */
  trialBytesMax: 32 * 1024 * 1024,
  /** Connections whose first guess was wrong and whose identities are remembered. */
  guessesMax: 1_024,
  /**
   * Messages of one connection kept back while one before them is missing, and for how long: on a
   * busy machine its thread may not be scheduled between the call and the message.
   */
  sequenceHoldMessagesMax: 64,
  sequenceHoldNs: 500e6,
  /** Messages younger than this wait, so that those of other processes can be put before them. */
  mergeHoldBackNs: 20e6,
  /** Longest wait of a read for the message of its write, by the read's own time. */
  causeWaitNs: 250e6,
  /** Longest wait for a ring that is still being read behind the others. */
  mergeBacklogNs: 64e6,
  /** Copied out of one ring at a time, out of all rings per poll, and waiting to be delivered. */
  ringDrainBytesMax: 256 * 1024,
  pollBytesMax: 16 * 1024 * 1024,
  /** Delivered by one poll: about ten milliseconds of work. */
  pollMessagesMax: 4_096,
  intakeBytesMax: 64 * 1024 * 1024,
  /** How long an agent that stops tries to empty rings that are still being filled. */
  finalPollNsMax: 2e9,
  /** An agent that stops waits so long for its receivers, and so long for one that fails. */
  flushMsMax: 5_000,
  flushFailingMsMax: 2_000,
  /** Piece of private memory into which rings are copied; holds at least one drain. */
  intakeBlockBytes: 512 * 1024,
  /** A record that stays unwritten so long has lost its writer: the next one is looked for. */
  ringStallNs: 1e9,
  /** Datagrams received but not yet taken over by the main thread. */
  datagramBacklogBytesMax: 16 * 1024 * 1024,
  /** Datagrams of a process that has ended are waited for so long. */
  datagramLateNs: 1e9,
  /** How often a hooked process is looked up in /proc to see whether it has ended. */
  processCheckNs: 1e9,
  exchangeNsMax: 300e9,
  exchangesInFlightMax: 1_024,
  /** Open exchanges of all connections; beyond it a connection keeps one. */
  exchangesMax: 131_072,
  /**
   * Different words at one place of a service's paths; with one more, those that were served less
   * often than routeWordServedMin become {name}.
   */
  routeWordsMax: 32,
  routeWordServedMin: 10,
  /** Names of routes that one service is ever given, and what is kept to know them. */
  routeNamesMax: 1_000,
  routeNodesMax: 4_096,
  /** The same of all services, and services (with the servers that they call) that are known. */
  routesNodesMax: 65_536,
  routeScopesMax: 1_024,
  /** Templates of routes in the configuration. */
  routeTemplatesMax: 2_000,
  /** Partial log lines kept, and how long an unfinished line waits for its end. */
  logLineBytesMax: 64 * 1024,
  logPartialLinesMax: 4_096,
  logPartialNsMax: 1e9,
  /** Memory of all partial log lines together. */
  logPartialBytesMax: 8 * 1024 * 1024,
  /** Length of a string attribute taken from a log line, in UTF-16 units. */
  logAttributeCharsMax: 4_096,
  /** Objects inside objects that become dotted attribute names; deeper ones stay JSON text. */
  logAttributeDepthMax: 4,
  /**
   * A full table loses so many of its oldest at once: finding the oldest one of a Map costs tens of
   * microseconds when those before it were deleted one by one.
   */
  evictedAtOnce: 64,
  /** Addresses of lookups that are kept, and how long a lookup explains a connection. */
  lookupAddressesMax: 65_536,
  /** Of one process: one that looks up the whole world leaves room for the others. */
  lookupAddressesOfProcessMax: 8_192,
  lookupNsMax: 300e9,
  /** Names kept of one address. */
  lookupNamesMax: 4,
  threadsMax: 65_536,
  joinsMax: 65_536,
  joinNsMax: 30e9,
  exportQueueItemsMax: 65_536,
  /** Memory of one queue of one destination, as src/export/cost.ts estimates it. */
  exportQueueBytesMax: 128 * 1024 * 1024,
  exportBatchItemsMax: 512,
  exportIntervalMs: 200,
  exportInFlightMax: 4,
  /** A status answer, and how long one is waited for: agent and machine may be busy. */
  statusBytesMax: 16 * 1024 * 1024,
  statusMsMax: 10_000,
  configFileBytesMax: 1024 * 1024,
  /** What is read of one file of another process (/proc, package.json). */
  processFileBytesMax: 256 * 1024,
  /** Of /proc/PID/maps; a process with more is not known whole. */
  processMapsBytesMax: 4 * 1024 * 1024,
  /** Descriptors of one process that are looked at, and beyond which they are not even listed. */
  processDescriptorsMax: 1_024,
  processDescriptorsListedMax: 65_536,
  /** Mapped files of one process that are looked into, and files whose content is remembered. */
  processModulesMax: 512,
  elfFilesMax: 8_192,
  /** Headers of an ELF file; more of them are no file that a linker made. */
  elfSegmentsMax: 64,
  elfSectionsMax: 4_096,
  elfSectionNamesBytesMax: 256 * 1024,
  elfNameBytesMax: 4_096,
  /** Of the table of what it needs, and of one library's name in it. */
  elfDynamicBytesMax: 64 * 1024,
  elfLibraryNameBytesMax: 256,
  /** Symbols of one hash bucket. */
  elfChainMax: 256,
  /** Read-only data of one file that is searched for a TLS library linked into it. */
  elfSearchBytesMax: 32 * 1024 * 1024,
  elfSearchBlockBytes: 1024 * 1024,
  /** The same of all files of one process, at one look. */
  lookSearchBytesMax: 64 * 1024 * 1024,
  /** What is said of one process under one reason: its files' names are its own to choose. */
  findingDetailCharactersMax: 1_024,
  findingsOfSpotMax: 16,
  /** /proc/net/tcp of one network. */
  socketTableBytesMax: 4 * 1024 * 1024,
  /** Processes of a host that are looked at by one `olly doctor`. */
  doctorProcessesMax: 32_768,
  /** An agent looks at one process at a time, with such a pause in between. */
  visibilityLookNsMin: 50e6,
  /** Of one request before compression: collectors refuse more than 4 MiB unless told otherwise. */
  exportRequestBytesMax: 3 * 1024 * 1024,
  exportResponseBytesMax: 4 * 1024 * 1024,
  /** A batch that a server keeps putting off is given up after so long. */
  exportRetryNsMax: 300e9,
  /** Attributes of one span, log record or resource (OpenTelemetry's common limit). */
  attributesMax: 128,
  /** Traces that the console holds until they are complete, and items of one of them. */
  consoleTracesMax: 1_024,
  consoleTraceItemsMax: 2_048,
  consoleBytesMax: 64 * 1024 * 1024,
  /** Lines of one log body that the console shows. */
  consoleLogLinesMax: 20,
} as const;
