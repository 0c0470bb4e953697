/** Looks at processes of this host and judges them: what the agent and the doctor share. */
import type { ProcessVisibility } from "../../model/visibility.ts";
import { FileKnowledge } from "./file-facts.ts";
import { judge, machineOf } from "./judge.ts";
import type { Module } from "./modules.ts";
import { ProcFiles } from "./proc-files.ts";
import { lookAt, type ProcessBasics, type ProcessLook, readBasics } from "./process-look.ts";

export interface ObserverOptions {
  /** Where the library is for programs whose LD_PRELOAD does not say it; "" when not known. */
  readonly libraryPath: string;
  /** The agent that is asked, if there is one: its socket, and its start in ticks since boot. */
  readonly agent: { readonly socket: string; readonly startTicks: number } | undefined;
  /** Every look is of the same moment: files are not asked again whether they have changed. */
  readonly oneMoment: boolean;
  /** Called again and again while files are searched, which can take a tenth of a second. */
  readonly between?: () => void;
  /** /proc; another directory in tests. */
  readonly procRoot?: string;
}

export interface ObservedProcess {
  readonly look: ProcessLook;
  readonly visibility: ProcessVisibility;
}

export interface Registration {
  readonly registered: boolean;
  /** The library's own count of seccomp filters. */
  readonly confined: number;
}

export class Observer {
  readonly files: ProcFiles;
  readonly #knowledge: FileKnowledge;
  readonly #modules = new Map<string, Module>();
  readonly #options: ObserverOptions;
  readonly #own: { readonly mountNamespace: string | undefined; readonly seccompMode: number };

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#knowledge = new FileKnowledge(options.between);
    this.files = new ProcFiles(options.procRoot);
    const self = this.basics("self");
    this.#own = {
      mountNamespace: this.files.link("self/ns/mnt"),
      seccompMode: self?.seccompMode ?? 0,
    };
  }

  /** Undefined for what has ended and for the kernel's threads. */
  basics(pid: number | "self"): ProcessBasics | undefined {
    return readBasics(this.files, pid);
  }

  /** Undefined when the process has ended. */
  observe(pid: number, registration: Registration): ObservedProcess | undefined {
    const basics = this.basics(pid);
    if (basics === undefined) return undefined;
    if (!this.#options.oneMoment) this.#modules.clear();
    this.#knowledge.nextLook();
    const source = {
      files: this.files,
      knowledge: this.#knowledge,
      modules: this.#modules,
      pid,
    };
    const look = lookAt(source, basics, this.#options.libraryPath);
    if (look === undefined) return undefined;
    const visibility = judge(look, {
      ...registration,
      ...this.#own,
      machine: machineOf(process.arch),
      agentSocket: this.#options.agent?.socket,
      agentStartTicks: this.#options.agent?.startTicks,
    });
    return { look, visibility };
  }
}
