/**
 * Which name a process used for an address it connects to. Invariants: a name is stated only when
 * it is certain: it is the only one that led to the address of late, or the connecting thread has
 * just looked it up and nobody asked for another one since the last connection; addresses, those of
 * one process and the names of each are bounded (limits.lookup*). A forked child knows none of its
 * parent's.
 */
import { limits } from "../limits.ts";
import type { Lookup } from "../model/lookup.ts";
import type { Drops } from "../self/drops.ts";

interface Answer {
  /** When each name last led to the address; CLOCK_MONOTONIC ns. */
  readonly names: Map<string, number>;
  last: string;
  lastTid: number;
  /** Several names were looked up since the last connection: whose is the next one? */
  contested: boolean;
  connected: boolean;
}

/** A moment on a thread. */
interface Caller {
  readonly tid: number;
  readonly timeNs: number;
}

export class Lookups {
  readonly #byProcess = new Map<number, Map<string, Answer>>();
  readonly #drops: Drops;
  #size = 0;

  constructor(drops: Drops) {
    this.#drops = drops;
  }

  /** Addresses that are kept. */
  get size(): number {
    return this.#size;
  }

  /** caller.timeNs: when the lookup began. */
  add(processId: number, { name, addresses, durationNs }: Lookup, caller: Caller): void {
    if (name === "") return;
    const timeNs = caller.timeNs + durationNs;
    for (const address of addresses) {
      this.#addAnswer(processId, address, name, { tid: caller.tid, timeNs });
    }
  }

  /** The name behind the address that the thread connects to now; an address is no name. */
  nameOf(processId: number, address: string, { tid, timeNs }: Caller): string | undefined {
    const answer = this.#byProcess.get(processId)?.get(address);
    if (answer === undefined) return undefined;
    for (const [name, lastNs] of answer.names) {
      if (timeNs - lastNs > limits.lookupNsMax) answer.names.delete(name);
    }
    answer.connected = true;
    const alone = answer.names.size === 1;
    const ownLast = answer.names.has(answer.last) && answer.lastTid === tid && !answer.contested;
    if (!alone && !ownLast) return undefined;
    const [name = ""] = alone ? answer.names.keys() : [answer.last];
    return isLiteral(name) ? undefined : name;
  }

  processEnded(processId: number): void {
    this.#size -= this.#byProcess.get(processId)?.size ?? 0;
    this.#byProcess.delete(processId);
  }

  #addAnswer(processId: number, address: string, name: string, caller: Caller): void {
    const answers = this.#byProcess.get(processId) ?? new Map<string, Answer>();
    this.#byProcess.set(processId, answers);
    const known = answers.get(address);
    const answer = known ?? {
      names: new Map<string, number>(),
      last: name,
      lastTid: 0,
      contested: false,
      connected: true,
    };
    // Again at the end: the first entries are those that were not used for longest.
    if (known !== undefined) answers.delete(address);
    else if (!this.#makeRoom(answers)) return;
    answers.set(address, answer);
    if (answer.connected) answer.contested = false;
    else if (answer.last !== name) answer.contested = true;
    answer.connected = false;
    answer.last = name;
    answer.lastTid = caller.tid;
    answer.names.delete(name);
    answer.names.set(name, caller.timeNs);
    if (answer.names.size > limits.lookupNamesMax) this.#forgetOldestName(answer);
  }

  #forgetOldestName(answer: Answer): void {
    const [oldest = ""] = answer.names.keys();
    answer.names.delete(oldest);
  }

  /** Whoever has its share, or finds a full table, gives up its own oldest address. */
  #makeRoom(answers: Map<string, Answer>): boolean {
    const hasRoom = answers.size < limits.lookupAddressesOfProcessMax;
    if (hasRoom && this.#size < limits.lookupAddressesMax) {
      this.#size++;
      return true;
    }
    this.#drops.count("lookup_limit");
    const [oldest] = answers.keys();
    return oldest !== undefined && answers.delete(oldest);
  }
}

/** Digits and dots, or colons: the program used the address itself. */
function isLiteral(name: string): boolean {
  return /^[\d.]*$/.test(name) || name.includes(":");
}
