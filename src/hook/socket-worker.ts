/**
 * The thread that sleeps on the hook socket: poll → recvmmsg → post. Invariant: a descriptor that
 * the kernel handed over is either posted or closed, and every failure is posted before the thread
 * ends. Its event loop never runs while it works, so orders come through shared words and an
 * eventfd, and nothing is printed from here.
 */
import { ptr } from "bun:ffi";
import { closeSync, readSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { limits } from "../limits.ts";
import {
  DATAGRAM_COLUMNS,
  type DatagramBatch,
  datagramColumn,
  type SocketWorkerData,
  sharedWord,
  type WorkerReport,
} from "./datagrams.ts";
import { RECORD_HEADER_BYTES } from "./layout.ts";
import { errno, libc, libcConstant } from "./libc.ts";

const BATCH_MAX = 32;
/** One byte more than the longest message, so that a longer one is noticed. */
const DATAGRAM_BYTES = RECORD_HEADER_BYTES + limits.payloadBytesMax + 8;
/** Room for SCM_CREDENTIALS (32) and SCM_RIGHTS with up to four descriptors (32). */
const CONTROL_BYTES = 64;
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
const CMSG_HEADER_BYTES = 16;
/** Batches received before a waiting main thread is answered, however much still arrives. */
const SYNC_ROUNDS_MAX = 64;
const BACKLOG_WAIT_MS = 20;
const FAILURES_MAX = 16;

/** Offsets in struct mmsghdr of 64-bit Linux (glibc and musl agree on little-endian machines). */
const mmsghdrOffset = {
  iov: 16,
  iovCount: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
  received: 56,
} as const;

/** The memory that recvmmsg fills; made once, because the kernel keeps addresses into it. */
class ReceiveBuffers {
  readonly data = new Uint8Array(BATCH_MAX * DATAGRAM_BYTES);
  readonly control = new DataView(new ArrayBuffer(BATCH_MAX * CONTROL_BYTES));
  readonly headers = new DataView(new ArrayBuffer(BATCH_MAX * MMSGHDR_BYTES));
  readonly #vectors = new DataView(new ArrayBuffer(BATCH_MAX * IOVEC_BYTES));

  constructor() {
    const data = ptr(this.data);
    const control = ptr(this.control);
    const vectors = ptr(this.#vectors);
    for (let index = 0; index < BATCH_MAX; index++) {
      const vector = index * IOVEC_BYTES;
      this.#setAddress(this.#vectors, vector, data + index * DATAGRAM_BYTES);
      this.#setAddress(this.#vectors, vector + 8, DATAGRAM_BYTES);
      const header = index * MMSGHDR_BYTES;
      this.#setAddress(this.headers, header + mmsghdrOffset.iov, vectors + vector);
      this.#setAddress(this.headers, header + mmsghdrOffset.iovCount, 1);
      const ancillary = control + index * CONTROL_BYTES;
      this.#setAddress(this.headers, header + mmsghdrOffset.control, ancillary);
    }
    this.reset(BATCH_MAX);
  }

  /** The kernel has written over the lengths of the first `count` headers. */
  reset(count: number): void {
    for (let index = 0; index < count; index++) {
      const length = index * MMSGHDR_BYTES + mmsghdrOffset.controlLength;
      this.#setAddress(this.headers, length, CONTROL_BYTES);
    }
  }

  #setAddress(view: DataView, offset: number, address: number): void {
    view.setUint32(offset, address >>> 0, true);
    view.setUint32(offset + 4, Math.floor(address / 2 ** 32), true);
  }
}

/** Fills the sender's columns of a row from the ancillary data; closes surplus descriptors. */
function readSender(buffers: ReceiveBuffers, index: number, table: Int32Array): void {
  const { control, headers } = buffers;
  const row = index * DATAGRAM_COLUMNS;
  const base = index * CONTROL_BYTES;
  const header = index * MMSGHDR_BYTES;
  const end = base + headers.getUint32(header + mmsghdrOffset.controlLength, true);
  let at = base;
  while (at + CMSG_HEADER_BYTES <= end) {
    const length = control.getUint32(at, true);
    if (length < CMSG_HEADER_BYTES || at + length > end) return;
    const level = control.getInt32(at + 8, true);
    const type = control.getInt32(at + 12, true);
    const body = at + CMSG_HEADER_BYTES;
    if (level === libcConstant.SOL_SOCKET && type === libcConstant.SCM_CREDENTIALS) {
      table[row + datagramColumn.pid] = control.getInt32(body, true);
      table[row + datagramColumn.uid] = control.getInt32(body + 4, true);
    } else if (level === libcConstant.SOL_SOCKET && type === libcConstant.SCM_RIGHTS) {
      for (let fd = body; fd + 4 <= at + length; fd += 4) {
        if (table[row + datagramColumn.fd] === -1) {
          table[row + datagramColumn.fd] = control.getInt32(fd, true);
        } else closeSync(control.getInt32(fd, true));
      }
    }
    at += Math.ceil(length / 8) * 8;
  }
}

/** Copies the first `count` received datagrams into memory of their own. */
function pack(buffers: ReceiveBuffers, count: number): DatagramBatch {
  const { data, headers } = buffers;
  const table = new Int32Array(count * DATAGRAM_COLUMNS);
  let total = 0;
  for (let index = 0; index < count; index++) {
    const row = index * DATAGRAM_COLUMNS;
    const header = index * MMSGHDR_BYTES;
    const length = headers.getUint32(header + mmsghdrOffset.received, true);
    const flags = headers.getInt32(header + mmsghdrOffset.flags, true);
    table[row + datagramColumn.offset] = total;
    table[row + datagramColumn.length] = length;
    table[row + datagramColumn.fd] = -1;
    table[row + datagramColumn.truncated] = (flags & libcConstant.MSG_TRUNC) === 0 ? 0 : 1;
    readSender(buffers, index, table);
    total += length;
  }
  const bytes = new Uint8Array(total);
  for (let index = 0; index < count; index++) {
    const row = index * DATAGRAM_COLUMNS;
    const from = index * DATAGRAM_BYTES;
    const length = table[row + datagramColumn.length] ?? 0;
    bytes.set(data.subarray(from, from + length), table[row + datagramColumn.offset] ?? 0);
  }
  return { bytes, table };
}

class SocketWorker {
  readonly #data: SocketWorkerData;
  readonly #buffers = new ReceiveBuffers();
  readonly #polled = new DataView(new ArrayBuffer(16));
  readonly #wakeCount = new Uint8Array(8);
  #failures = 0;

  constructor(data: SocketWorkerData) {
    this.#data = data;
    this.#polled.setInt32(0, data.socketFd, true);
    this.#polled.setInt16(4, libcConstant.POLLIN, true);
    this.#polled.setInt32(8, data.eventFd, true);
    this.#polled.setInt16(12, libcConstant.POLLIN, true);
  }

  run(): void {
    this.#post({ kind: "ready" });
    for (;;) {
      if (libc().poll(ptr(this.#polled), 2, -1) < 0) {
        this.#failed("poll", errno());
        continue;
      }
      if (this.#polled.getInt16(14, true) !== 0) readSync(this.#data.eventFd, this.#wakeCount);
      const { shared } = this.#data;
      const stopping = Atomics.load(shared, sharedWord.stop) === 1;
      const sync = Atomics.load(shared, sharedWord.syncRequested);
      this.#receiveAll();
      Atomics.store(shared, sharedWord.syncDone, sync);
      Atomics.notify(shared, sharedWord.syncDone);
      if (stopping) return;
    }
  }

  /** Everything that waits in the socket now, within bounds. */
  #receiveAll(): void {
    for (let round = 0; round < SYNC_ROUNDS_MAX; round++) {
      this.#waitForMainThread();
      const count = libc().recvmmsg(
        this.#data.socketFd,
        ptr(this.#buffers.headers),
        BATCH_MAX,
        libcConstant.MSG_DONTWAIT | libcConstant.MSG_CMSG_CLOEXEC,
        null,
      );
      if (count < 0) {
        this.#failed("recvmmsg", errno());
        return;
      }
      this.#failures = 0;
      if (count > 0) this.#postBatch(pack(this.#buffers, count));
      this.#buffers.reset(count);
      if (count < BATCH_MAX) return;
    }
  }

  #postBatch(batch: DatagramBatch): void {
    Atomics.add(this.#data.shared, sharedWord.backlogBytes, batch.bytes.length);
    const transfer = [batch.bytes.buffer, batch.table.buffer];
    this.#data.port.postMessage({ kind: "batch", batch } satisfies WorkerReport, transfer);
  }

  /** While the main thread is far behind, datagrams wait in the kernel, where senders notice. */
  #waitForMainThread(): void {
    const { shared } = this.#data;
    for (;;) {
      const backlog = Atomics.load(shared, sharedWord.backlogBytes);
      if (backlog < limits.datagramBacklogBytesMax) return;
      if (Atomics.load(shared, sharedWord.stop) === 1) return;
      const requested = Atomics.load(shared, sharedWord.syncRequested);
      if (requested !== Atomics.load(shared, sharedWord.syncDone)) return;
      Atomics.wait(shared, sharedWord.backlogBytes, backlog, BACKLOG_WAIT_MS);
    }
  }

  /** EAGAIN and EINTR are everyday; anything else may pass, but not for ever. */
  #failed(call: string, code: number): void {
    if (code === libcConstant.EAGAIN || code === libcConstant.EINTR) return;
    this.#failures++;
    if (this.#failures >= FAILURES_MAX) throw new Error(`${call} failed with errno ${code}`);
    this.#post({ kind: "error", message: `${call} on the hook socket: errno ${code}` });
    Atomics.wait(this.#data.shared, sharedWord.stop, 0, BACKLOG_WAIT_MS);
  }

  #post(report: WorkerReport): void {
    this.#data.port.postMessage(report);
  }
}

const data: SocketWorkerData = workerData;
try {
  new SocketWorker(data).run();
  data.port.postMessage({ kind: "stopped" } satisfies WorkerReport);
} catch (error) {
  data.port.postMessage({ kind: "error", message: String(error) } satisfies WorkerReport);
}
data.port.close();
