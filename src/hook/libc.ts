/**
 * The C library's calls that Bun does not offer: Unix datagrams with descriptors and credentials,
 * shared mappings, file locks. Invariant: every call here either returns at once or blocks only
 * where its name says so (poll); a failed call's errno is read before anything else is called.
 */
import { dlopen, FFIType, read } from "bun:ffi";

/** Values of <sys/socket.h>, <sys/mman.h>, <fcntl.h>, <poll.h>; the same on x86-64 and aarch64. */
export const libcConstant = {
  AF_UNIX: 1,
  SOCK_DGRAM: 2,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_PASSCRED: 16,
  SCM_RIGHTS: 1,
  SCM_CREDENTIALS: 2,
  MSG_TRUNC: 0x20,
  MSG_CTRUNC: 0x08,
  MSG_DONTWAIT: 0x40,
  MSG_CMSG_CLOEXEC: 0x40000000,
  POLLIN: 1,
  EFD_CLOEXEC: 0o2000000,
  EFD_NONBLOCK: 0o4000,
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MADV_DONTNEED: 4,
  MADV_REMOVE: 9,
  F_GET_SEALS: 1034,
  F_SEAL_SEAL: 1,
  F_SEAL_SHRINK: 2,
  F_SEAL_GROW: 4,
  LOCK_EX: 2,
  LOCK_NB: 4,
  LOCK_UN: 8,
  EINTR: 4,
  EAGAIN: 11,
  EACCES: 13,
  EADDRINUSE: 98,
  /** Longest sun_path with its closing NUL. */
  SUN_PATH_BYTES: 108,
} as const;

const declarations = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  recvmmsg: { args: ["i32", "ptr", "u32", "i32", "ptr"], returns: "i32" },
  poll: { args: ["ptr", FFIType.u64_fast, "i32"], returns: "i32" },
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  mmap: {
    args: [FFIType.u64_fast, FFIType.u64_fast, "i32", "i32", "i32", FFIType.i64_fast],
    returns: FFIType.u64_fast,
  },
  madvise: { args: [FFIType.u64_fast, FFIType.u64_fast, "i32"], returns: "i32" },
  munmap: { args: [FFIType.u64_fast, FFIType.u64_fast], returns: "i32" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

function load() {
  const names =
    process.arch === "arm64"
      ? ["libc.so.6", "libc.musl-aarch64.so.1"]
      : ["libc.so.6", "libc.musl-x86_64.so.1"];
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

/** The bound calls; loaded at the first use, so that commands which need none do not pay. */
export function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** errno of this thread's last failed call; to be asked directly after it. */
export function errno(): number {
  const place = libc().__errno_location();
  return place === null ? 0 : read.i32(place, 0);
}
