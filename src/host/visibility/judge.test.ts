import { describe, expect, test } from "bun:test";
import { limits } from "../../limits.ts";
import { blindSpotText } from "../../model/visibility.ts";
import type { FileFacts } from "./file-facts.ts";
import { judge, type Surroundings } from "./judge.ts";
import { parseMappings } from "./mappings.ts";
import { parseEnvironment } from "./process-environment.ts";
import type { ProcessLook } from "./process-look.ts";

const around: Surroundings = {
  registered: false,
  confined: 0,
  machine: 62,
  mountNamespace: "mnt:[1]",
  seccompMode: 0,
  agentSocket: undefined,
  agentStartTicks: undefined,
};

const file: FileFacts = {
  bits: 64,
  littleEndian: true,
  machine: 62,
  interpreter: "/lib64/ld-linux-x86-64.so.2",
  go: false,
  exportsTls: false,
  opensTls: false,
  sanitizer: "",
  needed: [],
};

const LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6";
const LIBRARY = "/var/cache/olly/libolly-00.so";

function mapped(...paths: string[]) {
  const lines = paths.map((path) => `1000-2000 r-xp 00000000 08:01 7 ${" ".repeat(20)}${path}\n`);
  return parseMappings(lines.join(""), false);
}

function environment(values: Record<string, string>) {
  const entries = Object.entries(values).map(([name, value]) => `${name}=${value}\0`);
  return parseEnvironment(entries.join(""), false);
}

const bare: ProcessLook = {
  pid: 7,
  name: "app",
  uid: 1000,
  startTicks: 500,
  seccompMode: 0,
  executable: "/usr/bin/app",
  file,
  mappings: mapped("/usr/bin/app", LIBC),
  modulesCut: false,
  goModules: [],
  needed: undefined,
  linkedTls: [],
  environment: environment({}),
  descriptors: { ioUring: false, sockets: [], cut: false },
  secure: false,
  mountNamespace: "mnt:[1]",
  tracing: undefined,
  refused: undefined,
  libraryThere: true,
};

function texts(look: Partial<ProcessLook>, more: Partial<Surroundings> = {}): string[] {
  return judge({ ...bare, ...look }, { ...around, ...more }).findings.map(blindSpotText);
}

function state(look: Partial<ProcessLook>, more: Partial<Surroundings> = {}): string {
  const { hooking, because } = judge({ ...bare, ...look }, { ...around, ...more });
  return because === "" ? hooking : `${hooking}: ${because}`;
}

