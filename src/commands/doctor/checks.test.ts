import { describe, expect, test } from "bun:test";
import { parseEnvironment } from "../../host/visibility/process-environment.ts";
import type { ProcessVisibility } from "../../model/visibility.ts";
import type { AgentStatus } from "../../self/status.ts";
import type { Check } from "./check.ts";
import { agentPlace } from "./checks/agent-place.ts";
import { agentRunning } from "./checks/agent-running.ts";
import { cLibrary } from "./checks/c-library.ts";
import { datagramQueue } from "./checks/datagram-queue.ts";
import { drops } from "./checks/drops.ts";
import { exporters } from "./checks/exporters.ts";
import { kernel } from "./checks/kernel.ts";
import { libraryDirectory } from "./checks/library-directory.ts";
import { memoryFile } from "./checks/memory-file.ts";
import { processes } from "./checks/processes.ts";
import { systemPreload } from "./checks/system-preload.ts";
import { checks } from "./checks.ts";
import type { AgentFacts, DoctorFacts, HostFacts, ProcessesFacts, ProcessFacts } from "./facts.ts";
import { findingsAsJson, isHealthy, renderFindings, runChecks } from "./report.ts";

const host: HostFacts = {
  uid: 1000,
  kernel: "6.1.0-18-amd64",
  datagramQueue: 512,
  memfdProblem: undefined,
  libraryDirectories: [{ path: "/home/a/.cache/olly", problem: undefined }],
  loader: "/lib64/ld-linux-x86-64.so.2",
  systemPreloads: [],
};

const status: AgentStatus = {
  version: "1.2.3",
  pid: 42,
  startedAt: "2023-11-14T22:13:20.000Z",
  active: true,
  socketPath: "/s/hook.sock",
  processes: [],
  messages: {},
  spans: 0,
  logs: 0,
  drops: {},
  leftAlone: {},
  notVisible: {},
  exporters: [],
};

const agent: AgentFacts = {
  asked: false,
  directories: ["/s"],
  status,
  place: { directory: "/s", trusted: true, socketProblem: undefined, controlProblem: undefined },
};

const none: ProcessesFacts = { looked: [], otherUsers: 0, unconnected: 0, cut: false };
const healthy: DoctorFacts = { host, agent, processes: none };

function levels(check: Check, facts: DoctorFacts): string[] {
  return check.run(facts).map(({ level }) => level);
}

describe("the host", () => {
  const cases: [what: string, check: Check, facts: Partial<HostFacts>, levels: string[]][] = [
    ["a usual kernel", kernel, {}, ["ok"]],
    ["a kernel without MADV_WIPEONFORK", kernel, { kernel: "4.13.0" }, ["note"]],
    ["the first one with it", kernel, { kernel: "4.14.0" }, ["ok"]],
    ["a kernel without a number", kernel, { kernel: "?" }, ["unknown"]],
    ["glibc", cLibrary, {}, ["ok"]],
    ["musl", cLibrary, { loader: "/lib/ld-musl-x86_64.so.1" }, ["note"]],
    ["a static shell", cLibrary, { loader: "" }, ["note"]],
    ["no shell", cLibrary, { loader: undefined }, ["unknown"]],
    ["a directory for the library", libraryDirectory, {}, ["ok"]],
    [
      "a second one",
      libraryDirectory,
      {
        libraryDirectories: [
          { path: "/a", problem: "mounted noexec" },
          { path: "/b", problem: undefined },
        ],
      },
      ["ok"],
    ],
    [
      "no directory",
      libraryDirectory,
      { libraryDirectories: [{ path: "/a", problem: "mounted noexec" }] },
      ["wrong"],
    ],
    ["memfd", memoryFile, {}, ["ok"]],
    ["no memfd", memoryFile, { memfdProblem: "errno 1" }, ["note"]],
    ["a long datagram queue", datagramQueue, {}, ["ok"]],
    ["a short one", datagramQueue, { datagramQueue: 10 }, ["note"]],
    ["a short one, for root", datagramQueue, { datagramQueue: 10, uid: 0 }, ["ok"]],
    ["a hidden one", datagramQueue, { datagramQueue: undefined }, ["unknown"]],
    ["no system-wide preload", systemPreload, {}, []],
    [
      "two system-wide preloads, one of which is gone",
      systemPreload,
      {
        systemPreloads: [
          { path: "/a.so", exists: true },
          { path: "/b.so", exists: false },
        ],
      },
      ["note", "wrong"],
    ],
  ];
  test.each(cases)("%s", (_, check, facts, expected) => {
    expect(levels(check, { ...healthy, host: { ...host, ...facts } })).toEqual(expected);
  });
});

