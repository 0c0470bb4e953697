/**
 * /proc of this host, or of a test. Invariant: nothing here throws, blocks or reads without a
 * bound; undefined is what has ended or is not ours to read.
 */
import { existsSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { limits } from "../../limits.ts";
import { withRegularFile } from "../open-regular.ts";
import type { ElfBytes } from "./elf.ts";

export interface BoundedBytes {
  readonly bytes: Buffer;
  /** True when there is more than was read. */
  readonly cut: boolean;
}

/** A regular file that is open, until `use` has returned. */
export interface OpenedFile extends ElfBytes {
  /** The same for the same content: device, inode, size and time of the last change. */
  readonly key: string;
  readonly inode: number;
}

export class ProcFiles {
  readonly root: string;
  #scratch: Buffer | undefined;

  /** `root` is another directory in tests. */
  constructor(root = "/proc") {
    this.root = root;
  }

  /** The first bytes of a file; they are overwritten by the next call. */
  bytes(path: string, bytesMax: number): BoundedBytes | undefined {
    this.#scratch ??= Buffer.allocUnsafe(limits.processMapsBytesMax);
    const scratch = this.#scratch.subarray(0, bytesMax);
    return withRegularFile(this.#path(path), (fd) => {
      let length = 0;
      for (;;) {
        if (length === scratch.length) return { bytes: scratch, cut: true };
        const read = readSync(fd, scratch, length, scratch.length - length, null);
        if (read === 0) return { bytes: scratch.subarray(0, length), cut: false };
        length += read;
      }
    });
  }

  text(path: string): string | undefined {
    return this.bytes(path, limits.processFileBytesMax)?.bytes.toString("utf8");
  }

  link(path: string): string | undefined {
    try {
      return readlinkSync(this.#path(path));
    } catch {
      return undefined;
    }
  }

  names(path: string): string[] | undefined {
    try {
      return readdirSync(this.#path(path));
    } catch {
      return undefined;
    }
  }

  has(path: string): boolean {
    return existsSync(this.#path(path));
  }

  /** Calls `use` with the open file; undefined when it cannot be opened. */
  open<Result>(path: string, use: (file: OpenedFile) => Result): Result | undefined {
    return withRegularFile(this.#path(path), (fd, { dev, ino, size, mtimeMs }) =>
      use({
        key: `${dev}:${ino}:${size}:${mtimeMs}`,
        inode: ino,
        at: (offset, length) => readAt(fd, { offset, length, size }),
      }),
    );
  }

  #path(path: string): string {
    return `${this.root}/${path}`;
  }
}

interface Place {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
}

/** The file may shrink meanwhile: what is not read whole is not there. */
function readAt(fd: number, { offset, length, size }: Place): Uint8Array | undefined {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return undefined;
  if (offset < 0 || length < 0 || length > limits.elfSearchBlockBytes) return undefined;
  if (offset + length > size) return undefined;
  const bytes = new Uint8Array(length);
  return readSync(fd, bytes, 0, length, offset) === length ? bytes : undefined;
}
