/**
 * CPython's own tests of what the library stands in front of: hooked, each has the outcome that it
 * has bare.
 *
 * In the short form one pair of runs decides, of tests that do not depend on when things happen.
 * The long form runs whole modules, and the suite has tests that fail now and then in any process.
 * So it decides by one rule for every test: it fails what differs in each of PAIRS pairs of runs;
 * what differs in fewer is printed. No pair is run that cannot change the verdict any more.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { stopAll } from "../harness/processes.ts";
import { longForm } from "./compare.ts";
import { countOf, differences, lastWords, type Pair, runPair, type Selection } from "./cpython.ts";
import { expectTraced } from "./traced.ts";
import { Turns } from "./turns.ts";

const PAIRS = 3;
/** Modules at once: most of their time they wait. */
const turns = new Turns(longForm ? 1 : 3);
const SETUP_MS = 300_000;
/** These talk to the host of a virtual machine, and wait for it for ever. */
const HOST = "VSOCK";
/** Tests that wait for a time to pass, or race with one. */
const TIMED = `${HOST}|(?i:timeout|interrupt|timer|_dead|_repeated_call|stress|wait_threads|_killed)`;
/** Only to end what hangs: many times what is needed. */
const SHORT_SECONDS = 400;
const LONG_SECONDS = 1_500;

interface Module {
  readonly name: string;
  /** Default: the module. */
  readonly tests?: readonly string[];
  /** Fewer tests that pass mean that the selection is not what it was. */
  readonly passes: number;
  /** Both ends of HTTP exchanges are to be seen. */
  readonly hasExchanges?: boolean;
}

const classes = (module: string, names: readonly string[]): string[] =>
  names.map((name) => `${module}.${name}`);

const SHORT: readonly Module[] = [
  { name: "test_socket", passes: 400 },
  { name: "test_ssl", passes: 80 },
  { name: "test_subprocess", passes: 150 },
  { name: "test_os", passes: 150 },
  { name: "test_socketserver", passes: 15 },
  { name: "test_httpservers", passes: 40, hasExchanges: true },
  { name: "test_httplib", passes: 90 },
  { name: "test_select", passes: 3 },
  { name: "test_selectors", passes: 20 },
  { name: "test_poll", passes: 3 },
  { name: "test_epoll", passes: 8 },
  {
    name: "test_signal",
    tests: classes("test_signal", ["PosixTests", "WakeupFDTests", "PendingSignalsTests"]),
    passes: 15,
  },
  {
    name: "test_asyncio",
    tests: [
      ...["test_sock_lowlevel", "test_server", "test_streams", "test_buffered_proto"],
      ...["test_unix_events", "test_subprocess", "test_sendfile"],
    ].map((name) => `test_asyncio.${name}`),
    passes: 150,
  },
  { name: "test_threading", tests: ["test_threading.ThreadTests"], passes: 20 },
  {
    name: "test_multiprocessing_fork",
    tests: classes("test_multiprocessing_fork", [
      ...["WithProcessesTestConnection", "WithProcessesTestListenerClient"],
      ...["WithProcessesTestValue", "WithThreadsTestQueue", "WithManagerTestQueue"],
    ]),
    passes: 10,
  },
];

const LONG: readonly Module[] = [
  ...["socket", "ssl", "subprocess", "os", "signal", "threading"].map(whole),
  ...["socketserver", "httpservers", "httplib", "select", "selectors", "poll", "epoll"].map(whole),
  ...["fork", "forkserver", "spawn", "main_handling"].map((name) =>
    whole(`multiprocessing_${name}`),
  ),
  ...[
    ...["base_events", "buffered_proto", "events", "futures", "locks", "pep492", "protocols"],
    ...["queues", "runners", "selector_events", "sendfile", "server", "sock_lowlevel", "ssl"],
    ...["sslproto", "streams", "subprocess", "taskgroups", "tasks", "threads", "timeouts"],
    ...["transports", "unix_events", "waitfor"],
  ].map((name) => whole(`asyncio.test_${name}`)),
  ...["posix", "fcntl", "io", "fileio", "pty", "popen", "eintr", "concurrent_futures"].map(whole),
  ...["ftplib", "poplib", "smtplib", "imaplib", "xmlrpc", "urllib2_localnet", "wsgiref"].map(whole),
];

function whole(name: string): Module {
  return { name: `test_${name}`, passes: 1 };
}

let agent: TestAgent;
beforeAll(async () => {
  agent = await startAgent();
}, SETUP_MS);
afterAll(stopAll, SETUP_MS);

function selectionOf({ name, tests }: Module): Selection {
  const [leftOut, secondsMax] = longForm ? [HOST, LONG_SECONDS] : [TIMED, SHORT_SECONDS];
  return { name: `cpython ${name}`, tests: tests ?? [name], leftOut, secondsMax };
}

function told(module: Module, { bare, hooked }: Pair): string {
  const kinds = ["ok", "skip", "fail", "error"];
  const counts = (run: Pair["bare"]) => kinds.map((kind) => `${countOf(run, kind)} ${kind}`);
  return `${module.name}: bare ${counts(bare).join(", ")}; hooked ${counts(hooked).join(", ")}`;
}

/** What differs in every one of `pairs` pairs. */
async function verdict(module: Module, pairs: number): Promise<Map<string, string>> {
  let left: Map<string, string> | undefined;
  for (let pair = 1; pair <= pairs && left?.size !== 0; pair++) {
    const both = await runPair(agent, selectionOf(module));
    const found = differences(both);
    console.info(`${told(module, both)}; pair ${pair} differs in ${found.size}`);
    for (const [id, outcomes] of found) {
      console.info(`  ${id}: ${outcomes}`);
    }
    if (found.has("exit code")) {
      console.info(lastWords(both.hooked));
    }
    expect(countOf(both.bare, "ok"), lastWords(both.bare)).toBeGreaterThanOrEqual(module.passes);
    const before: Map<string, string> = left ?? found;
    left = new Map([...found].filter(([id]) => before.has(id)));
  }
  return left ?? new Map();
}

async function compare(module: Module): Promise<void> {
  const left = await turns.run(() => verdict(module, longForm ? PAIRS : 1));
  expect(Object.fromEntries(left)).toEqual({});
  await expectTraced(agent, selectionOf(module).name, {
    executables: ["python3"],
    hasExchanges: module.hasExchanges ?? false,
  });
}

describe("CPython's tests have the same outcomes hooked and bare", () => {
  // A test's time begins before its turn.
  const timeoutMs = longForm ? LONG.length * PAIRS * LONG_SECONDS * 1000 : 2 * SHORT_SECONDS * 1000;
  for (const module of longForm ? LONG : SHORT) {
    test.concurrent(module.name, () => compare(module), timeoutMs);
  }
});
