/**
 * The Unix datagram socket at which hooked processes register. Invariant: one agent per socket,
 * and what the kernel has handed to the worker reaches onDatagrams or is reported as an error.
 */
import { ptr } from "bun:ffi";
import { closeSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import {
  type DatagramBatch,
  SHARED_WORDS,
  type SocketWorkerData,
  sharedWord,
  type WorkerReport,
} from "./datagrams.ts";
import {
  ownUid,
  prepareDirectory,
  removeFile,
  removeStaleSocket,
  takeLock,
} from "./hook-directory.ts";
import { errno, libc, libcConstant } from "./libc.ts";
import { HookSetupError } from "./setup-error.ts";

const QUEUE_LENGTH_FILE = "/proc/sys/net/unix/max_dgram_qlen";
const QUEUE_LENGTH = 4096;
const SYNC_WAIT_MS = 10;
const SYNC_WAITS_MAX = 100;
const READY_MS_MAX = 10_000;
const EXIT_MS_MAX = 2_000;

export interface HookSocketOptions {
  /** Path of the socket; its directory is created when it is missing. */
  readonly path: string;
  /** Called on the main thread; the batch and its descriptors are the callee's from then on. */
  readonly onDatagrams: (batch: DatagramBatch) => void;
  /** Something failed in the worker; one line. After `fatal` nothing more is received. */
  readonly onError: (message: string, fatal: boolean) => void;
}

export interface HookSocket {
  readonly path: string;
  /**
   * Hands over, before it returns, everything that was sent before the call. False when the worker
   * did not answer within a second.
   */
  sync(): boolean;
  /** To be called when a batch has been dealt with, so that the worker may receive more. */
  taken(batch: DatagramBatch): void;
  /** Receives what is left, ends the worker, removes the socket file and the lock. */
  close(): Promise<void>;
}

/** Where the worker's code is: beside this file, or an entry point of the compiled executable. */
export function socketWorkerUrl(moduleUrl: string): URL {
  const compiled = moduleUrl.includes("/$bunfs/");
  return compiled
    ? new URL("file:///$bunfs/root/hook/socket-worker.js")
    : new URL("./socket-worker.ts", moduleUrl);
}

/** Opens the socket and starts receiving. Fails with HookSetupError and leaves nothing over. */
export async function openHookSocket(options: HookSocketOptions): Promise<HookSocket> {
  const { path } = options;
  const bytes = Buffer.byteLength(path);
  if (bytes === 0) throw new HookSetupError("the hook socket's path is empty");
  if (bytes >= libcConstant.SUN_PATH_BYTES || path.includes("\0")) {
    throw new HookSetupError(
      `the hook socket's path is too long: ${path} has ${bytes} bytes, ` +
        `the kernel takes ${libcConstant.SUN_PATH_BYTES - 1}`,
    );
  }
  prepareDirectory(dirname(path));
  const lock = takeLock(path);
  try {
    removeStaleSocket(path);
    const socketFd = createSocket(path);
    const receiver = new Receiver(options, socketFd);
    const remove = () => {
      removeFile(path);
      lock.release();
    };
    try {
      await receiver.ready();
    } catch (error) {
      await receiver.stop();
      removeFile(path);
      throw error;
    }
    return {
      path,
      sync: () => receiver.sync(),
      taken: (batch) => receiver.taken(batch),
      close: async () => {
        await receiver.stop();
        remove();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A bound socket that tells its senders' credentials. */
function createSocket(path: string): number {
  const c = libc();
  const fd = withLongQueue(() =>
    c.socket(libcConstant.AF_UNIX, libcConstant.SOCK_DGRAM | libcConstant.SOCK_CLOEXEC, 0),
  );
  if (fd < 0) throw new HookSetupError(`cannot create the hook socket: errno ${errno()}`);
  const on = new Int32Array([1]);
  const { SOL_SOCKET, SO_PASSCRED } = libcConstant;
  if (c.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, ptr(on), 4) !== 0) {
    const code = errno();
    closeSync(fd);
    throw new HookSetupError(`cannot ask for credentials on the hook socket: errno ${code}`);
  }
  const address = new Uint8Array(2 + libcConstant.SUN_PATH_BYTES);
  address[0] = libcConstant.AF_UNIX;
  address.set(Buffer.from(path), 2);
  // The mode is right from the first moment: root's socket is for everybody, others' for the owner.
  const mask = process.umask(ownUid() === 0 ? 0o111 : 0o177);
  const bound = c.bind(fd, ptr(address), address.length);
  const code = bound === 0 ? 0 : errno();
  process.umask(mask);
  if (bound !== 0) {
    closeSync(fd);
    const reason = code === libcConstant.EACCES ? "permission denied" : `errno ${code}`;
    throw new HookSetupError(`cannot listen on ${path}: ${reason}`);
  }
  return fd;
}

/**
 * The kernel fixes a socket's queue length when the socket is made, from a system-wide setting of
 * 10. Root raises it for that moment; others live with it, as the ring carries the traffic.
 */
function withLongQueue<Result>(create: () => Result): Result {
  let before: string | undefined;
  try {
    const current = readFileSync(QUEUE_LENGTH_FILE, "utf8").trim();
    if (ownUid() === 0 && Number(current) < QUEUE_LENGTH) {
      writeFileSync(QUEUE_LENGTH_FILE, String(QUEUE_LENGTH));
      before = current;
    }
  } catch {
    // A read-only /proc (containers): the queue stays short, senders try again.
  }
  try {
    return create();
  } finally {
    if (before !== undefined) writeFileSync(QUEUE_LENGTH_FILE, before);
  }
}

/** The worker thread as the main thread sees it. */
class Receiver {
  readonly #options: HookSocketOptions;
  readonly #socketFd: number;
  readonly #eventFd: number;
  readonly #shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_WORDS));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #wakeCount = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #alive = true;
  #stopping = false;

  constructor(options: HookSocketOptions, socketFd: number) {
    this.#options = options;
    this.#socketFd = socketFd;
    this.#eventFd = libc().eventfd(0, libcConstant.EFD_CLOEXEC | libcConstant.EFD_NONBLOCK);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on("message", (report: WorkerReport) => this.#handle(report));
    const workerData: SocketWorkerData = {
      port: port2,
      shared: this.#shared,
      socketFd,
      eventFd: this.#eventFd,
    };
    this.#worker = new Worker(socketWorkerUrl(import.meta.url), {
      workerData,
      transferList: [port2],
    });
    this.#worker.on("error", (error: Error) => this.#failed(error.message));
    this.#worker.on("exit", () => this.#ended());
  }

  /** Resolves when the worker receives. */
  async ready(): Promise<void> {
    const timer = setTimeout(
      () => this.#ready.reject(new HookSetupError("the socket worker did not start")),
      READY_MS_MAX,
    );
    try {
      await this.#ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  sync(): boolean {
    if (!this.#alive) return false;
    const ticket = Atomics.add(this.#shared, sharedWord.syncRequested, 1) + 1;
    this.#wake();
    for (let wait = 0; wait < SYNC_WAITS_MAX; wait++) {
      const done = Atomics.load(this.#shared, sharedWord.syncDone);
      this.#takePosted();
      if (done === ticket) return true;
      if (!this.#alive) return false;
      Atomics.wait(this.#shared, sharedWord.syncDone, done, SYNC_WAIT_MS);
    }
    return false;
  }

  taken(batch: DatagramBatch): void {
    Atomics.sub(this.#shared, sharedWord.backlogBytes, batch.bytes.length);
    Atomics.notify(this.#shared, sharedWord.backlogBytes);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    Atomics.store(this.#shared, sharedWord.stop, 1);
    Atomics.notify(this.#shared, sharedWord.backlogBytes);
    this.#wake();
    if (this.#alive) await this.#exit();
    this.#takePosted();
    this.#port.close();
    closeSync(this.#socketFd);
    closeSync(this.#eventFd);
  }

  /** A worker that does not end by itself is given up: the agent's end does not wait for it. */
  async #exit(): Promise<void> {
    const timer = setTimeout(() => {
      this.#options.onError("the socket worker did not end", false);
      void this.#worker.terminate();
      this.#exited.resolve();
    }, EXIT_MS_MAX);
    await this.#exited.promise;
    clearTimeout(timer);
  }

  #wake(): void {
    writeSync(this.#eventFd, this.#wakeCount);
  }

  #takePosted(): void {
    for (;;) {
      const posted = receiveMessageOnPort(this.#port);
      if (posted === undefined) return;
      this.#handle(posted.message);
    }
  }

  #handle(report: WorkerReport): void {
    switch (report.kind) {
      case "ready":
        this.#ready.resolve();
        return;
      case "batch":
        this.#options.onDatagrams(report.batch);
        return;
      case "error":
        this.#failed(report.message);
        return;
      case "stopped":
        return;
    }
  }

  #failed(message: string): void {
    this.#ready.reject(new HookSetupError(`the socket worker failed: ${message}`));
    this.#options.onError(message, false);
  }

  #ended(): void {
    this.#alive = false;
    this.#takePosted();
    this.#ready.reject(new HookSetupError("the socket worker ended before it received anything"));
    if (!this.#stopping) this.#options.onError("the socket worker has ended", true);
    this.#exited.resolve();
  }
}
