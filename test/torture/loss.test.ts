/**
 * Bursts of 100,000 messages from 8 threads: the agent takes every one of them; and when it stands
 * still, is killed, or the program is, what it took and what was counted as lost is what was sent,
 * to the message.
 */

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { readOtlpFile } from "../harness/otlp-file.ts";
import { stopAll } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";
import { account, BURST, Bursts, THREADS } from "./bursts.ts";
import { buildBurst } from "./program.ts";

/** What the agent's queue of log records takes at once, by far. */
const EXPORTED_AT_ONCE = 10_000;
/** Records of 296 bytes, of which a ring holds 113,000. */
const TOO_MANY = 2 * BURST;
/** What a ring keeps, what the library takes beside it, and the program itself. */
const RESIDENT_KIB_MAX = 8 * 1024;

let program: string;
let agent: TestAgent;

beforeAll(async () => {
  program = await buildBurst();
}, 300_000);

beforeEach(async () => {
  agent = await startAgent({ withinMs: 120_000 });
}, 300_000);

afterAll(stopAll, 300_000);

async function end(bursts: Bursts): Promise<void> {
  bursts.program.endInput();
  const { code } = await bursts.program.ended;
  expect(code, bursts.program.stderr()).toBe(0);
}

function residentKib(pid: number): number {
  const line = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]);
}

for (const over of ["tcp", "log"] as const) {
  test(`100,000 messages in one go over ${over}: none is lost, and the memory comes back`, async () => {
    const rounds = 3;
    const bursts = new Bursts(program, agent, {
      ...{ over, messages: BURST, rounds, ending: "wait" },
    });
    const connections = over === "tcp" ? THREADS : 0;
    for (let round = 1; round <= rounds; round++) {
      await bursts.round();
      const sent = connections + round * (BURST + 1);
      expect(await account(agent, sent)).toEqual({ received: sent, counted: 0 });
    }
    const { pid } = bursts.program;
    await waitFor(() => residentKib(pid) < RESIDENT_KIB_MAX, {
      ...{ what: "the memory to go back", seen: () => `${residentKib(pid)} KiB` },
    });
    await end(bursts);
  }, 300_000);
}

test("100,000 log records in ten bursts: each is exported", async () => {
  const rounds = BURST / EXPORTED_AT_ONCE;
  const bursts = new Bursts(program, agent, {
    ...{ over: "log", messages: EXPORTED_AT_ONCE, rounds, ending: "wait" },
  });
  for (let round = 1; round <= rounds; round++) {
    await bursts.round();
    const sent = round * (EXPORTED_AT_ONCE + 1);
    await waitFor(async () => (await agent.status()).messages["log_write"] === sent, {
      what: `${sent} messages`,
      withinMs: 120_000,
    });
  }
  await end(bursts);
  const sent = BURST + rounds;
  expect(await account(agent, sent)).toEqual({ received: sent, counted: 0 });
  await agent.program.stop();
  const bodies = readOtlpFile(agent.file).logs.map((log) => String(log.body).replace(/ .*/, ""));
  const marked = new Set(bodies.filter((body) => body !== "round"));
  expect({ records: bodies.length, marked: marked.size }).toEqual({
    ...{ records: BURST + rounds, marked: BURST },
  });
}, 300_000);

test("the agent stands still during a burst: what finds no room is counted", async () => {
  const bursts = new Bursts(program, agent, {
    ...{ over: "tcp", messages: TOO_MANY, rounds: 1, ending: "wait" },
  });
  agent.program.signal("SIGSTOP");
  await bursts.round();
  agent.program.signal("SIGCONT");
  const sent = THREADS + TOO_MANY + 1;
  const { received, counted } = await account(agent, sent);
  expect(received + counted).toBe(sent);
  expect(received).toBeGreaterThan(BURST);
  expect(counted).toBeGreaterThan(0);
  await end(bursts);
}, 300_000);

test("the agent is killed with a ring full of messages: the next one hears how many", async () => {
  const bursts = new Bursts(program, agent, {
    ...{ over: "log", messages: BURST, rounds: 3, ending: "wait" },
  });
  await bursts.round();
  const first = await account(agent, BURST + 1);
  expect(first.received + first.counted).toBe(BURST + 1);
  agent.program.signal("SIGSTOP");
  await bursts.round();
  agent.program.signal("SIGKILL");
  await agent.program.ended;
  agent = await startAgent({ directory: agent.directory, withinMs: 120_000 });
  await bursts.round();
  const second = await account(agent, 3 * (BURST + 1) - first.received);
  // The counters are the process's own and go on.
  expect(first.received + second.received + second.counted).toBe(3 * (BURST + 1));
  expect((await agent.status()).drops["agent_gone"]).toBeGreaterThan(BURST / 2);
  await end(bursts);
}, 300_000);

test("children forked during the burst have a ring and an account of their own", async () => {
  const rounds = 2;
  const bursts = new Bursts(program, agent, {
    ...{ over: "tcp", messages: BURST, rounds, ending: "fork" },
  });
  for (let round = 1; round <= rounds; round++) await bursts.round();
  const child = 1 + BURST / THREADS;
  const sent = THREADS + rounds * (BURST + 1 + child);
  const { received, counted } = await account(agent, sent);
  expect(received + counted).toBe(sent);
  await end(bursts);
}, 300_000);

test("a program that exits right after its last write has said everything", async () => {
  const bursts = new Bursts(program, agent, {
    ...{ over: "log", messages: BURST, rounds: 1, ending: "exit" },
  });
  await bursts.round();
  expect((await bursts.program.ended).code).toBe(0);
  const { received, counted } = await account(agent, BURST + 1);
  expect(received + counted).toBe(BURST + 1);
}, 300_000);

test("of a program that is killed, at most one message of each thread is missing", async () => {
  const bursts = new Bursts(program, agent, {
    ...{ over: "log", messages: 10 * BURST, rounds: 1, ending: "wait" },
  });
  bursts.begin();
  await waitFor(() => bursts.lines() > BURST / 2, { what: "the burst to be under way" });
  bursts.program.signal("SIGKILL");
  await bursts.program.ended;
  // It may have come to its end before.
  const sent = bursts.lines() + (bursts.program.stdout() === "" ? 0 : 1);
  const { received, counted } = await account(agent, sent - THREADS);
  const missing = sent - received - counted;
  expect(missing).toBeGreaterThanOrEqual(0);
  expect(missing).toBeLessThanOrEqual(THREADS);
}, 300_000);