describe("what is not visible", () => {
  const cases: [what: string, look: Partial<ProcessLook>, expected: string[]][] = [
    ["of an ordinary program: nothing", {}, []],
    [
      "a static program",
      { file: { ...file, interpreter: "" }, mappings: mapped("/usr/bin/app") },
      ["statically linked"],
    ],
    [
      "a static Go program",
      { file: { ...file, interpreter: "", go: true }, mappings: mapped("/usr/bin/app") },
      ["statically linked", "Go"],
    ],
    ["a dynamic Go program", { file: { ...file, go: true } }, ["Go"]],
    ["a module of Go's", { goModules: ["/opt/libgo.so"] }, ["Go (libgo.so)"]],
    [
      "a program that its loader was told to run",
      { file: { ...file, interpreter: "" }, executable: "/lib64/ld-linux-x86-64.so.2" },
      [],
    ],
    [
      "a 32-bit program",
      { file: { ...file, bits: 32 } },
      ["32-bit or for another machine (32-bit)"],
    ],
    [
      "a program for aarch64",
      { file: { ...file, machine: 183 } },
      ["32-bit or for another machine (ELF machine 183)"],
    ],
    ["AT_SECURE", { secure: true }, ["setuid, setgid or file capabilities"]],
    ["io_uring", { descriptors: { ioUring: true, sockets: [], cut: false } }, ["io_uring"]],
    ["a JVM", { mappings: mapped("/usr/bin/app", "/opt/java/libjvm.so") }, ["TLS in the JVM"]],
    [
      "mbed TLS and wolfSSL",
      { mappings: mapped("/usr/lib/libmbedtls.so.14", "/usr/lib/libwolfssl.so.42") },
      ["TLS of another library (mbed TLS)", "TLS of another library (wolfSSL)"],
    ],
    [
      "OpenSSL that no file is linked with",
      { mappings: mapped("/usr/lib/libssl.so.3"), needed: new Set(["libc.so.6", "libssh.so"]) },
      ["TLS found by dlsym (OpenSSL)"],
    ],
    [
      "OpenSSL that a file is linked with",
      { mappings: mapped("/usr/lib/libssl.so.3"), needed: new Set(["libssl.so.3"]) },
      [],
    ],
    [
      "OpenSSL, and it is not known what the files are linked with",
      { mappings: mapped("/usr/lib/libssl.so.3"), needed: undefined },
      [],
    ],
    [
      "mbed TLS, which is not visible in any case",
      { mappings: mapped("/usr/lib/libmbedtls.so.14"), needed: new Set() },
      ["TLS of another library (mbed TLS)"],
    ],
    [
      "Erlang with its crypto library",
      {
        executable: "/usr/lib/erlang/erts-13.1.5/bin/beam.smp",
        mappings: mapped("/usr/lib/erlang/lib/crypto-5.1.2/priv/lib/crypto.so"),
      },
      ["TLS in Erlang"],
    ],
    ["Erlang without it", { executable: "/usr/lib/erlang/erts-13.1.5/bin/beam.smp" }, []],
    ["another program with a crypto.so", { mappings: mapped("/usr/lib/ruby/crypto.so") }, []],
    [
      "BoringSSL in a module",
      { linkedTls: [{ file: "cygrpc.so", library: "BoringSSL" }] },
      ["TLS linked in (BoringSSL in cygrpc.so)"],
    ],
    [
      "Chromium, too large to be searched",
      {
        executable: "/opt/slack/slack",
        mappings: mapped("/opt/slack/slack", "/opt/slack/v8_context_snapshot.bin"),
        linkedTls: [{ file: "slack", library: undefined }],
      },
      ["TLS linked in (BoringSSL in slack)"],
    ],
    [
      "a module that was not searched whole",
      { linkedTls: [{ file: "large.so", library: undefined }] },
      ["module not searched whole (large.so)"],
    ],
    ["musl", { file: { ...file, interpreter: "/lib/ld-musl-x86_64.so.1" } }, ["stdio of musl"]],
    [
      "AddressSanitizer as a library",
      { mappings: mapped("/usr/lib/libasan.so.8") },
      ["sanitizer (libasan.so.8)"],
    ],
    [
      "a sanitizer linked in",
      { file: { ...file, sanitizer: "ThreadSanitizer" } },
      ["sanitizer (ThreadSanitizer)"],
    ],
    ["seccomp's strict mode", { seccompMode: 1 }, ["seccomp (strict mode)"]],
    [
      "other preloaded libraries",
      { environment: environment({ LD_PRELOAD: "/usr/lib/libjemalloc.so.2 libfoo.so" }) },
      ["other preloaded libraries (/usr/lib/libjemalloc.so.2, libfoo.so)"],
    ],
    [
      "a container without the library",
      { mountNamespace: "mnt:[2]", libraryThere: false },
      ["library not in its file system"],
    ],
    ["a container with it", { mountNamespace: "mnt:[2]" }, []],
    [
      "a library that was to be loaded and is not there",
      { environment: environment({ LD_PRELOAD: LIBRARY }), libraryThere: false },
      [`library not in its file system (${LIBRARY})`],
    ],
    [
      "a library that was to be loaded and is there",
      { environment: environment({ LD_PRELOAD: LIBRARY }) },
      ["preloading failed"],
    ],
  ];
  test.each(cases)("%s", (_, look, expected) => {
    expect(texts(look)).toEqual(expected);
  });

  test("of node: its TLS is visible where it exports OpenSSL's functions", () => {
    const executable = "/usr/bin/node";
    const open = { executable, file: { ...file, exportsTls: true, opensTls: true } };
    expect(texts(open)).toEqual([]);
    expect(judge({ ...bare, ...open }, around).visibleTls).toEqual(["OpenSSL in node"]);
    const linkedTls = [{ file: "node", library: "OpenSSL" as const }];
    const closed = { executable, file: { ...file, exportsTls: true }, linkedTls };
    expect(texts(closed)).toEqual(["TLS linked in (OpenSSL in node)"]);
    expect(judge({ ...bare, ...closed }, around).visibleTls).toEqual([]);
  });

  test("of a process that is hooked: nothing that would have kept the library out", () => {
    const look = { file: { ...file, interpreter: "", go: true }, secure: true };
    expect(texts(look, { registered: true })).toEqual(["Go"]);
    const emulated = { file: { ...file, machine: 183 }, mappings: mapped(LIBRARY) };
    expect(texts(emulated)).toEqual([]);
    const small = { file: { ...file, bits: 32 as const }, mappings: mapped(LIBRARY) };
    expect(texts(small)).toEqual(["32-bit or for another machine (32-bit)"]);
  });

  test("after a process has confined itself", () => {
    const filtered = { seccompMode: 2 };
    expect(texts(filtered, { registered: true, confined: 1 })).toEqual(["seccomp (filter)"]);
    expect(texts(filtered, { registered: true })).toEqual([]);
    expect(texts(filtered)).toEqual(["seccomp filter"]);
    // In a container everybody has a filter, who looks as well.
    expect(texts(filtered, { seccompMode: 2 })).toEqual([]);
  });
});

