/**
 * Starts a program exactly as the shell that called olly would have: arguments and environment as
 * bytes (they need not be UTF-8), the caller's open descriptors, no signal left ignored. Bun.spawn
 * offers none of these. Invariant: the child differs from a direct start only in what is asked for.
 */
import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface SpawnOptions {
  /** Command and arguments, without their final NUL; the command is looked up in PATH. */
  readonly args: readonly Uint8Array[];
  /** NAME=value entries. */
  readonly environment: readonly Uint8Array[];
  /** Descriptors from 3 on that the child inherits. */
  readonly descriptors: readonly number[];
}

/** How a program ended: by itself with a code, or by a signal. */
export type Ending = { readonly code: number } | { readonly signal: number };

export interface Child {
  readonly pid: number;
  readonly ended: Promise<Ending>;
}

/** errno of a failed start; the child never existed. */
export interface SpawnFailure {
  readonly errno: number;
}

export const errnoOf = { ENOENT: 2, E2BIG: 7, ENOEXEC: 8, EACCES: 13, ENOTDIR: 20 } as const;

const declarations = {
  posix_spawnp: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  posix_spawnattr_init: { args: ["ptr"], returns: "i32" },
  posix_spawnattr_setflags: { args: ["ptr", "i16"], returns: "i32" },
  posix_spawnattr_setsigdefault: { args: ["ptr", "ptr"], returns: "i32" },
  waitpid: { args: ["i32", "ptr", "i32"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
} as const;

/** posix_spawnattr_t and sigset_t are 336 and 128 bytes with glibc and musl. */
const ATTRIBUTES_BYTES = 512;
const SIGNAL_SET_BYTES = 128;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const SIGPIPE = 13;
const SIGXFSZ = 25;
const F_SETFD = 2;
const WNOHANG = 1;
/** SIGCHLD tells of an end at once; this only bounds the wait should it get lost. */
const WAIT_POLL_MS = 100;

function load() {
  const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
  const names = ["libc.so.6", `libc.musl-${architecture}.so.1`];
  for (const name of names) {
    try {
      return dlopen(name, declarations).symbols;
    } catch {
      // The other C library's name is tried next.
    }
  }
  throw new Error(`no C library could be loaded (tried ${names.join(", ")})`);
}

let loaded: ReturnType<typeof load> | undefined;

function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

export function spawn(options: SpawnOptions): Child | SpawnFailure {
  const { posix_spawnp: start, fcntl } = libc();
  // Bun marks inherited descriptors close-on-exec when it starts.
  for (const fd of options.descriptors) fcntl(fd, F_SETFD, 0);
  const pid = new Int32Array(1);
  const args = new StringVector(options.args);
  const environment = new StringVector(options.environment);
  const attributes = spawnAttributes();
  const command = args.first;
  if (command === undefined) return { errno: errnoOf.ENOENT };
  const errno = start(
    ptr(pid),
    ptr(command),
    null,
    ptr(attributes),
    args.pointer,
    environment.pointer,
  );
  if (errno !== 0) return { errno };
  const child = pid[0] ?? 0;
  return { pid: child, ended: endOf(child) };
}

/** Bun ignores these two for itself, and ignoring is inherited: a child would not end at EPIPE. */
function spawnAttributes(): Uint8Array {
  const attributes = new Uint8Array(ATTRIBUTES_BYTES);
  const signals = new Uint8Array(SIGNAL_SET_BYTES);
  for (const signal of [SIGPIPE, SIGXFSZ]) {
    const bit = signal - 1;
    signals[bit >> 3] = (signals[bit >> 3] ?? 0) | (1 << (bit & 7));
  }
  const { posix_spawnattr_init: init, posix_spawnattr_setflags: setFlags } = libc();
  init(ptr(attributes));
  libc().posix_spawnattr_setsigdefault(ptr(attributes), ptr(signals));
  setFlags(ptr(attributes), POSIX_SPAWN_SETSIGDEF);
  return attributes;
}

/** A char *[] whose memory lives as long as the object. */
class StringVector {
  readonly #strings: Uint8Array[];
  readonly #pointers: BigUint64Array;

  constructor(strings: readonly Uint8Array[]) {
    this.#strings = strings.map((bytes) => {
      const terminated = new Uint8Array(bytes.length + 1);
      terminated.set(bytes);
      return terminated;
    });
    this.#pointers = new BigUint64Array(strings.length + 1);
    for (const [index, string] of this.#strings.entries()) {
      this.#pointers[index] = BigInt(ptr(string));
    }
  }

  get first(): Uint8Array | undefined {
    return this.#strings[0];
  }

  get pointer() {
    return ptr(this.#pointers);
  }
}

function endOf(pid: number): Promise<Ending> {
  return new Promise((resolve) => {
    const status = new Int32Array(1);
    const check = () => {
      const waited = libc().waitpid(pid, ptr(status), WNOHANG);
      if (waited === 0) return;
      process.off("SIGCHLD", check);
      clearInterval(timer);
      resolve(waited === pid ? endingOf(status[0] ?? 0) : { code: 1 });
    };
    const timer = setInterval(check, WAIT_POLL_MS);
    process.on("SIGCHLD", check);
    check(); // it may have ended before the handler was there
  });
}

/** The word of wait(2): low seven bits = signal, next byte = code. */
function endingOf(status: number): Ending {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff } : { signal };
}

/** Descriptors from 3 on with which this process was started; to be asked before opening any. */
export function inheritedDescriptors(): number[] {
  try {
    return readdirSync("/proc/self/fd").flatMap((name) => {
      const fd = Number(name);
      return fd > 2 && isInherited(fd) ? [fd] : [];
    });
  } catch {
    return []; // no /proc: then only the first three are passed on
  }
}

/** Bun's own are epoll and event descriptors; the listing's own directory is gone by now. */
function isInherited(fd: number): boolean {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    return !target.startsWith("anon_inode:") && !target.startsWith("/proc/");
  } catch {
    return false;
  }
}

/** The last `count` arguments of this process as they were given, byte for byte. */
export function ownArguments(count: number): Uint8Array[] | undefined {
  const all = nulTerminated("/proc/self/cmdline");
  return all !== undefined && all.length > count ? all.slice(all.length - count) : undefined;
}

/** NAME=value entries of this process as they were given; undefined without /proc. */
export function ownEnvironment(): Uint8Array[] | undefined {
  return nulTerminated("/proc/self/environ");
}

function nulTerminated(path: string): Uint8Array[] | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  const strings: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end >= 0; end = bytes.indexOf(0, start)) {
    strings.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return strings;
}
