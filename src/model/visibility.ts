/**
 * What olly does not see of a process, in words. Invariant: status, doctor and the documentation
 * say these words and no others; what could not be found out is said to be unknown.
 */

/**
 * whole: the library cannot get in, or is silent. part: something of it is not visible. unknown: it
 * could not be found out. note: worth knowing, nothing is lost.
 */
export type BlindSpotKind = "whole" | "part" | "unknown" | "note";

interface BlindSpotText {
  readonly kind: BlindSpotKind;
  readonly title: string;
  readonly meaning: string;
  readonly fix: string;
}

const TERMINATE_IN_FRONT = "terminate TLS in front of it";

export const blindSpots = {
  statically_linked: {
    kind: "whole",
    title: "statically linked",
    meaning: "no loader runs that could preload the library",
    fix: "link it dynamically",
  },
  other_machine: {
    kind: "whole",
    title: "32-bit or for another machine",
    meaning: "the 64-bit library of this machine cannot be loaded into it",
    fix: "use a 64-bit build for this machine",
  },
  secure_execution: {
    kind: "whole",
    title: "setuid, setgid or file capabilities",
    meaning: "the loader ignores LD_PRELOAD",
    fix: "start it without them; systemd's AmbientCapabilities= do no harm",
  },
  other_file_system: {
    kind: "whole",
    title: "library not in its file system",
    meaning: "it is in a mount namespace (a container) that lacks the library's path",
    fix: "mount the library's and the agent's directory into it",
  },
  preload_failed: {
    kind: "whole",
    title: "preloading failed",
    meaning: "its LD_PRELOAD names the library, yet the library is not loaded",
    fix: "start it with LD_DEBUG=libs, which says why",
  },
  seccomp: {
    kind: "whole",
    title: "seccomp",
    meaning: "the library is quiet in a process that confines itself",
    fix: "start it without its filter to see it",
  },
  go: {
    kind: "part",
    title: "Go",
    meaning: "Go makes its system calls by itself; only calls through cgo are visible",
    fix: "instrument it in its source",
  },
  io_uring: {
    kind: "part",
    title: "io_uring",
    meaning: "what moves through io_uring passes no function of the C library",
    fix: "switch io_uring off in the program",
  },
  jvm_tls: {
    kind: "part",
    title: "TLS in the JVM",
    meaning: "JSSE encrypts inside the JVM; plain sockets are visible",
    fix: TERMINATE_IN_FRONT,
  },
  erlang_tls: {
    kind: "part",
    title: "TLS in Erlang",
    meaning: "Erlang's ssl encrypts inside its virtual machine; plain sockets are visible",
    fix: TERMINATE_IN_FRONT,
  },
  linked_tls: {
    kind: "part",
    title: "TLS linked in",
    meaning: "a TLS library is part of one of its files: only ciphertext is visible",
    fix: `use a build with the system's OpenSSL, or ${TERMINATE_IN_FRONT}`,
  },
  other_tls: {
    kind: "part",
    title: "TLS of another library",
    meaning: "a library that olly does not hook is loaded: only its ciphertext is visible",
    fix: `use a build with the system's OpenSSL, or ${TERMINATE_IN_FRONT}`,
  },
  dlsym_tls: {
    kind: "part",
    title: "TLS found by dlsym",
    meaning:
      "no file of it is linked with the TLS library: its functions are called by address (.NET)",
    fix: `use a build that is linked with the library, or ${TERMINATE_IN_FRONT}`,
  },
  musl_stdio: {
    kind: "part",
    title: "stdio of musl",
    meaning:
      "files that fopen() opens and dprintf() are not captured; stdout, stderr and write() are",
    fix: "log to stdout or stderr, or use a build for glibc",
  },
  unknown_executable: {
    kind: "unknown",
    title: "executable not understood",
    meaning: "its file could not be read, or is no well-formed ELF file",
    fix: "run olly doctor as root",
  },
  unknown_mappings: {
    kind: "unknown",
    title: "mapped files not readable",
    meaning: "which libraries it has loaded is not known",
    fix: "run olly doctor as root",
  },
  unknown_environment: {
    kind: "unknown",
    title: "environment not readable",
    meaning: "what it was told by LD_PRELOAD and OLLY_* is not known",
    fix: "run olly doctor as root",
  },
  unknown_descriptors: {
    kind: "unknown",
    title: "descriptors not readable",
    meaning: "whether it uses io_uring is not known",
    fix: "run olly doctor as root",
  },
  unknown_privileges: {
    kind: "unknown",
    title: "privileges not readable",
    meaning: "whether its loader ignores LD_PRELOAD is not known",
    fix: "run olly doctor as root",
  },
  unknown_seccomp: {
    kind: "unknown",
    title: "seccomp filter",
    meaning: "whether its filter lets the library register is not known",
    fix: "restart it under olly, and olly status shows whether it registers",
  },
  unknown_ended_early: {
    kind: "unknown",
    title: "ended early",
    meaning: "it ended before the agent had looked at it",
    fix: "none",
  },
  unknown_module: {
    kind: "unknown",
    title: "module not searched whole",
    meaning: "whether TLS is linked into this file is not known",
    fix: "none is needed if it does no TLS",
  },
  sanitizer: {
    kind: "note",
    title: "sanitizer",
    meaning: "AddressSanitizer ends a program in which another library is preloaded before its own",
    fix: "put the sanitizer's runtime first in LD_PRELOAD",
  },
  other_preloads: {
    kind: "note",
    title: "other preloaded libraries",
    meaning: "they may replace the same functions",
    fix: "start it without them if something is missing",
  },
} as const satisfies Readonly<Record<string, BlindSpotText>>;

export type BlindSpot = keyof typeof blindSpots;

/** One thing that is not visible of one process. */
export interface BlindSpotFinding {
  readonly spot: BlindSpot;
  /** Which file, library or mode; empty where the title says all. */
  readonly detail: string;
}

/**
 * hooked: it has registered with this agent. elsewhere: with another one, or one that has ended.
 * dormant: the library waits for tracing. left_alone: the library is loaded and inert. not_hooked:
 * the library is not loaded. unknown: it could not be found out.
 */
export type Hooking = "hooked" | "elsewhere" | "dormant" | "left_alone" | "not_hooked" | "unknown";

/** Why a library that is loaded is inert, where somebody has decided so. */
export const decisions = {
  disabled: "OLLY_DISABLED=1",
  rule: "a rule of hook.processes",
} as const;

export interface ProcessVisibility {
  readonly hooking: Hooking;
  /** Why, where more is known than the word says; else empty. */
  readonly because: string;
  readonly findings: readonly BlindSpotFinding[];
  /** Libraries whose TLS is visible when the process is hooked. */
  readonly visibleTls: readonly string[];
}

/** "Go", "TLS linked in (BoringSSL in cygrpc.so)". */
export function blindSpotText(finding: BlindSpotFinding): string {
  const { title } = blindSpots[finding.spot];
  return finding.detail === "" ? title : `${title} (${finding.detail})`;
}

/** Something is not visible, or it is not known whether it is. */
export function isGap({ spot }: BlindSpotFinding): boolean {
  return blindSpots[spot].kind !== "note";
}
