/**
 * Which sockets listen or are connected, network by network. Invariant: a network's table is read
 * once, and a socket of a table that is too long to be read whole counts as connected.
 */
import { limits } from "../../limits.ts";
import type { ProcFiles } from "./proc-files.ts";

const ESTABLISHED = "01";
const LISTEN = "0A";
const tables = ["tcp", "tcp6"] as const;

interface Network {
  readonly inodes: ReadonlySet<number>;
  readonly cut: boolean;
}

export class ConnectedSockets {
  readonly #files: ProcFiles;
  readonly #networks = new Map<string, Network>();

  constructor(files: ProcFiles) {
    this.#files = files;
  }

  /** One of the process's sockets is a TCP socket that listens or is connected. */
  hasOne(pid: number, sockets: readonly number[]): boolean {
    if (sockets.length === 0) return false;
    const name = this.#files.link(`${pid}/ns/net`) ?? String(pid);
    let network = this.#networks.get(name);
    if (network === undefined) {
      network = this.#read(pid);
      this.#networks.set(name, network);
    }
    const { inodes, cut } = network;
    return cut || sockets.some((inode) => inodes.has(inode));
  }

  #read(pid: number): Network {
    const inodes = new Set<number>();
    let cut = false;
    for (const table of tables) {
      const read = this.#files.bytes(`${pid}/net/${table}`, limits.socketTableBytesMax);
      if (read === undefined) continue;
      cut ||= read.cut;
      for (const inode of connectedInodes(read.bytes.toString("latin1"))) inodes.add(inode);
    }
    return { inodes, cut };
  }
}

/** proc_pid_net(5): number, local and remote address, state, …, inode as the tenth field. */
export function connectedInodes(table: string): number[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const isConnected = fields[3] === ESTABLISHED || fields[3] === LISTEN;
      return isConnected && fields[9] !== undefined ? [Number(fields[9])] : [];
    });
}
