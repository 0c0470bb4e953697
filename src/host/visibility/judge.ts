/**
 * From what was read of a process to what olly sees of it. Invariant: pure, and what was not read
 * leads to "unknown", never to silence.
 */
import { limits } from "../../limits.ts";
import {
  type BlindSpot,
  type BlindSpotFinding,
  blindSpots,
  decisions,
  type Hooking,
  type ProcessVisibility,
} from "../../model/visibility.ts";
import { baseName } from "../runtime.ts";
import { isOwnLibrary } from "./process-environment.ts";
import { type ProcessLook, RING_PATH } from "./process-look.ts";
import { type TlsLibrary, tlsLibraries } from "./tls-libraries.ts";

/** What is known from elsewhere. */
export interface Surroundings {
  /** It has registered with the agent that asks or is asked. */
  readonly registered: boolean;
  /** The library's own count of seccomp filters that the process asked for. */
  readonly confined: number;
  /** e_machine of the library. */
  readonly machine: number;
  readonly mountNamespace: string | undefined;
  /** Of the process that looks: under a container's filter everything has one. */
  readonly seccompMode: number;
  /** Of the agent that is asked; undefined when there is none. */
  readonly agentSocket: string | undefined;
  /** When the agent started, in clock ticks since boot; undefined when there is none. */
  readonly agentStartTicks: number | undefined;
}

/** Where the library looks for an agent in system-wide mode. */
const SYSTEM_SOCKET = "/var/run/olly/hook.sock";
const QUIET = "quiet since the agent's start, or left alone by a rule";
const SECCOMP_STRICT = 1;
const SECCOMP_FILTER = 2;
/** e_machine by Node's name of the architecture. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const sanitizerRuntime = /^lib(?:a|t|m|l|hwa)san\.so/;
const loader = /^(?:ld-|ld64\.|ld\.so)/;
const muslFile = /^ld-musl-|^libc\.musl-/;
/** Erlang's machine; its ssl application encrypts with what its crypto library offers. */
const erlangMachine = /^beam(?:\.|$)/;
const ERLANG_CRYPTO = "crypto.so";
/** What only Chromium and programs built on it map. */
const chromiumFiles = /^(?:v8_context_snapshot.*\.bin|chrome_100_percent\.pak)$/;

export function machineOf(architecture: string): number {
  return machines[architecture] ?? 0;
}

export function judge(look: ProcessLook, around: Surroundings): ProcessVisibility {
  const names = (look.mappings?.files ?? []).map(({ path }) => baseName(path));
  const seen: Seen = {
    ...{ look, around, names },
    // A file of that name in a 32-bit process is another one.
    isLoaded: around.registered || (look.file?.bits !== 32 && names.some(isOwnLibrary)),
  };
  const findings = [
    ...(seen.isLoaded ? [] : obstacles(seen)),
    ...confinement(seen),
    ...ownWays(seen),
    ...tlsFindings(seen),
    ...unknowns(seen),
  ].sort((first, second) => order.indexOf(first.spot) - order.indexOf(second.spot));
  return {
    ...hookingOf(seen, findings),
    findings: bounded(findings),
    visibleTls: visibleTlsOf(seen),
  };
}

interface Seen {
  readonly look: ProcessLook;
  readonly around: Surroundings;
  /** Of mapped files. */
  readonly names: readonly string[];
  readonly isLoaded: boolean;
}

const order = Object.keys(blindSpots);

function finding(spot: BlindSpot, detail = ""): BlindSpotFinding {
  return { spot, detail: detail.slice(0, limits.findingDetailCharactersMax) };
}

/** Of each spot the first ones; a last one says how many more there are. */
function bounded(findings: readonly BlindSpotFinding[]): BlindSpotFinding[] {
  const seen = new Map<BlindSpot, number>();
  for (const { spot } of findings) seen.set(spot, (seen.get(spot) ?? 0) + 1);
  return [...seen].flatMap(([spot, count]) => {
    const shown = findings.filter((one) => one.spot === spot).slice(0, limits.findingsOfSpotMax);
    const more = count - shown.length;
    return more === 0 ? shown : [...shown, finding(spot, `${more} more`)];
  });
}