describe("the agent", () => {
  const place = agent.place;
  if (place === undefined) throw new Error("no place");
  const exporter: AgentStatus["exporters"][number] = {
    name: "otlp",
    state: "ok",
    lastError: undefined,
    queued: 0,
    exportedSpans: 0,
    exportedLogs: 0,
    failedSpans: 0,
    failedLogs: 0,
  };
  const cases: [what: string, check: Check, facts: Partial<AgentFacts>, levels: string[]][] = [
    ["runs", agentRunning, {}, ["ok"]],
    ["is dormant", agentRunning, { status: { ...status, active: false } }, ["note"]],
    ["does not run", agentRunning, { status: undefined }, ["note"]],
    ["was asked for and does not run", agentRunning, { status: undefined, asked: true }, ["wrong"]],
    ["can be reached", agentPlace, {}, ["ok"]],
    ["has no directory", agentPlace, { place: undefined, status: undefined }, []],
    ["has left its directory", agentPlace, { status: undefined }, []],
    ["is another user's", agentPlace, { place: { ...place, trusted: false } }, ["wrong"]],
    [
      "has lost its socket and its control page",
      agentPlace,
      { place: { ...place, socketProblem: "gone", controlProblem: "gone" } },
      ["wrong", "wrong"],
    ],
    [
      "delivers, tries again, fails",
      exporters,
      {
        status: {
          ...status,
          exporters: [
            exporter,
            { ...exporter, state: "retrying", lastError: "refused" },
            { ...exporter, state: "failed" },
          ],
        },
      },
      ["ok", "wrong", "wrong"],
    ],
    ["has dropped nothing", drops, {}, ["ok"]],
    ["has dropped", drops, { status: { ...status, drops: { ring_full: 3 } } }, ["note"]],
    ["is not there to ask for drops", drops, { status: undefined }, []],
  ];
  test.each(cases)("%s", (_, check, facts, expected) => {
    expect(levels(check, { ...healthy, agent: { ...agent, ...facts } })).toEqual(expected);
  });
});

const look: ProcessFacts["look"] = {
  pid: 7,
  name: "app",
  uid: 1000,
  startTicks: 1,
  seccompMode: 0,
  executable: "/usr/bin/app",
  file: undefined,
  mappings: undefined,
  modulesCut: false,
  goModules: [],
  needed: undefined,
  linkedTls: [],
  environment: undefined,
  descriptors: undefined,
  secure: false,
  mountNamespace: undefined,
  tracing: undefined,
  refused: undefined,
  libraryThere: undefined,
};

function seen(visibility: Partial<ProcessVisibility>, more: Partial<ProcessFacts> = {}) {
  const whole = { hooking: "hooked", because: "", findings: [], visibleTls: [] } as const;
  const facts: ProcessFacts = {
    ...{ look, asked: false, otherAgent: undefined },
    ...more,
    visibility: { ...whole, ...visibility },
  };
  return facts;
}

const jvm = { spot: "jvm_tls", detail: "" } as const;
const unknown = { spot: "unknown_environment", detail: "" } as const;
const note = { spot: "other_preloads", detail: "/a.so" } as const;

