/**
 * Every reason for which something is dropped. Bare returns on lost data are bugs: count here.
 * status, the self-metrics and the documentation list these names.
 */
export const dropReasons = [
  "ring_full",
  "unregistered",
  "agent_gone",
  "fd_limit",
  "tls_unpaired",
  "log_binary",
  "library_internal",
  "datagram_full",
  "process_confined",
  "child_environment_limit",
  "message_malformed",
  "message_unknown_type",
  "message_no_connection",
  "sender_unknown",
  "ring_corrupt",
  "ring_skipped",
  "process_limit",
  "connection_limit",
  "datagram_peer_unknown",
  "datagram_flow_limit",
  "stream_memory_limit",
  "stream_gap",
  "stream_opaque",
  "parse_error",
  "frame_too_large",
  "in_flight_limit",
  "orphan_response",
  "exchange_expired",
  "lookup_limit",
  "connection_failed",
  "message_failed",
  "log_line_truncated",
  "log_partial_limit",
  "log_not_text",
  "log_attribute_limit",
  "span_queue_full",
  "log_queue_full",
  "span_export_failed",
  "log_export_failed",
  "span_rejected",
  "log_rejected",
  "file_write_failed",
] as const;

export type DropReason = (typeof dropReasons)[number];

/** Counts drops by reason; one instance per agent, passed to whoever can lose something. */
export class Drops {
  readonly #counts = new Map<DropReason, number>();

  count(reason: DropReason, amount = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + amount);
  }

  /** Replaces a count that another party keeps (the library's counters, summed over processes). */
  set(reason: DropReason, total: number): void {
    this.#counts.set(reason, total);
  }

  get(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** Reasons with a count above zero, in the order of dropReasons. */
  entries(): [DropReason, number][] {
    return dropReasons.flatMap((reason) => {
      const count = this.get(reason);
      return count > 0 ? [[reason, count] as [DropReason, number]] : [];
    });
  }
}