function visibleTlsOf({ look, names }: Seen): string[] {
  const own = look.file?.opensTls === true ? [`OpenSSL in ${baseName(look.executable)}`] : [];
  const shared = tlsLibraries.filter(
    (library) =>
      library.visible &&
      names.some((name) => library.file.test(name)) &&
      !isFoundByAddress(look, library),
  );
  return [...own, ...shared.map(({ name }) => name)];
}

/** No file of the process asks the loader for it: what uses it has asked dlsym(). */
function isFoundByAddress({ needed }: ProcessLook, { file }: TlsLibrary): boolean {
  return needed !== undefined && ![...needed].some((name) => file.test(name));
}

function hookingOf(
  { look, around, isLoaded }: Seen,
  findings: readonly BlindSpotFinding[],
): { hooking: Hooking; because: string } {
  if (around.registered) return { hooking: "hooked", because: "" };
  if (look.mappings === undefined) return { hooking: "unknown", because: "" };
  if (!isLoaded) {
    const isImpossible = findings.some(({ spot }) => blindSpots[spot].kind === "whole");
    const early = around.agentStartTicks !== undefined && look.startTicks < around.agentStartTicks;
    const because = early ? "started before olly" : "started without olly";
    return { hooking: "not_hooked", because: isImpossible ? "" : because };
  }
  const { files } = look.mappings;
  if (look.refused === true) return { hooking: "left_alone", because: decisions.rule };
  if (files.some(({ path }) => path === RING_PATH)) {
    if (around.agentSocket !== undefined && around.agentSocket === socketOf(look)) {
      return {
        hooking: "dormant",
        because: QUIET,
      };
    }
    return { hooking: "elsewhere", because: "by another agent, or one that has ended" };
  }
  if (!files.some((one) => one.sharedReadOnly && isControlPage(one.path, look))) {
    return { hooking: "left_alone", because: whyInert(look) };
  }
  const waits = look.tracing === false ? "tracing is off" : "not registered with this agent yet";
  return { hooking: "dormant", because: waits };
}

function isControlPage(path: string, { environment }: ProcessLook): boolean {
  return path === environment?.controlPath || baseName(path) === "control";
}

/** Without a word in its environment, a library preloaded system-wide asks the system's agent. */
function socketOf({ environment }: ProcessLook): string | undefined {
  if (environment === undefined || environment.socketPath !== "") return environment?.socketPath;
  return environment.ownLibrary === "" ? SYSTEM_SOCKET : undefined;
}

function whyInert({ environment, secure }: ProcessLook): string {
  if (environment === undefined) return "";
  if (environment.disabled) return decisions.disabled;
  if (secure === true) return "setuid, setgid or file capabilities";
  if (environment.ownLibrary === "") return "a tool of the system, or no agent of the system yet";
  if (environment.controlPath === "" || environment.socketPath === "") {
    return "OLLY_CONTROL and OLLY_SOCKET are not both set";
  }
  return "it has not mapped its control page";
}

/** Why the library cannot be, or was not, loaded. */
function obstacles({ look, around, names }: Seen): BlindSpotFinding[] {
  const { file, environment, executable } = look;
  const found: BlindSpotFinding[] = [];
  if (file !== undefined) {
    if (file.bits === 32) found.push(finding("other_machine", "32-bit"));
    else if (!file.littleEndian || file.machine !== around.machine) {
      found.push(finding("other_machine", `ELF machine ${file.machine}`));
    }
    const isLoader = loader.test(baseName(executable)) || names.some((name) => loader.test(name));
    if (file.interpreter === "" && !isLoader) found.push(finding("statically_linked"));
  }
  if (look.secure === true) found.push(finding("secure_execution"));
  const wanted = environment?.ownLibrary ?? "";
  const isElsewhere =
    look.mountNamespace !== undefined && look.mountNamespace !== around.mountNamespace;
  if (look.libraryThere === false && (wanted !== "" || isElsewhere)) {
    found.push(finding("other_file_system", wanted));
  }
  if (wanted !== "" && look.mappings?.cut === false && found.length === 0) {
    found.push(finding("preload_failed"));
  }
  return found;
}

