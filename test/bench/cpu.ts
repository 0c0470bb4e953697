/**
 * CPU time as the kernel accounts it. Invariant: a program's time is that of its whole tree of
 * processes, those included that have ended and were waited for, so that workers, backends and
 * threads count and other programs on the machine do not.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ, which is 100 on every architecture that Linux has kept. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU, user and system, that a process and its descendants have used. */
export function treeCpuSeconds(pid: number): number {
  const stats = readAllStats();
  let ticks = 0;
  for (const member of treeMembers(pid, stats)) {
    ticks += stats.get(member)?.ticks ?? 0;
  }
  return ticks / TICKS_PER_SECOND;
}

/** Resident memory of the largest process of a tree, KiB. */
export function largestResidentKibibytes(pid: number): number {
  return Math.max(...[...treeMembers(pid, readAllStats())].map(residentKibibytes));
}

/** The process and its descendants. */
function treeMembers(pid: number, stats: ReadonlyMap<number, ProcessStat>): Set<number> {
  const members = new Set([pid]);
  // Parents may come after their children in the list: look until nothing is added.
  for (let size = 0; size !== members.size; ) {
    size = members.size;
    for (const [child, stat] of stats) {
      if (members.has(stat.parent)) {
        members.add(child);
      }
    }
  }
  return members;
}

/** Resident memory of a process, KiB. */
export function residentKibibytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
}

interface ProcessStat {
  readonly parent: number;
  /** utime + stime + cutime + cstime of proc(5). */
  readonly ticks: number;
}

function readAllStats(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? readStat(name) : undefined;
    if (stat !== undefined) {
      stats.set(Number(name), stat);
    }
  }
  return stats;
}

function readStat(pid: string): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; what follows is plain.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const times = fields.slice(11, 15).map(Number);
    return { parent: Number(fields[1]), ticks: times.reduce((sum, time) => sum + time, 0) };
  } catch {
    return undefined; // It has just ended.
  }
}
