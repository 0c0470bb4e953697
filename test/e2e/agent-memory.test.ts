/** What the agent itself holds. */
import { afterAll, expect, test } from "bun:test";
import { residentKibibytes } from "../bench/cpu.ts";
import { startAgent } from "../harness/olly.ts";
import { stopAll } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

/** `make bench` wants 70 at most; an agent that keeps the code of its start has more. */
const IDLE_MEBIBYTES_MAX = 65;

const TIMEOUT_MS = 180_000;

afterAll(stopAll, TIMEOUT_MS);

test(
  "an agent that has started comes to rest with little memory, and answers",
  async () => {
    const agent = await startAgent({ file: "/dev/null" });
    const most = IDLE_MEBIBYTES_MAX * 1_024;
    const resident = () => residentKibibytes(agent.program.pid);
    const what = `an agent at rest with ${IDLE_MEBIBYTES_MAX} MiB`;
    await waitFor(() => resident() <= most, {
      what,
      withinMs: 60_000,
      seen: () => `${resident()}`,
    });
    expect((await agent.status()).spans).toBe(0);
  },
  TIMEOUT_MS,
);
