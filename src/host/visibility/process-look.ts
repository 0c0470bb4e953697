/**
 * One look at one process. Invariant: what cannot be read is undefined, never taken for harmless;
 * a process that ends meanwhile gives no look at all.
 */
import { limits } from "../../limits.ts";
import { baseName } from "../runtime.ts";
import type { FileFacts, LinkedTls } from "./file-facts.ts";
import { type Mappings, parseMappings } from "./mappings.ts";
import { executableOf, modulesOf, type Source, sharedObjectsOf } from "./modules.ts";
import type { ProcFiles } from "./proc-files.ts";
import { type Environment, parseEnvironment } from "./process-environment.ts";

export interface Descriptors {
  readonly ioUring: boolean;
  /** Inodes of its sockets. */
  readonly sockets: readonly number[];
  /** Not all of them were looked at. */
  readonly cut: boolean;
}

export interface ProcessLook {
  readonly pid: number;
  readonly name: string;
  readonly uid: number;
  /** Clock ticks since the kernel's start. */
  readonly startTicks: number;
  /** 0 none, 1 strict, 2 filter. */
  readonly seccompMode: number;
  /** Its path; "" when it cannot be read. */
  readonly executable: string;
  readonly file: FileFacts | undefined;
  readonly mappings: Mappings | undefined;
  /** There are more shared objects than are looked into. */
  readonly modulesCut: boolean;
  /** Mapped modules that hold code of Go's. */
  readonly goModules: readonly string[];
  /** Libraries that its files ask the loader for; undefined when not all of them are known. */
  readonly needed: ReadonlySet<string> | undefined;
  /** TLS libraries that are linked into files of the process. */
  readonly linkedTls: readonly { readonly file: string; readonly library: LinkedTls }[];
  readonly environment: Environment | undefined;
  readonly descriptors: Descriptors | undefined;
  /** AT_SECURE. */
  readonly secure: boolean | undefined;
  readonly mountNamespace: string | undefined;
  /** The byte of its control page that switches tracing; undefined when it has none to read. */
  readonly tracing: boolean | undefined;
  /** Its ring says that the agent's rules leave it alone; undefined when it has none to read. */
  readonly refused: boolean | undefined;
  /** Whether the library that it should have is in its file system. */
  readonly libraryThere: boolean | undefined;
}

/** What /proc shows of a process to everybody. */
export interface ProcessBasics {
  readonly pid: number;
  readonly name: string;
  readonly uid: number;
  readonly startTicks: number;
  readonly seccompMode: number;
  readonly descriptorTable: number;
}

const KERNEL_THREAD = 0x00200000;
const AT_SECURE = 23;
const AUXV_BYTES_MAX = 4_096;
const RING_VERDICT_OFFSET = 16;
/** As the kernel names the library's memfd. */
export const RING_PATH = "/memfd:olly-ring";

