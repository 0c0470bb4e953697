/** Looks at the processes of this host, as far as this user may. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { libraryDirectories } from "../../hook/embedded-library.ts";
import { ConnectedSockets } from "../../host/visibility/connected-sockets.ts";
import { Observer } from "../../host/visibility/observer.ts";
import { ProcFiles } from "../../host/visibility/proc-files.ts";
import { readBasics } from "../../host/visibility/process-look.ts";
import { SetupError } from "../../lib/setup-error.ts";
import { limits } from "../../limits.ts";
import type { AgentStatus } from "../../self/status.ts";
import type { CommandContext } from "../command.ts";
import { findAgent } from "../find-agent.ts";
import type { ProcessesFacts, ProcessFacts } from "./facts.ts";

export interface ProcessesRequest {
  /** The one process that is asked for. */
  readonly pid: number | undefined;
  /** Processes without a connection, too. */
  readonly all: boolean;
  readonly status: AgentStatus | undefined;
  /** /proc; another directory in tests. */
  readonly procRoot?: string;
}

/** Agents of single programs (olly run) that are asked whether a process is theirs. */
const OTHER_AGENTS_MAX = 32;

/** @throws SetupError when the process that is asked for does not exist. */
export async function gatherProcesses(
  request: ProcessesRequest,
  context: CommandContext,
): Promise<ProcessesFacts> {
  const survey = new Survey(request, context);
  const facts = survey.run();
  const looked = await survey.withOtherAgents(facts.looked);
  return { ...facts, looked };
}

class Survey {
  readonly #request: ProcessesRequest;
  readonly #context: CommandContext;
  readonly #observer: Observer;
  readonly #connected: ConnectedSockets;
  /** By pid: filters that the process asked for. */
  readonly #registered: ReadonlyMap<number, number>;

  constructor(request: ProcessesRequest, context: CommandContext) {
    this.#request = request;
    this.#context = context;
    const root = request.procRoot;
    const directories = libraryDirectories(context.uid, context.environment);
    const directory = directories.find((path) => existsSync(path)) ?? "";
    this.#observer = new Observer({
      libraryPath: directory,
      agent: agentOf(request),
      oneMoment: true,
      ...(root === undefined ? {} : { procRoot: root }),
    });
    this.#connected = new ConnectedSockets(this.#observer.files);
    this.#registered = registrationsOf(request.status);
  }

  run(): ProcessesFacts {
    const { pid } = this.#request;
    if (pid !== undefined) return this.#one(pid);
    const names = this.#observer.files.names("") ?? [];
    const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
    const looked: ProcessFacts[] = [];
    let otherUsers = 0;
    let unconnected = 0;
    const own = new Set([process.pid, this.#request.status?.pid]);
    for (const each of pids.slice(0, limits.doctorProcessesMax)) {
      const found = own.has(each) ? undefined : this.#lookAt(each);
      if (found === "other user") otherUsers++;
      if (typeof found !== "object") continue;
      if (this.#isOfInterest(found)) looked.push(found);
      else unconnected++;
    }
    return { looked, otherUsers, unconnected, cut: pids.length > limits.doctorProcessesMax };
  }

  /** Processes of agents of their own, as those agents know them. */
  async withOtherAgents(looked: readonly ProcessFacts[]): Promise<ProcessFacts[]> {
    const agents = new Map<string, ReadonlyMap<number, number>>();
    const result: ProcessFacts[] = [];
    for (const process of looked) {
      const path = process.look.environment?.socketPath ?? "";
      const isTheirs = process.visibility.hooking === "elsewhere" && path.startsWith("/");
      if (isTheirs && !agents.has(path) && agents.size < OTHER_AGENTS_MAX) {
        const found = await findAgent([path], this.#context.uid);
        agents.set(path, registrationsOf(found?.status));
      }
      const confined = isTheirs ? agents.get(path)?.get(process.look.pid) : undefined;
      result.push(confined === undefined ? process : this.#again(process, confined, dirname(path)));
    }
    return result;
  }

  #one(pid: number): ProcessesFacts {
    const found = this.#lookAt(pid);
    if (typeof found !== "object") {
      throw new SetupError(
        found === "other user"
          ? `process ${pid} belongs to another user: run olly doctor as root`
          : `there is no process ${pid}`,
      );
    }
    return { looked: [found], otherUsers: 0, unconnected: 0, cut: false };
  }

  #lookAt(pid: number): ProcessFacts | "other user" | undefined {
    const { uid } = this.#context;
    const basics = this.#observer.basics(pid);
    if (basics === undefined) return undefined;
    if (uid !== 0 && basics.uid !== uid) return "other user";
    const confined = this.#registered.get(pid);
    const registration = { registered: confined !== undefined, confined: confined ?? 0 };
    const observed = this.#observer.observe(pid, registration);
    if (observed === undefined) return undefined;
    return { ...observed, asked: this.#request.pid !== undefined, otherAgent: undefined };
  }

  #again(process: ProcessFacts, confined: number, directory: string): ProcessFacts {
    const observed = this.#observer.observe(process.look.pid, { registered: true, confined });
    return observed === undefined ? process : { ...process, ...observed, otherAgent: directory };
  }

  #isOfInterest({ look, visibility }: ProcessFacts): boolean {
    if (this.#request.all || visibility.hooking === "hooked") return true;
    if ((look.environment?.ownLibrary ?? "") !== "") return true;
    // Whose descriptors are hidden may hold a connection.
    if (look.descriptors === undefined || look.descriptors.cut) return true;
    return this.#connected.hasOne(look.pid, look.descriptors.sockets);
  }
}

/** The agent as an Observer wants to know it; undefined when there is none, or it has ended. */
export function agentOf({
  status,
  procRoot,
}: {
  readonly status: AgentStatus | undefined;
  readonly procRoot?: string;
}): { readonly socket: string; readonly startTicks: number } | undefined {
  if (status === undefined) return undefined;
  const basics = readBasics(new ProcFiles(procRoot), status.pid);
  const startTicks = basics?.startTicks;
  return startTicks === undefined ? undefined : { socket: status.socketPath, startTicks };
}

function registrationsOf(status: AgentStatus | undefined): ReadonlyMap<number, number> {
  const processes = status?.processes ?? [];
  return new Map(processes.map((one) => [one.pid, one.drops["process_confined"] ?? 0]));
}
