/**
 * The two ends of TCP connections on this host, where both were seen from the beginning: how much
 * each of them has written, by what was delivered of it. More than that cannot have been read, so a
 * read that says so came before the message of its write, whose thread was not scheduled in time.
 * Invariant: an end whose writes are not all seen is waited for once, not for each of its writes.
 */
import type { SocketAddress, Transport } from "../model/connection.ts";

/** One end's account. */
export interface End {
  readonly processId: number;
  written: number;
  read: number;
  /** Where the other end can be waited for. */
  other: End | undefined;
}

interface Begun {
  readonly transport: Transport;
  readonly midstream: boolean;
  readonly local: SocketAddress | undefined;
  readonly remote: SocketAddress | undefined;
  readonly end: End;
}

export function newEnd(processId: number): End {
  return { processId, written: 0, read: 0, other: undefined };
}

export class Ends {
  /** Those whose other end has not been seen yet. */
  readonly #alone = new Map<string, End>();
  /** Processes that write in ways that are not seen, as far as it is known. */
  readonly #silent = new Set<number>();

  get size(): number {
    return this.#alone.size;
  }

  begun(connection: Begun): void {
    const { local, remote, end } = connection;
    if (connection.transport !== "tcp" || connection.midstream) return;
    if (local === undefined || remote === undefined) return;
    const other = this.#alone.get(keyOf(remote, local));
    if (other === undefined) {
      this.#alone.set(keyOf(local, remote), end);
      return;
    }
    this.#alone.delete(keyOf(remote, local));
    end.other = other;
    other.other = end;
  }

  /** Its account is no longer true, or final: nothing is waited for. */
  over({ local, remote, end }: Begun): void {
    if (end.other !== undefined) end.other.other = undefined;
    end.other = undefined;
    if (this.#alone.size === 0 || local === undefined || remote === undefined) return;
    const key = keyOf(local, remote);
    if (this.#alone.get(key) === end) this.#alone.delete(key);
  }

  processEnded(processId: number): void {
    this.#silent.delete(processId);
  }

  /** More would have been read than was written. */
  isEarly({ other, read }: End, bytes: number): boolean {
    return (
      other !== undefined && read + bytes > other.written && !this.#silent.has(other.processId)
    );
  }

  hasRead(end: End, bytes: number): void {
    end.read += bytes;
    const { other } = end;
    if (other !== undefined && end.read > other.written) this.#silent.add(other.processId);
  }

  hasWritten(end: End, bytes: number): void {
    const { other, written } = end;
    end.written += bytes;
    // It was only late.
    if (other !== undefined && other.read > written && other.read <= end.written) {
      this.#silent.delete(end.processId);
    }
  }
}

function keyOf(own: SocketAddress, other: SocketAddress): string {
  return `${own.address} ${own.port} ${other.address} ${other.port}`;
}
