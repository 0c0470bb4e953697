/**
 * An agent that is stopped, continued, killed, restarted, and whose tracing is switched, at moments
 * that a seed decides. Invariant: after end() the agent runs, and traces.
 */
import { rmSync } from "node:fs";
import { startAgent, type TestAgent } from "../harness/olly.ts";

const PAUSE_MS_MAX = 120;
const STOPPED_MS_MAX = 150;
/** Beside a program that takes what processors there are. */
const RESTART_MS_MAX = 300_000;

const actions = ["kill", "stop", "switch", "nothing"] as const;

export class Chaos {
  readonly done: Record<(typeof actions)[number], number> = {
    ...{ kill: 0, stop: 0, switch: 0, nothing: 0 },
  };
  #agent: TestAgent;
  #ended = false;
  #turns = 0;
  /** What went wrong on its way is told by end(). */
  #running: Promise<unknown> | undefined;

  constructor(agent: TestAgent) {
    this.#agent = agent;
  }

  get agent(): TestAgent {
    return this.#agent;
  }

  begin(seed: number): void {
    this.#ended = false;
    this.#running = this.#act(seededNumbers(seed)).catch((error: unknown) => error);
  }

  async end(): Promise<void> {
    this.#ended = true;
    const failure = await this.#running;
    if (failure !== undefined) throw failure;
  }

  async #act(random: () => number): Promise<void> {
    while (!this.#ended) {
      await Bun.sleep(random() * PAUSE_MS_MAX);
      const action = actions[this.#turns++ % actions.length] ?? "nothing";
      this.done[action]++;
      if (action === "kill") await this.#kill();
      if (action === "stop") await this.#stop(random() * STOPPED_MS_MAX);
      if (action === "switch") await this.#switch(random() * PAUSE_MS_MAX);
    }
  }

  async #kill(): Promise<void> {
    const { directory, file, program } = this.#agent;
    program.signal("SIGKILL");
    await program.ended;
    rmSync(file, { force: true });
    this.#agent = await startAgent({ directory, withinMs: RESTART_MS_MAX });
  }

  async #stop(forMs: number): Promise<void> {
    this.#agent.program.signal("SIGSTOP");
    await Bun.sleep(forMs);
    this.#agent.program.signal("SIGCONT");
  }

  async #switch(forMs: number): Promise<void> {
    await this.#agent.trace("stop");
    await Bun.sleep(forMs);
    await this.#agent.trace("start");
  }
}

/** mulberry32: numbers from 0 up to, not including, 1. */
function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
