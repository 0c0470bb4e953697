/** What the doctor has found on this host. Invariant: plain data; checks judge nothing else. */
import type { ObservedProcess } from "../../host/visibility/observer.ts";
import type { AgentStatus } from "../../self/status.ts";

export interface DoctorFacts {
  readonly host: HostFacts;
  readonly agent: AgentFacts;
  readonly processes: ProcessesFacts;
}

export interface HostFacts {
  readonly uid: number;
  /** As uname -r says it. */
  readonly kernel: string;
  /** Datagrams that may wait in a Unix socket; undefined when it cannot be read. */
  readonly datagramQueue: number | undefined;
  /** Why no memfd can be made; undefined when it can. */
  readonly memfdProblem: string | undefined;
  /** Candidates for the library's directory, the best first. */
  readonly libraryDirectories: readonly DirectoryFacts[];
  /** Loader of this host's own programs; undefined when it cannot be told. */
  readonly loader: string | undefined;
  /** Entries of /etc/ld.so.preload. */
  readonly systemPreloads: readonly { readonly path: string; readonly exists: boolean }[];
}

export interface DirectoryFacts {
  readonly path: string;
  /** Why programs could not load a library from it; undefined when they can. */
  readonly problem: string | undefined;
}

export interface AgentFacts {
  /** The directory was named with --socket-dir or OLLY_SOCKET. */
  readonly asked: boolean;
  readonly directories: readonly string[];
  /** Of the agent that answers. */
  readonly status: AgentStatus | undefined;
  /** Of its directory, or of the first one that exists. */
  readonly place: AgentPlace | undefined;
}

/** What programs need of an agent. */
export interface AgentPlace {
  readonly directory: string;
  /** It belongs to this user or to root. */
  readonly trusted: boolean;
  /** Why the hook socket, or the control page, cannot be used; undefined when it can. */
  readonly socketProblem: string | undefined;
  readonly controlProblem: string | undefined;
}

export interface ProcessFacts extends ObservedProcess {
  /** It was asked for by --pid. */
  readonly asked: boolean;
  /** The agent with which it has registered is not the one above. */
  readonly otherAgent: string | undefined;
}

export interface ProcessesFacts {
  readonly looked: readonly ProcessFacts[];
  /** Processes of other users, which only root may look at. */
  readonly otherUsers: number;
  /** Processes that were looked at and left out, because they hold no connection. */
  readonly unconnected: number;
  /** There are more processes than are looked at. */
  readonly cut: boolean;
}
