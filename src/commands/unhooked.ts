/**
 * Programs that were started under an agent and are not hooked: into a static one the library
 * cannot get, and it never registers. Invariant: of this user's processes, or of all for root; one
 * that has merely not come that far yet is not among them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SYSTEM_SOCKET_PATH } from "../config/paths.ts";
import { ConnectedSockets } from "../host/visibility/connected-sockets.ts";
import { type ObservedProcess, Observer } from "../host/visibility/observer.ts";
import { isOwnLibrary, parseEnvironment } from "../host/visibility/process-environment.ts";
import { limits } from "../limits.ts";
import type { BlindSpotFinding } from "../model/visibility.ts";
import type { AgentStatus } from "../self/status.ts";
import { agentOf } from "./doctor/gather-processes.ts";

export interface UnhookedProcess {
  readonly pid: number;
  readonly executable: string;
  /** Why, where `notVisible` does not say it; else empty. */
  readonly because: string;
  readonly notVisible: readonly BlindSpotFinding[];
}

export interface UnhookedRequest {
  readonly status: AgentStatus;
  readonly uid: number;
  /** Entries of /etc/ld.so.preload: with the library among them, every program is the agent's. */
  readonly systemPreloads: readonly string[];
  /** /proc; another directory in tests. */
  readonly procRoot?: string;
}

/** Between execve and the constructor of the library a program looks like one without it. */
const SECOND_LOOK_MS = 200;

export async function unhookedProcesses(request: UnhookedRequest): Promise<UnhookedProcess[]> {
  const survey = new Survey(request);
  const first = survey.pids().filter((pid) => survey.unhooked(pid) !== undefined);
  if (first.length === 0) return [];
  await sleep(SECOND_LOOK_MS);
  return first.flatMap((pid) => {
    const found = survey.unhooked(pid);
    if (found === undefined) return [];
    const { look, visibility } = found;
    const { because, findings } = visibility;
    return [{ pid, executable: look.executable, because, notVisible: findings }];
  });
}

class Survey {
  readonly #request: UnhookedRequest;
  readonly #observer: Observer;
  readonly #left: ReadonlySet<number>;
  /** Sockets of this host, where every program that holds one is the agent's. */
  readonly #connected: ConnectedSockets | undefined;

  constructor(request: UnhookedRequest) {
    this.#request = request;
    const { status, systemPreloads, procRoot } = request;
    const library = systemPreloads.find(isOwnLibrary);
    this.#observer = new Observer({
      libraryPath: library ?? "",
      agent: agentOf(request),
      oneMoment: false,
      ...(procRoot === undefined ? {} : { procRoot }),
    });
    this.#left = new Set([process.pid, status.pid, ...status.processes.map(({ pid }) => pid)]);
    const isSystemWide = library !== undefined && status.socketPath === SYSTEM_SOCKET_PATH;
    this.#connected = isSystemWide ? new ConnectedSockets(this.#observer.files) : undefined;
  }

  pids(): number[] {
    const names = this.#observer.files.names("") ?? [];
    const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
    const looked = pids.slice(0, limits.doctorProcessesMax).filter((pid) => !this.#left.has(pid));
    return looked.sort((first, second) => first - second);
  }

  /** Undefined for what is hooked, left alone, another agent's or nobody's, or has ended. */
  unhooked(pid: number): ObservedProcess | undefined {
    if (!this.#isTold(pid) && this.#connected === undefined) return undefined;
    const basics = this.#observer.basics(pid);
    const { uid } = this.#request;
    if (basics === undefined || (uid !== 0 && basics.uid !== uid)) return undefined;
    const observed = this.#observer.observe(pid, { registered: false, confined: 0 });
    if (observed?.visibility.hooking !== "not_hooked") return undefined;
    return this.#isTold(pid) || this.#isConnected(observed) ? observed : undefined;
  }

  /** Its environment names the agent's socket. */
  #isTold(pid: number): boolean {
    const read = this.#observer.files.bytes(`${pid}/environ`, limits.processFileBytesMax);
    if (read === undefined) return false;
    const { socketPath, disabled } = parseEnvironment(read.bytes.toString("utf8"), read.cut);
    return socketPath === this.#request.status.socketPath && !disabled;
  }

  #isConnected({ look }: ObservedProcess): boolean {
    const sockets = look.descriptors?.sockets ?? [];
    return this.#connected?.hasOne(look.pid, sockets) === true;
  }
}
