/** Compiled programs and files in memory, for tests of what reads ELF files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { OpenedFile } from "./proc-files.ts";

/** A file in memory that counts what is read of it. */
export class MemoryFile implements OpenedFile {
  readonly key: string;
  readonly inode = 1;
  readonly #bytes: Uint8Array;
  bytesRead = 0;
  reads = 0;

  constructor(bytes: Uint8Array, key = "memory") {
    this.#bytes = bytes;
    this.key = key;
  }

  at(offset: number, length: number): Uint8Array | undefined {
    const isInside = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!isInside || offset < 0 || length < 0 || offset + length > this.#bytes.length) {
      return undefined;
    }
    this.reads++;
    this.bytesRead += length;
    return this.#bytes.slice(offset, offset + length);
  }
}

const source = `
const char text[] = MARKER;
int SSL_read(void) { return text[0]; }
int main(void) { return SSL_read(); }
`;

export interface BuildOptions {
  readonly flags?: readonly string[];
  /** A text in its read-only data. */
  readonly marker?: string;
}

/** Compiles a program that defines SSL_read; gives its path. */
export function buildElf(directory: string, name: string, options: BuildOptions = {}): string {
  const path = join(directory, name);
  const marker = `-DMARKER=${JSON.stringify(options.marker ?? "none")}`;
  const compiler = process.env["CC"] ?? "cc";
  const flags = ["-x", "c", "-", "-x", "none", "-o", path, marker, ...(options.flags ?? [])];
  const { exitCode, stderr } = Bun.spawnSync([compiler, ...flags], {
    stdin: Buffer.from(source),
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(`${name} could not be compiled: ${stderr}`);
  return path;
}

export function readMemoryFile(path: string): MemoryFile {
  return new MemoryFile(readFileSync(path), path);
}