function confinement({ look, around, isLoaded }: Seen): BlindSpotFinding[] {
  if (look.seccompMode === SECCOMP_STRICT) return [finding("seccomp", "strict mode")];
  if (around.confined > 0) return [finding("seccomp", "filter")];
  const isSurprise = look.seccompMode === SECCOMP_FILTER && around.seccompMode !== SECCOMP_FILTER;
  if (!isSurprise || around.registered) return [];
  return isLoaded && look.tracing === false ? [] : [finding("unknown_seccomp")];
}

/** What the process does beside the functions of its C library. */
function ownWays({ look, names }: Seen): BlindSpotFinding[] {
  const { file, environment } = look;
  const found: BlindSpotFinding[] = [];
  if (file?.go === true) found.push(finding("go"));
  else for (const path of look.goModules) found.push(finding("go", baseName(path)));
  if (look.descriptors?.ioUring === true) found.push(finding("io_uring"));
  const isMusl =
    /\/ld-musl-/.test(file?.interpreter ?? "") || names.some((name) => muslFile.test(name));
  if (isMusl) found.push(finding("musl_stdio"));
  const runtime = names.find((name) => sanitizerRuntime.test(name)) ?? file?.sanitizer ?? "";
  if (runtime !== "") found.push(finding("sanitizer", runtime));
  const preloads = environment?.otherPreloads ?? [];
  if (preloads.length > 0) found.push(finding("other_preloads", preloads.join(", ")));
  return found;
}

function tlsFindings({ look, names }: Seen): BlindSpotFinding[] {
  const found: BlindSpotFinding[] = [];
  if (names.includes("libjvm.so")) found.push(finding("jvm_tls"));
  const executable = baseName(look.executable);
  if (erlangMachine.test(executable) && names.includes(ERLANG_CRYPTO)) {
    found.push(finding("erlang_tls"));
  }
  const isChromium = names.some((name) => chromiumFiles.test(name));
  if (isChromium) found.push(finding("linked_tls", `BoringSSL in ${executable}`));
  for (const { file, library } of look.linkedTls) {
    if (isChromium && file === executable) continue;
    if (library === undefined) found.push(finding("unknown_module", file));
    else found.push(finding("linked_tls", `${library} in ${file}`));
  }
  for (const library of tlsLibraries) {
    const { name, file, visible } = library;
    if (!names.some((one) => file.test(one))) continue;
    if (!visible) found.push(finding("other_tls", name));
    else if (isFoundByAddress(look, library)) found.push(finding("dlsym_tls", name));
  }
  return found;
}

function unknowns({ look, isLoaded }: Seen): BlindSpotFinding[] {
  const { file, mappings, environment, descriptors } = look;
  const found: BlindSpotFinding[] = [];
  if (file === undefined) found.push(finding("unknown_executable"));
  else if (file.go === undefined) found.push(finding("unknown_executable", "no section table"));
  if (mappings === undefined) found.push(finding("unknown_mappings"));
  else if (mappings.cut || look.modulesCut) found.push(finding("unknown_mappings", "too many"));
  if (environment === undefined) found.push(finding("unknown_environment"));
  else if (environment.cut) found.push(finding("unknown_environment", "too large"));
  if (descriptors === undefined) found.push(finding("unknown_descriptors"));
  else if (descriptors.cut && !descriptors.ioUring) {
    found.push(finding("unknown_descriptors", "too many"));
  }
  if (look.secure === undefined && !isLoaded) found.push(finding("unknown_privileges"));
  return found;
}
