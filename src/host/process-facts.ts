/** What /proc says of one process. Invariant: what cannot be read is undefined, never guessed. */
import type { HostFiles } from "./process-files.ts";

export interface ProcessFacts {
  /** Clock ticks from the kernel's start to the process's (proc(5), stat field 22). */
  readonly startTicks: number | undefined;
  /** Effective user: a name, or the number where it has none. */
  readonly owner: string | undefined;
  readonly containerId: string | undefined;
}

export function readProcessFacts(pid: number, files: HostFiles): ProcessFacts {
  return {
    startTicks: startTicksOf(files.text(`/proc/${pid}/stat`) ?? ""),
    owner: ownerOf(pid, files),
    containerId: containerIdOf(files.text(`/proc/${pid}/cgroup`) ?? ""),
  };
}

/** The name in parentheses may itself hold spaces and parentheses: count from the last one. */
export function startTicksOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields[19]; // field 22, with pid and name before
  return ticks !== undefined && /^\d+$/.test(ticks) ? Number(ticks) : undefined;
}

function ownerOf(pid: number, files: HostFiles): string | undefined {
  const uid = effectiveUidOf(pid, files);
  return uid === undefined ? undefined : (userNameOf(uid, files) ?? uid);
}

/** The effective user; `uid` where the process has ended. */
export function userOf(
  pid: number,
  uid: number,
  files: HostFiles,
): { readonly uid: string; readonly name: string | undefined } {
  const effective = effectiveUidOf(pid, files) ?? String(uid);
  return { uid: effective, name: userNameOf(effective, files) };
}

function effectiveUidOf(pid: number, files: HostFiles): string | undefined {
  return /^Uid:\s+\d+\s+(\d+)/m.exec(files.text(`/proc/${pid}/status`) ?? "")?.[1];
}

/** Whether /etc/passwd has a user of this name; users of a directory service are not in it. */
export function isLocalUser(name: string, files: HostFiles): boolean {
  return (files.text("/etc/passwd") ?? "").split("\n").some((line) => line.startsWith(`${name}:`));
}

function userNameOf(uid: string, files: HostFiles): string | undefined {
  for (const line of (files.text("/etc/passwd") ?? "").split("\n")) {
    const [name, , number] = line.split(":");
    if (number === uid && name !== undefined && name !== "") return name;
  }
  return undefined;
}

/**
 * 64 hexadecimal digits that make up a path's last part, with a runtime's prefix or ".scope"
 * around them: docker, containerd, CRI-O and podman all name their control groups so.
 */
export function containerIdOf(cgroup: string): string | undefined {
  for (const line of cgroup.split("\n")) {
    const last = line.slice(line.lastIndexOf("/") + 1);
    const match = /(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$/.exec(last);
    if (match?.[1] !== undefined) return match[1];
  }
  return undefined;
}
