/**
 * Processes without a ring whose messages nobody wants: they go on coming until the process has
 * read the control page. Invariant: a pid that another process has taken over is not refused.
 */
import { limits } from "../limits.ts";
import { startTimeOf } from "./process-files.ts";

interface Refused {
  readonly startTime: string | undefined;
  checkedNs: number;
}

export class RefusedSenders {
  readonly #byPid = new Map<number, Refused>();

  /** The oldest one is forgotten when there are too many: its next message is judged again. */
  add(pid: number, nowNs: number): void {
    if (this.#byPid.size >= limits.processesMax) {
      for (const oldest of this.#byPid.keys()) {
        this.#byPid.delete(oldest);
        break;
      }
    }
    this.#byPid.set(pid, { startTime: startTimeOf(pid), checkedNs: nowNs });
  }

  has(pid: number, nowNs: number): boolean {
    const refused = this.#byPid.get(pid);
    if (refused === undefined) return false;
    if (nowNs - refused.checkedNs < limits.processCheckNs) return true;
    refused.checkedNs = nowNs;
    const startTime = startTimeOf(pid);
    // One that has ended has sent what comes now before its end.
    if (startTime === undefined || startTime === refused.startTime) return true;
    this.#byPid.delete(pid);
    return false;
  }

  delete(pid: number): void {
    this.#byPid.delete(pid);
  }
}
