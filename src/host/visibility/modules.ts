/**
 * The files that a process runs code of. Invariant: a file is only looked into when it is the one
 * that is mapped: same inode, or the mapping itself.
 */
import { limits } from "../../limits.ts";
import type { FileFacts, FileKnowledge, LinkedTls } from "./file-facts.ts";
import type { MappedFile, Mappings } from "./mappings.ts";
import type { OpenedFile, ProcFiles } from "./proc-files.ts";
import { isOwnLibrary } from "./process-environment.ts";

export interface Module {
  readonly path: string;
  readonly mapped: MappedFile;
  /** Undefined when it could not be looked into. */
  readonly facts: FileFacts | undefined;
}

export interface Source {
  readonly files: ProcFiles;
  readonly knowledge: FileKnowledge;
  readonly pid: number;
}

/** Where a distribution puts what is linked with its own OpenSSL. */
const distribution = /^\/(?:usr\/)?lib(?:32|64)?\//;
/** Modules that carry a TLS library in most builds, wherever they are. */
const suspects = /^(?:cygrpc|_cygrpc|libnetty_tcnative|libconscrypt|libcurl-impersonate)/;
/** The visible ones, and those whose own code it is. */
const tlsLibraries = /^lib(?:ssl|crypto)[-.\d]/;

/** The shared objects among the mapped files, the first limits.processModulesMax of them. */
export function modulesOf(source: Source, mappings: Mappings | undefined): Module[] {
  const modules: Module[] = [];
  for (const mapped of mappings?.files ?? []) {
    if (modules.length >= limits.processModulesMax) break;
    if (!mapped.executable || !/\.(?:so|node)(?:\.|$)/.test(mapped.path)) continue;
    if (isOwnLibrary(mapped.path)) continue;
    const facts = opened(source, mapped, (file) => source.knowledge.factsOf(file));
    modules.push({ path: mapped.path, mapped, facts });
  }
  return modules;
}

/** The file as the process sees it, or the mapping itself, which only root may open. */
function opened<Result>(
  { files, pid }: Source,
  mapped: MappedFile,
  use: (file: OpenedFile) => Result | undefined,
): Result | undefined {
  const same = (file: OpenedFile) =>
    file.inode === mapped.inode ? { found: use(file) } : undefined;
  const byName = mapped.deleted ? undefined : files.open(`${pid}/root${mapped.path}`, same);
  if (byName !== undefined) return byName.found;
  return files.open(`${pid}/map_files/${mapped.range}`, use);
}

interface Code {
  readonly executable: string;
  readonly file: FileFacts | undefined;
  readonly modules: readonly Module[];
}

/** Files that have a TLS library of their own, or of which that is not known. */
export function linkedTlsByModule(
  source: Source,
  { executable, file, modules }: Code,
): { file: string; library: LinkedTls }[] {
  const { files, knowledge, pid } = source;
  const found: { file: string; library: LinkedTls }[] = [];
  const add = (path: string, library: LinkedTls): void => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (library !== "") found.push({ file: name, library });
  };
  // Go's TLS is Go's; an executable that exports OpenSSL has been recognised by that.
  if (file?.exportsTls === true) add(executable, "OpenSSL");
  else if (file !== undefined && file.go === false) {
    add(executable, files.open(`${pid}/exe`, (one) => ({ is: knowledge.linkedTlsOf(one) }))?.is);
  }
  for (const { path, mapped, facts } of modules) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (facts?.go === true || tlsLibraries.test(name)) continue;
    if (distribution.test(path) && !suspects.test(name)) continue;
    add(path, opened(source, mapped, (one) => ({ is: knowledge.linkedTlsOf(one) }))?.is);
  }
  return found;
}
