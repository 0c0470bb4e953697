/**
 * The files that a process runs code of. Invariant: a file is only looked into when it is the one
 * that is mapped: same inode, or the mapping itself.
 */
import { limits } from "../../limits.ts";
import { baseName } from "../runtime.ts";
import type { FileFacts, FileKnowledge, LinkedTls } from "./file-facts.ts";
import type { MappedFile, Mappings } from "./mappings.ts";
import type { OpenedFile, ProcFiles } from "./proc-files.ts";
import { isOwnLibrary } from "./process-environment.ts";

/** What is known of one of a process's files. */
export interface Module {
  readonly path: string;
  /** Undefined when it could not be looked into. */
  readonly facts: FileFacts | undefined;
  readonly linkedTls: LinkedTls;
}

export interface Source {
  readonly files: ProcFiles;
  readonly knowledge: FileKnowledge;
  readonly pid: number;
  /** Modules of other processes of the same moment: the same file needs no second opening. */
  readonly modules: Map<string, Module>;
}

/** Where a distribution puts what is linked with its own OpenSSL. */
const distribution = /^\/(?:usr\/)?lib(?:32|64)?\//;
/** Modules that carry a TLS library in most builds, wherever they are. */
const suspects = /^(?:cygrpc|_cygrpc|libnetty_tcnative|libconscrypt|libcurl-impersonate)/;
/** The visible ones, and those whose own code it is. */
const tlsLibraries = /^lib(?:ssl|crypto)[-.\d]/;

/** The shared objects among mapped files, ours left out. */
export function sharedObjectsOf(mappings: Mappings | undefined): MappedFile[] {
  return (mappings?.files ?? []).filter(
    ({ executable, path }) =>
      executable && /\.(?:so|node)(?:\.|$)/.test(path) && !isOwnLibrary(path),
  );
}

/** The first limits.processModulesMax of them, looked into. */
export function modulesOf(source: Source, objects: readonly MappedFile[]): Module[] {
  return objects.slice(0, limits.processModulesMax).map((mapped) => {
    const key = `${mapped.device} ${mapped.inode} ${mapped.path}`;
    const known = source.modules.get(key);
    if (known !== undefined) return known;
    const module = moduleOf(source, mapped);
    if (source.modules.size < limits.elfFilesMax) source.modules.set(key, module);
    return module;
  });
}

function moduleOf(source: Source, mapped: MappedFile): Module {
  const { knowledge } = source;
  const { path } = mapped;
  const name = baseName(path);
  const isSearched = !tlsLibraries.test(name) && (suspects.test(name) || !distribution.test(path));
  const found = opened(source, mapped, (file) => {
    const facts = knowledge.factsOf(file);
    // Go's TLS is Go's.
    const linkedTls = isSearched && facts?.go !== true ? knowledge.linkedTlsOf(file) : "";
    return { facts, linkedTls };
  });
  return { path, ...(found ?? { facts: undefined, linkedTls: isSearched ? undefined : "" }) };
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

/** What is known of an executable's file. */
export function executableOf(
  knowledge: FileKnowledge,
  file: OpenedFile,
): Pick<Module, "facts" | "linkedTls"> {
  const facts = knowledge.factsOf(file);
  // Exporting OpenSSL's functions says it all; Go's TLS is Go's.
  if (facts?.opensTls === true) return { facts, linkedTls: "" };
  if (facts?.exportsTls === true) return { facts, linkedTls: "OpenSSL" };
  return { facts, linkedTls: facts?.go === false ? knowledge.linkedTlsOf(file) : "" };
}
