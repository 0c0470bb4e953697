/**
 * A batch of datagrams as it travels from the socket worker to the main thread: one buffer with
 * all bytes, one table that says where each lies and who sent it. Invariant: a descriptor in the
 * table belongs to whoever holds the batch, until it is closed exactly once.
 */

/** Columns of one row of the table. */
export const datagramColumn = {
  offset: 0,
  length: 1,
  pid: 2,
  uid: 3,
  /** A descriptor that came along, or -1. */
  fd: 4,
  /** 1 when the datagram was longer than the receive buffer. */
  truncated: 5,
} as const;

export const DATAGRAM_COLUMNS = 6;

export interface DatagramBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** DATAGRAM_COLUMNS numbers per datagram. */
  readonly table: Int32Array<ArrayBuffer>;
}

/** What the worker posts. */
export type WorkerReport =
  | { readonly kind: "ready" }
  | { readonly kind: "batch"; readonly batch: DatagramBatch }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "stopped" };

/** Shared 32-bit words between the main thread (M) and the worker (W), with who writes them. */
export const sharedWord = {
  /** M: 1 = receive what is there, then end. */
  stop: 0,
  /** M: raised when the main thread waits until everything received has been posted. */
  syncRequested: 1,
  /** W: the last syncRequested that is done. */
  syncDone: 2,
  /** Both: bytes posted and not yet taken over. */
  backlogBytes: 3,
} as const;

export const SHARED_WORDS = 4;

/** Given to the worker at its start. */
export interface SocketWorkerData {
  readonly port: import("node:worker_threads").MessagePort;
  readonly shared: Int32Array<SharedArrayBuffer>;
  readonly socketFd: number;
  readonly eventFd: number;
}
