/** Whether this kernel gives memfds as the library asks for them. Invariant: none is kept. */

import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { closeSync } from "node:fs";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;

const symbols = {
  memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  __errno_location: { args: [], returns: FFIType.ptr },
} as const;

/** Why none can be made; undefined when one can. */
export function memoryFileProblem(): string | undefined {
  try {
    const { memfd_create, __errno_location } = openLibc().symbols;
    const fd = memfd_create(ptr(Buffer.from("olly-doctor\0")), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
      const place = __errno_location();
      return `errno ${place === null ? "unknown" : read.i32(place, 0)}`;
    }
    closeSync(fd);
    return undefined;
  } catch {
    return "the C library has no such function";
  }
}

function openLibc() {
  try {
    return dlopen("libc.so.6", symbols);
  } catch {
    return dlopen(`libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, symbols);
  }
}