describe("what cannot be read is unknown", () => {
  const cases: [what: string, look: Partial<ProcessLook>, expected: string[]][] = [
    ["the executable", { file: undefined }, ["executable not understood"]],
    [
      "its section table",
      { file: { ...file, go: undefined } },
      ["executable not understood (no section table)"],
    ],
    ["mapped files", { mappings: undefined }, ["mapped files not readable"]],
    [
      "all mapped files",
      { mappings: parseMappings("", true) },
      ["mapped files not readable (too many)"],
    ],
    ["all shared objects", { modulesCut: true }, ["mapped files not readable (too many)"]],
    ["the environment", { environment: undefined }, ["environment not readable"]],
    [
      "all of the environment",
      { environment: parseEnvironment("", true) },
      ["environment not readable (too large)"],
    ],
    ["descriptors", { descriptors: undefined }, ["descriptors not readable"]],
    [
      "all descriptors",
      { descriptors: { ioUring: false, sockets: [], cut: true } },
      ["descriptors not readable (too many)"],
    ],
    ["AT_SECURE", { secure: undefined }, ["privileges not readable"]],
  ];
  test.each(cases)("%s", (_, look, expected) => {
    expect(texts(look)).toEqual(expected);
  });
});

describe("whether a process is hooked", () => {
  const ring = "/memfd:olly-ring (deleted)";
  const control = `3000-4000 r--s 00000000 08:01 9 ${" ".repeat(20)}/run/olly/control\n`;
  const waiting = parseMappings(
    `1000-2000 r-xp 00000000 08:01 7 ${" ".repeat(20)}${LIBRARY}\n${control}`,
    false,
  );
  const told = { OLLY_CONTROL: "/run/olly/control", OLLY_SOCKET: "/run/olly/hook.sock" };
  const asking = { ...told, LD_PRELOAD: LIBRARY };
  const cases: [expected: string, look: Partial<ProcessLook>, more?: Partial<Surroundings>][] = [
    ["hooked", {}, { registered: true }],
    ["not_hooked: started without olly", {}],
    ["not_hooked: started before olly", {}, { agentStartTicks: 501 }],
    ["not_hooked: started without olly", {}, { agentStartTicks: 499 }],
    ["not_hooked", { secure: true }],
    ["unknown", { mappings: undefined }],
    [
      "elsewhere: by another agent, or one that has ended",
      { mappings: mapped(LIBRARY, ring), environment: environment(told) },
    ],
    [
      "dormant: tracing is off",
      { mappings: waiting, tracing: false, environment: environment(told) },
    ],
    [
      "dormant: not registered with this agent yet",
      { mappings: waiting, tracing: true, environment: environment(told) },
    ],
    [
      "dormant: quiet since the agent's start, or left alone by a rule",
      { mappings: mapped(LIBRARY, ring), environment: environment(asking) },
      { agentSocket: "/run/olly/hook.sock" },
    ],
    [
      "dormant: quiet since the agent's start, or left alone by a rule",
      { mappings: mapped(LIBRARY, ring) },
      { agentSocket: "/var/run/olly/hook.sock" },
    ],
    [
      "left_alone: a rule of hook.processes",
      { mappings: mapped(LIBRARY, ring), environment: environment(asking), refused: true },
    ],
    [
      "left_alone: OLLY_DISABLED=1",
      { mappings: mapped(LIBRARY), environment: environment({ ...asking, OLLY_DISABLED: "1" }) },
    ],
    [
      "left_alone: OLLY_CONTROL and OLLY_SOCKET are not both set",
      { mappings: mapped(LIBRARY), environment: environment({ LD_PRELOAD: LIBRARY }) },
    ],
    [
      "left_alone: it has not mapped its control page",
      { mappings: mapped(LIBRARY), environment: environment(asking) },
    ],
    [
      "left_alone: setuid, setgid or file capabilities",
      { mappings: mapped(LIBRARY), secure: true },
    ],
    [
      "left_alone: a tool of the system, or no agent of the system yet",
      { mappings: mapped(LIBRARY) },
    ],
    ["left_alone", { mappings: mapped(LIBRARY), environment: undefined }],
  ];
  test.each(cases)("%s", (expected, look, more = {}) => {
    expect(state(look, more)).toBe(expected);
  });

  test("TLS of hooked libraries is visible, under whatever name a package gives them", () => {
    const visible = (name: string) =>
      judge({ ...bare, mappings: mapped(`/opt/${name}`) }, around).visibleTls;
    expect(visible("libssl.so.3")).toEqual(["OpenSSL"]);
    expect(visible("libssl-81ffa89e.so.1.1")).toEqual(["OpenSSL"]);
    expect(visible("libssl3.so")).toEqual(["NSS"]);
    expect(visible("libgnutls.so.30")).toEqual(["GnuTLS"]);
    expect(visible("libsslutil.so")).toEqual([]);
  });

  test("TLS that is found by dlsym is not said to be visible", () => {
    const mappings = mapped("/opt/libssl.so.3", "/opt/libgnutls.so.30");
    const needed = new Set(["libgnutls.so.30"]);
    expect(judge({ ...bare, mappings, needed }, around).visibleTls).toEqual(["GnuTLS"]);
  });
});

test("what is said of one process is bounded, and what is left out is counted", () => {
  const goModules = Array.from({ length: limits.processModulesMax }, (_, index) => `/${index}.so`);
  const long = "/".padEnd(limits.processFileBytesMax, "x");
  const shown = texts({ goModules, environment: environment({ LD_PRELOAD: long }) });
  expect(shown).toHaveLength(limits.findingsOfSpotMax + 2);
  expect(shown.slice(0, 2)).toEqual(["Go (0.so)", "Go (1.so)"]);
  const left = limits.processModulesMax - limits.findingsOfSpotMax;
  expect(shown[limits.findingsOfSpotMax]).toBe(`Go (${left} more)`);
  expect(shown.at(-1)?.length).toBeLessThan(limits.findingDetailCharactersMax + 100);
});
