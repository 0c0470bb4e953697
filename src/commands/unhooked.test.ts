/** A crafted /proc with processes that were started under an agent, and others. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_SOCKET_PATH } from "../config/paths.ts";
import { buildElf } from "../host/visibility/test-elf.ts";
import type { AgentStatus } from "../self/status.ts";
import { unhookedProcesses } from "./unhooked.ts";

const root = mkdtempSync(join(tmpdir(), "olly-unhooked-"));
const LIBRARY = "/opt/olly/libolly.so";
const SOCKET = "/run/shop/hook.sock";
const LISTENING = 4711;
const AT_SECURE = 23;

beforeAll(() => {
  buildElf(root, "static", { flags: ["-static"] });
  buildElf(root, "dynamic");
}, 60_000);
afterAll(() => rmSync(root, { recursive: true }));

interface Crafted {
  readonly pid: number;
  readonly uid?: number;
  readonly executable?: "static" | "dynamic";
  readonly environ?: string;
  readonly mapped?: string;
  readonly socket?: number;
}

let roots = 0;
function craft(processes: readonly Crafted[]): string {
  const proc = join(root, `proc${roots++}`);
  for (const made of [...processes, { pid: 0 }]) {
    const own = join(proc, made.pid === 0 ? "self" : `${made.pid}`);
    for (const name of ["fd", "ns", "net"]) mkdirSync(join(own, name), { recursive: true });
    const fields = Array.from({ length: 50 }, () => "0");
    writeFileSync(join(own, "stat"), `${made.pid} (app) S ${fields.join(" ")}`);
    const uid = made.uid ?? 1000;
    writeFileSync(join(own, "status"), `Uid:\t${uid}\t0\t0\t0\nFDSize:\t64\nSeccomp:\t0\n`);
    const file = join(root, made.executable ?? "static");
    writeFileSync(join(own, "maps"), `1-2 r-xp 0 08:01 5 ${made.mapped ?? file}\n`);
    writeFileSync(join(own, "environ"), made.environ ?? "");
    writeFileSync(join(own, "auxv"), Buffer.from([AT_SECURE, ...Array(15).fill(0)]));
    symlinkSync(file, join(own, "exe"));
    symlinkSync("/", join(own, "root"));
    symlinkSync("mnt:[1]", join(own, "ns/mnt"));
    symlinkSync("net:[1]", join(own, "ns/net"));
    const line = `0: 0 0 0A 0 0 0 0 0 ${LISTENING}`;
    writeFileSync(join(own, "net/tcp"), `header\n${line}\n`);
    if (made.socket !== undefined) symlinkSync(`socket:[${made.socket}]`, join(own, "fd/3"));
  }
  return proc;
}

function statusOf(socketPath: string, registered: readonly number[]): AgentStatus {
  return {
    ...{ version: "1", pid: 999, startedAt: "", active: true, socketPath, leftAlone: {} },
    processes: registered.map((pid) => ({
      ...{ pid, service: "", executable: "", messages: 0, spans: 0, logs: 0, drops: {} },
      notVisible: undefined,
    })),
    ...{ messages: {}, spans: 0, logs: 0, drops: {}, notVisible: {}, exporters: [] },
  };
}

const told = `OLLY_SOCKET=${SOCKET}\0`;

async function pidsFor(processes: readonly Crafted[], uid = 0): Promise<number[]> {
  const found = await unhookedProcesses({
    ...{ status: statusOf(SOCKET, [4]), uid, systemPreloads: [], procRoot: craft(processes) },
  });
  return found.map(({ pid }) => pid);
}

test("whose environment names this agent, and which is not hooked", async () => {
  const procRoot = craft([
    { pid: 1, environ: told },
    { pid: 2, environ: `${told}LD_PRELOAD=${LIBRARY}\0`, executable: "dynamic" },
    { pid: 3, environ: "OLLY_SOCKET=/run/other/hook.sock\0" },
    { pid: 4, environ: told },
    { pid: 5, environ: told, mapped: LIBRARY, executable: "dynamic" },
    { pid: 6, environ: `${told}OLLY_DISABLED=1\0` },
    { pid: 7 },
  ]);
  const status = statusOf(SOCKET, [4]);
  const found = await unhookedProcesses({ status, uid: 0, systemPreloads: [], procRoot });
  expect(found.map(({ pid, notVisible }) => [pid, ...notVisible.map(({ spot }) => spot)])).toEqual([
    [1, "statically_linked"],
    [2, "other_file_system"],
  ]);
  expect(found[0]?.executable).toBe(join(root, "static"));
});

test("of this user only, but for root", async () => {
  const processes = [
    { pid: 1, environ: told, uid: 1000 },
    { pid: 2, environ: told, uid: 1001 },
  ];
  expect(await pidsFor(processes, 1000)).toEqual([1]);
  expect(await pidsFor(processes, 0)).toEqual([1, 2]);
});

test("system-wide: every one that has a connection", async () => {
  const procRoot = craft([
    { pid: 1, socket: LISTENING },
    { pid: 2, socket: LISTENING + 1 },
    { pid: 3, socket: LISTENING, mapped: LIBRARY, executable: "dynamic" },
  ]);
  const pids = async (socketPath: string, systemPreloads: readonly string[]) => {
    const status = statusOf(socketPath, []);
    const found = await unhookedProcesses({ status, uid: 0, systemPreloads, procRoot });
    return found.map(({ pid }) => pid);
  };
  expect(await pids(SYSTEM_SOCKET_PATH, [LIBRARY])).toEqual([1]);
  expect(await pids(SYSTEM_SOCKET_PATH, ["/usr/lib/libother.so"])).toEqual([]);
  expect(await pids(SOCKET, [LIBRARY])).toEqual([]);
});
