/** How the delivery of one batch ended; transports give it, retry and counting act on it. */

export type ExportResult =
  | { readonly kind: "ok" }
  /** Accepted but for so many items; never sent again. A message without a number is a warning. */
  | { readonly kind: "partial"; readonly rejected: number; readonly message: string }
  /** May succeed later; delayMs is the server's own wish. */
  | { readonly kind: "retry"; readonly reason: string; readonly delayMs: number | undefined }
  /** Will never succeed. */
  | { readonly kind: "drop"; readonly reason: string };

export type SignalName = "traces" | "logs";

/** Moves one encoded request to where it belongs. Never rejects. */
export interface ExportTransport {
  /** payload: an encoded export request; abort: the caller has given the batch up. */
  send(signal: SignalName, payload: Uint8Array, abort: AbortSignal): Promise<ExportResult>;
  close(): void;
}
