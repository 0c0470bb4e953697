/**
 * What is known of an executable or a shared object that matters to what olly can see of it.
 * Invariant: a file is looked into once as long as it does not change, and only what its own bytes
 * prove is stated.
 */
import { limits } from "../../limits.ts";
import { type ElfBytes, type ElfHeader, type ElfSection, readElf } from "./elf.ts";
import { exportsFunction } from "./elf-exports.ts";
import { neededLibraries } from "./elf-needed.ts";
import type { OpenedFile } from "./proc-files.ts";

export interface FileFacts {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly interpreter: string;
  /** Built by Go; undefined when its section table cannot be read. */
  readonly go: boolean | undefined;
  /** Exports OpenSSL's functions itself: an executable's own calls then reach its own copy. */
  readonly exportsTls: boolean | undefined;
  /** Exports what the library needs to stand in the tables of this OpenSSL: its TLS is visible. */
  readonly opensTls: boolean | undefined;
  /** The sanitizer linked into it, "" for none. */
  readonly sanitizer: string;
  /** Libraries that it asks its loader for; undefined when that cannot be read. */
  readonly needed: readonly string[] | undefined;
}

/** The TLS library that is linked into a file: "" for none, undefined when not searched whole. */
export type LinkedTls = "OpenSSL" | "BoringSSL" | "rustls" | "" | undefined;

/** What only Go's linker makes. */
const goSections = [".go.buildinfo", ".note.go.buildid"];
const sanitizerStarts: readonly (readonly [name: string, start: string])[] = [
  ["AddressSanitizer", "__asan_init"],
  ["ThreadSanitizer", "__tsan_init"],
  ["MemorySanitizer", "__msan_init"],
];

/** What libolly/src/hook_tls_static.c looks for; a contract test compares them. */
export const openSslFunctions = [
  ...["ssl3_read", "ssl3_write", "tls1_free", "OpenSSL_version_num", "SSL_get_client_random"],
  ...["SSL_is_server", "SSL_get_shutdown", "SSL_get_fd"],
];

/** Names of source files that messages of the libraries quote: their own code is in the file. */
const openSslSource = Buffer.from("ssl/ssl_lib.c");
const rustlsSource = Buffer.from("/rustls-");
const CHARACTER_C = 99;
const CHARACTER_0 = 48;
const CHARACTER_9 = 57;
const MARKER_BYTES = 16;

export class FileKnowledge {
  readonly #facts = new Map<string, FileFacts | "not ELF">();
  readonly #linked = new Map<string, LinkedTls>();
  readonly #between: () => void;
  #searchBytesLeft: number = limits.lookSearchBytesMax;

  /** `between` is called again and again while a file is searched. */
  constructor(between: () => void = () => {}) {
    this.#between = between;
  }

  /** Undefined when it is no well-formed ELF file. */
  factsOf(file: OpenedFile): FileFacts | undefined {
    const known = this.#facts.get(file.key);
    if (known !== undefined) return known === "not ELF" ? undefined : known;
    const facts = readFacts(file);
    remember(this.#facts, file.key, facts ?? "not ELF");
    return facts;
  }

  /** A new look begins: it may search so much again. */
  nextLook(): void {
    this.#searchBytesLeft = limits.lookSearchBytesMax;
  }

  /** Undefined for a file of a process that has more to search than one look may. */
  linkedTlsOf(file: OpenedFile): LinkedTls {
    if (this.#linked.has(file.key)) return this.#linked.get(file.key);
    const data = readOnlyDataOf(file);
    const size = Math.min(data?.size ?? 0, limits.elfSearchBytesMax);
    if (size > this.#searchBytesLeft) return undefined;
    this.#searchBytesLeft -= size;
    const linked = data === undefined ? undefined : this.#search(file, data);
    remember(this.#linked, file.key, linked);
    return linked;
  }

  /** Blocks overlap by a marker's length, so that none is missed between two. */
  #search(file: ElfBytes, { offset, size }: ElfSection): LinkedTls {
    const searched = Math.min(size, limits.elfSearchBytesMax);
    for (let at = 0; at < searched; at += limits.elfSearchBlockBytes - MARKER_BYTES) {
      const block = file.at(offset + at, Math.min(limits.elfSearchBlockBytes, searched - at));
      if (block === undefined) return undefined;
      this.#between();
      const found = linkedTlsIn(Buffer.from(block.buffer, block.byteOffset, block.byteLength));
      if (found !== "") return found;
    }
    return searched === size ? "" : undefined;
  }
}

function remember<Value>(known: Map<string, Value>, key: string, value: Value): void {
  if (known.size >= limits.elfFilesMax) known.clear();
  known.set(key, value);
}

function readFacts(file: ElfBytes): FileFacts | undefined {
  const header = readElf(file);
  if (header === undefined) return undefined;
  const { bits, littleEndian, machine, interpreter, sections } = header;
  return {
    ...{ bits, littleEndian, machine, interpreter },
    go: sections === undefined ? undefined : goSections.some((name) => sections.has(name)),
    exportsTls: exportsFunction(file, header, "SSL_read"),
    opensTls: exportsAll(file, header, openSslFunctions),
    sanitizer: sanitizerOf(file, header),
    needed: neededLibraries(file, header),
  };
}

function exportsAll(
  file: ElfBytes,
  header: ElfHeader,
  names: readonly string[],
): boolean | undefined {
  for (const name of names) {
    const isThere = exportsFunction(file, header, name);
    if (isThere !== true) return isThere;
  }
  return true;
}

function sanitizerOf(file: ElfBytes, header: ElfHeader): string {
  const found = sanitizerStarts.find(([, start]) => exportsFunction(file, header, start) === true);
  return found?.[0] ?? "";
}

/** Undefined when the file has no section table that can be understood. */
function readOnlyDataOf(file: ElfBytes): ElfSection | undefined {
  const sections = readElf(file)?.sections;
  return sections === undefined ? undefined : (sections.get(".rodata") ?? { offset: 0, size: 0 });
}

function linkedTlsIn(block: Buffer): LinkedTls {
  for (const next of followers(block, openSslSource)) {
    // BoringSSL is C++: ssl_lib.cc.
    if (next === CHARACTER_C) return "BoringSSL";
    if (next === 0) return "OpenSSL";
  }
  // Of rustls-pemfile and rustls-native-certs alone no TLS is made.
  for (const next of followers(block, rustlsSource)) {
    if (next >= CHARACTER_0 && next <= CHARACTER_9) return "rustls";
  }
  return "";
}

/** The bytes behind a marker, wherever it is in the block. */
function* followers(block: Buffer, marker: Buffer): Generator<number> {
  for (let at = block.indexOf(marker); at >= 0; at = block.indexOf(marker, at + 1)) {
    const next = block[at + marker.length];
    if (next !== undefined) yield next;
  }
}