/** Undefined for what is no process any more, and for the kernel's own threads. */
export function readBasics(files: ProcFiles, which: number | "self"): ProcessBasics | undefined {
  const stat = files.text(`${which}/stat`);
  const status = stat === undefined ? undefined : files.text(`${which}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name in parentheses may itself hold spaces and parentheses.
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const state = fields[0];
  const startTicks = Number(fields[19]);
  // A zombie has ended, but for one whose first thread alone has.
  const isOver = state === "X" || (state === "Z" && Number(fields[17]) <= 1);
  if (isOver || (Number(fields[6]) & KERNEL_THREAD) !== 0 || !(startTicks >= 0)) return undefined;
  return {
    pid: Number(stat.slice(0, stat.indexOf(" "))),
    name: stat.slice(stat.indexOf("(") + 1, end),
    uid: numberOf(status, "Uid"),
    startTicks,
    seccompMode: numberOf(status, "Seccomp"),
    descriptorTable: numberOf(status, "FDSize"),
  };
}

/** `library` is the path that the library would have, unless the process's LD_PRELOAD names it. */
export function lookAt(
  source: Source,
  basics: ProcessBasics,
  library: string,
): ProcessLook | undefined {
  const { files, knowledge, pid } = source;
  const { name, uid, startTicks, seccompMode } = basics;
  const executable = files.link(`${pid}/exe`) ?? "";
  const own = files.open(`${pid}/exe`, (opened) => executableOf(knowledge, opened));
  const file = own?.facts;
  const mappings = readMappings(files, pid);
  const environment = readEnvironment(files, pid);
  const objects = sharedObjectsOf(mappings);
  const modules = modulesOf(source, objects);
  const facts = modules.map((one) => one.facts);
  const look: ProcessLook = {
    ...{ pid, name, uid, startTicks, seccompMode, executable, file, mappings, environment },
    modulesCut: objects.length > modules.length,
    needed: objects.length > modules.length ? undefined : neededBy([file, ...facts]),
    goModules: modules.filter((one) => one.facts?.go === true).map((one) => one.path),
    linkedTls: [
      { file: baseName(executable), library: own === undefined ? "" : own.linkedTls },
      ...modules.map((one) => ({ file: baseName(one.path), library: one.linkedTls })),
    ].filter(({ library }) => library !== ""),
    descriptors: readDescriptors(files, pid, basics.descriptorTable),
    secure: readSecure(files, pid, file?.bits ?? 64),
    mountNamespace: files.link(`${pid}/ns/mnt`),
    tracing: readTracing(files, pid, environment?.controlPath ?? ""),
    refused: readRefused(files, pid, mappings),
    libraryThere: isThere(files, pid, environment?.ownLibrary || library),
  };
  // What was read after the end of the process would say nothing.
  return readBasics(files, pid)?.startTicks === startTicks ? look : undefined;
}

/** Undefined when one of the files could not be looked into. */
function neededBy(files: readonly (FileFacts | undefined)[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (const file of files) {
    if (file?.needed === undefined) return undefined;
    for (const name of file.needed) names.add(name);
  }
  return names;
}

function numberOf(status: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status);
  return match === null ? 0 : Number(match[1]);
}

function readMappings(files: ProcFiles, pid: number): Mappings | undefined {
  const read = files.bytes(`${pid}/maps`, limits.processMapsBytesMax);
  // A living program has mappings: none are shown where they may not be read.
  if (read === undefined || read.bytes.length === 0) return undefined;
  return parseMappings(read.bytes.toString("utf8"), read.cut);
}

function readEnvironment(files: ProcFiles, pid: number): Environment | undefined {
  const read = files.bytes(`${pid}/environ`, limits.processFileBytesMax);
  if (read === undefined) return undefined;
  return parseEnvironment(read.bytes.toString("utf8"), read.cut);
}

function readDescriptors(
  files: ProcFiles,
  pid: number,
  tableSize: number,
): Descriptors | undefined {
  if (tableSize > limits.processDescriptorsListedMax)
    return { ioUring: false, sockets: [], cut: true };
  const names = files.names(`${pid}/fd`);
  if (names === undefined) return undefined;
  const sockets: number[] = [];
  let ioUring = false;
  for (const name of names.slice(0, limits.processDescriptorsMax)) {
    const target = files.link(`${pid}/fd/${name}`) ?? "";
    if (target === "anon_inode:[io_uring]") ioUring = true;
    if (target.startsWith("socket:[")) sockets.push(Number(target.slice(8, -1)));
  }
  return { ioUring, sockets, cut: names.length > limits.processDescriptorsMax };
}

function readTracing(files: ProcFiles, pid: number, controlPath: string): boolean | undefined {
  if (!controlPath.startsWith("/")) return undefined;
  const active = files.bytes(`${pid}/root${controlPath}`, 1)?.bytes[0];
  return active === undefined ? undefined : active !== 0;
}

/** olly_ring_header.verdict: 1 is OLLY_VERDICT_REFUSED. Only root may open a mapping. */
function readRefused(
  files: ProcFiles,
  pid: number,
  mappings: Mappings | undefined,
): boolean | undefined {
  const ring = mappings?.files.find(({ path }) => path === RING_PATH);
  if (ring === undefined) return undefined;
  const verdict = files.open(`${pid}/map_files/${ring.range}`, (file) =>
    file.at(RING_VERDICT_OFFSET, 4),
  );
  return verdict === undefined ? undefined : verdict[0] === 1;
}

/** Undefined when no path is known, or its file system is not ours to see; $LIB is the loader's. */
function isThere(files: ProcFiles, pid: number, path: string): boolean | undefined {
  const isKnown = path.startsWith("/") && !path.includes("$");
  return isKnown && files.has(`${pid}/root/`) ? files.has(`${pid}/root${path}`) : undefined;
}

/** proc_pid_auxv(5): pairs of a type and a value, each as wide as the process's addresses. */
function readSecure(files: ProcFiles, pid: number, bits: 32 | 64): boolean | undefined {
  const bytes = files.bytes(`${pid}/auxv`, AUXV_BYTES_MAX)?.bytes;
  if (bytes === undefined) return undefined;
  const width = bits / 8;
  for (let at = 0; at + 2 * width <= bytes.length; at += 2 * width) {
    if (bytes.readUInt32LE(at) === AT_SECURE) return bytes.readUInt32LE(at + width) !== 0;
  }
  return undefined;
}
