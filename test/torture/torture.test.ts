/**
 * A program that does at random what a preloaded library could spoil, and checks itself, without
 * the library and with it, while its agent is stopped, killed and restarted. Invariant: for a seed
 * both runs have one digest, and the hooked one keeps nothing but what the library states.
 *
 * OLLY_TORTURE_SECONDS: for how long the hooked runs go on. OLLY_TORTURE_SEED: the first seed; a
 * failure names the one that shows it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startAgent } from "../harness/olly.ts";
import { stopAll } from "../harness/processes.ts";
import { Chaos } from "./chaos.ts";
import { buildTorture, type Ending, torture } from "./program.ts";

const SECONDS = Number(process.env["OLLY_TORTURE_SECONDS"] ?? 20);
const FIRST_SEED = Number(process.env["OLLY_TORTURE_SEED"] ?? 1);
const THREADS = 8;
const STEPS = 300;
/** The ring, full because the agent is away, the table of descriptors, and the library's pages. */
const RESIDENT_KIB_MAX = (32 + 2) * 1024;
/** The same, with the addresses of seven rings that were replaced (OLLY_RING_PLACES_MAX). */
const ADDRESSES_KIB_MAX = RESIDENT_KIB_MAX + 7 * 32 * 1024 + 2 * 1024;
/** The library's own, and of each such ring its header and its emptied data. */
const MAPPINGS_MAX = 16 + 7 * 2;

let program: string;
let chaos: Chaos;

beforeAll(async () => {
  program = await buildTorture();
  chaos = new Chaos(await startAgent());
}, 300_000);

afterAll(stopAll, 300_000);

/** The most that a hooked run had beyond its bare one. */
const most = { mappings: 0, vszKib: 0, rssKib: 0 };

function remember(hooked: Ending, bare: Ending): void {
  most.mappings = Math.max(most.mappings, hooked.mappings - bare.mappings);
  most.vszKib = Math.max(most.vszKib, hooked.vszKib - bare.vszKib);
  most.rssKib = Math.max(most.rssKib, hooked.rssKib - bare.rssKib);
}

function expectNothingMore(hooked: Ending, bare: Ending, seed: number): void {
  const what = `seed ${seed}: bare ${JSON.stringify(bare)}, hooked ${JSON.stringify(hooked)}`;
  expect(hooked.digest, what).toBe(bare.digest);
  expect(hooked.mappings - bare.mappings, what).toBeLessThanOrEqual(MAPPINGS_MAX);
  expect(hooked.vszKib - bare.vszKib, what).toBeLessThanOrEqual(ADDRESSES_KIB_MAX);
  expect(hooked.rssKib - bare.rssKib, what).toBeLessThanOrEqual(RESIDENT_KIB_MAX);
}

test(
  "whatever the agent goes through, the program does not notice",
  async () => {
    let hookedMs = 0;
    let seed = FIRST_SEED;
    for (; hookedMs < SECONDS * 1000; seed++) {
      const effort = { seed, threads: THREADS, steps: STEPS };
      const bare = await torture(program, effort, { LD_PRELOAD: undefined });
      chaos.begin(seed);
      const startedMs = performance.now();
      const hooked = await torture(program, effort, chaos.agent.environment).finally(() =>
        chaos.end(),
      );
      hookedMs += performance.now() - startedMs;
      remember(hooked, bare);
      expectNothingMore(hooked, bare, seed);
    }
    // The runs above would be in vain if nothing had been traced.
    await torture(program, { seed, threads: 2, steps: 20 }, chaos.agent.environment);
    expect((await chaos.agent.status()).messages).toHaveProperty("data_out");
    console.error(
      `torture: seeds ${FIRST_SEED} to ${seed - 1}, ${JSON.stringify({ ...chaos.done, most })}`,
    );
    expect(chaos.done.kill).toBeGreaterThan(0);
    expect(chaos.done.stop).toBeGreaterThan(0);
    expect(chaos.done.switch).toBeGreaterThan(0);
  },
  SECONDS * 10_000 + 120_000,
);
