/** A server's own processes and users. */
import { globSync, readFileSync } from "node:fs";
import { output } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

export const asRoot = process.getuid?.() === 0;

/** The last by name: a Debian package puts its version into the path. */
export function newestOf(pattern: string): string {
  const found = globSync(pattern).sort().at(-1);
  if (found === undefined) {
    throw new Error(`${pattern} is missing: sh test/require.sh`);
  }
  return found;
}

/** Put before a program that refuses root; for everybody else nothing. */
export async function asUser(name: string): Promise<string[]> {
  if (!asRoot) {
    return [];
  }
  const { uid, gid } = await idsOf(name);
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
}

export async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([output(["id", "-u", name]), output(["id", "-g", name])]);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Those that its main thread started and that still run. */
export function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
  return list.split(" ").filter(Boolean).map(Number);
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    process.kill(pid, "SIGKILL");
  }
}

/** Waits until all children are others than before, and as many. */
export async function expectReplaced(pid: number, replace: () => void): Promise<void> {
  const before = childrenOf(pid);
  replace();
  await waitFor(
    () => {
      const now = childrenOf(pid);
      return now.length === before.length && now.every((child) => !before.includes(child));
    },
    {
      what: `new workers instead of ${before}`,
      withinMs: 120_000,
      seen: () => String(childrenOf(pid)),
    },
  );
}
