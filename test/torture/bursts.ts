/**
 * A program that sends bursts, and what an agent says of them. Invariant: numbers come from `olly
 * status` alone, and are looked at when they have come to rest.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentStatus, TestAgent } from "../harness/olly.ts";
import { type Program, start, temporaryDirectory } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

export const THREADS = 8;
export const BURST = 100_000;
export const BYTES = 256;
/** Longer than the agent takes to bring its counters up to date. */
const REST_MS = 600;
const REST_MS_MAX = 300_000;
const ROUND_MS_MAX = 300_000;

export interface BurstOptions {
  readonly over: "tcp" | "log";
  readonly messages: number;
  readonly rounds: number;
  readonly ending: "wait" | "exit" | "fork";
}

export class Bursts {
  readonly program: Program;
  readonly directory: string;
  #rounds = 0;

  constructor(path: string, agent: TestAgent, options: BurstOptions) {
    this.directory = join(temporaryDirectory(), "lines");
    mkdirSync(this.directory);
    const { over, messages, rounds, ending } = options;
    const numbers = [THREADS, messages, BYTES, rounds].map(String);
    this.program = start([path, over, ...numbers, ending], {
      ...{ cwd: this.directory, env: agent.environment, keepStdinOpen: true },
    });
  }

  begin(): void {
    this.program.write("x");
  }

  /** One burst, to its end. */
  async round(): Promise<void> {
    this.begin();
    this.#rounds++;
    const said = "round\n".repeat(this.#rounds);
    await waitFor(() => this.program.stdout() === said || this.program.hasEnded, {
      what: `round ${this.#rounds}`,
      withinMs: ROUND_MS_MAX,
      seen: () => this.program.stderr(),
    });
  }

  /** Lines in the files that `log` writes. */
  lines(): number {
    let bytes = 0;
    for (const name of readdirSync(this.directory)) {
      bytes += readFileSync(join(this.directory, name)).length;
    }
    return bytes / BYTES;
  }
}

export interface Account {
  readonly received: number;
  /** Drops that the library counted. */
  readonly counted: number;
}

const libraryReasons = ["ring_full", "unregistered", "agent_gone", "datagram_full"];

function sum(counts: Readonly<Record<string, number>>, names: readonly string[]): number {
  return names.reduce((total, name) => total + (counts[name] ?? 0), 0);
}

function accountOf(status: AgentStatus): Account {
  const received = sum(status.messages, Object.keys(status.messages));
  return { received, counted: sum(status.drops, libraryReasons) };
}

/** Of all processes, living or not, when so many are accounted for and nothing more comes. */
export async function account(agent: TestAgent, atLeast: number): Promise<Account> {
  let last = accountOf(await agent.status());
  await waitFor(
    async () => {
      await Bun.sleep(REST_MS);
      const now = accountOf(await agent.status());
      const rests = now.received === last.received && now.counted === last.counted;
      last = now;
      return rests && now.received + now.counted >= atLeast;
    },
    {
      what: `${atLeast} messages to be accounted for`,
      withinMs: REST_MS_MAX,
      seen: () => JSON.stringify(last),
    },
  );
  return last;
}