describe("a process", () => {
  const environment = parseEnvironment("LD_PRELOAD=/a/libolly.so", false);
  const hooked = { ...look, environment };
  const RULE = "a rule of hook.processes";
  const cases: [level: string, what: string, facts: ProcessFacts][] = [
    ["ok", "hooked and visible", seen({})],
    ["ok", "hooked, with a note", seen({ findings: [note] })],
    ["wrong", "hooked, a part not visible", seen({ findings: [jvm] })],
    ["unknown", "hooked, a part not known", seen({ findings: [unknown] })],
    ["note", "not hooked, and nobody asked", seen({ hooking: "not_hooked", findings: [jvm] })],
    ["wrong", "not hooked, and asked for", seen({ hooking: "not_hooked" }, { asked: true })],
    ["note", "dormant", seen({ hooking: "dormant" })],
    ["note", "switched off", seen({ hooking: "left_alone", because: "OLLY_DISABLED=1" })],
    [
      "wrong",
      "inert, though its LD_PRELOAD asks",
      seen({ hooking: "left_alone" }, { look: hooked }),
    ],
    ["note", "inert, under a system-wide preload", seen({ hooking: "left_alone" })],
    [
      "note",
      "left alone by a rule",
      seen({ hooking: "left_alone", because: RULE }, { look: hooked }),
    ],
    ["wrong", "left by its agent", seen({ hooking: "elsewhere" })],
    ["unknown", "unreadable", seen({ hooking: "unknown", findings: [unknown] })],
    ["wrong", "unreadable, and asked for", seen({ hooking: "unknown" }, { asked: true })],
  ];
  test.each(cases)("%s: %s", (level, _, facts) => {
    expect(levels(processes, { ...healthy, processes: { ...none, looked: [facts] } })).toEqual([
      level,
    ]);
  });

  test("that could not be looked at, or was left out, is said", () => {
    const facts = { ...none, otherUsers: 3, unconnected: 2, cut: true };
    expect(levels(processes, { ...healthy, processes: facts })).toEqual([
      "unknown",
      "note",
      "unknown",
    ]);
  });
});

describe("the report", () => {
  const looked = [seen({ findings: [jvm, note] }, { look: { ...look, name: "a\u001b[31m" } })];
  const sick = runChecks([agentRunning, processes], {
    ...healthy,
    processes: { ...none, looked },
  });

  test("is healthy when every check is, and unknown is no fault", () => {
    const facts = { ...healthy, processes: { ...none, otherUsers: 1 } };
    expect(isHealthy(runChecks(checks, facts))).toBe(true);
    expect(renderFindings(runChecks(checks, facts))).toEndWith("\n\nnothing is wrong\n");
    expect(isHealthy(sick)).toBe(false);
  });

  test("has a line for each finding, and no control characters of others", () => {
    expect(renderFindings(sick)).toBe(
      [
        "agent",
        "  ok       olly 1.2.3 runs as process 42, tracing is on",
        "",
        "processes",
        "  wrong    7 a\\x1b[31m: hooked",
        "             not visible: TLS in the JVM: JSSE encrypts inside the JVM; plain sockets are visible. Fix: terminate TLS in front of it",
        "             note: other preloaded libraries (/a.so): they may replace the same functions. Fix: start it without them if something is missing",
        "",
        "1 wrong",
        "",
      ].join("\n"),
    );
  });

  test("has no control characters of an environment in a fix", () => {
    const environment = parseEnvironment("OLLY_SOCKET=/tmp/\u001b[2J\u009b1m/s", false);
    const left = seen({ hooking: "elsewhere" }, { look: { ...look, environment } });
    const facts = { ...healthy, processes: { ...none, looked: [left] } };
    expect(renderFindings(runChecks([processes], facts))).toContain(
      "start an agent with hook.socket_path: /tmp/\\x1b[2J\\x9b1m/s\n",
    );
  });

  test("is whole as JSON", () => {
    const { ok, findings } = JSON.parse(findingsAsJson(sick));
    expect(ok).toBe(false);
    expect(findings[0]).toEqual({
      ...{ check: "agent", section: "agent", level: "ok" },
      text: "olly 1.2.3 runs as process 42, tracing is on",
    });
    expect(findings[1].process.notVisible[0]).toEqual({
      ...{ spot: "jvm_tls", detail: "", kind: "part", text: "TLS in the JVM" },
      meaning: "JSSE encrypts inside the JVM; plain sockets are visible",
      fix: "terminate TLS in front of it",
    });
  });
});
