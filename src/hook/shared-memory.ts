/**
 * Memory of another process, mapped into this one. Invariant: only sealed memory is mapped, so
 * that its owner cannot shrink it under the mapping (SIGBUS), and no view of it is used after
 * release.
 */
import { toArrayBuffer } from "bun:ffi";
import { fstatSync } from "node:fs";
import { RING_HEADER_BYTES, RING_MAGIC, RING_VERSION, ringOffset } from "./layout.ts";
import { libc, libcConstant } from "./libc.ts";

export interface SharedMemory {
  readonly buffer: ArrayBuffer;
  /**
   * Gives the memory between two offsets (multiples of the page size) back to the system, for every
   * process that has mapped it: it reads as zeros from then on. What cannot be given back stays.
   */
  readonly discard: (start: number, end: number) => void;
  /** Unmaps. Every view of buffer is poison afterwards. */
  readonly release: () => void;
}

const { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW } = libcConstant;
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
/** Less would not hold one record and the padding before it. */
const DATA_BYTES_MIN = 64 * 1024;

/** Data bytes of a ring whose file has `bytes` bytes, or -1 when no ring has that size. */
export function ringDataBytes(bytes: number, dataBytesMax: number): number {
  const dataBytes = bytes - RING_HEADER_BYTES;
  const isPowerOfTwo = Math.log2(dataBytes) % 1 === 0;
  return isPowerOfTwo && dataBytes >= DATA_BYTES_MIN && dataBytes <= dataBytesMax ? dataBytes : -1;
}

/**
 * Maps the ring behind a descriptor that a process handed over; a string says why it is refused.
 * The descriptor stays the caller's.
 */
export function mapRing(fd: number, dataBytesMax: number): SharedMemory | string {
  const seals = libc().fcntl(fd, libcConstant.F_GET_SEALS, 0);
  if (seals < 0) return "it is not a memfd";
  if ((seals & SEALS) !== SEALS) return "it is not sealed";
  const { size } = fstatSync(fd);
  const dataBytes = ringDataBytes(size, dataBytesMax);
  if (dataBytes < 0) return `its size is ${size}`;
  const { PROT_READ, PROT_WRITE, MAP_SHARED } = libcConstant;
  const address = libc().mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  // MAP_FAILED is 2^64 - 1, which comes back as a bigint; real addresses are numbers.
  if (typeof address !== "number") return "it cannot be mapped";
  const buffer = toArrayBuffer(address, 0, size);
  const memory: SharedMemory = {
    buffer,
    discard: (start, end) => libc().madvise(address + start, end - start, libcConstant.MADV_REMOVE),
    release: () => libc().munmap(address, size),
  };
  if (hasRingHeader(buffer, dataBytes)) return memory;
  memory.release();
  return "its header is wrong";
}

function hasRingHeader(buffer: ArrayBuffer, dataBytes: number): boolean {
  const header = new DataView(buffer, 0, RING_HEADER_BYTES);
  return (
    header.getUint32(ringOffset.magic, true) === RING_MAGIC &&
    header.getUint32(ringOffset.version, true) === RING_VERSION &&
    header.getUint32(ringOffset.dataBytes, true) === dataBytes
  );
}
