/**
 * The two agents that benchmarks hook programs to: one that traces, one that is dormant.
 * Invariant: programs of every user can load the library and reach the sockets.
 */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { ollyLibrary, startAgent, type TestAgent } from "../harness/olly.ts";
import { temporaryDirectory } from "../harness/processes.ts";
import type { Environment } from "./programs.ts";

export interface Hooks {
  readonly active: TestAgent;
  readonly dormant: TestAgent;
  readonly directory: string;
}

export async function startHooks(): Promise<Hooks> {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  const library = join(directory, "libolly.so");
  copyFileSync(ollyLibrary, library);
  const withLibrary = (agent: TestAgent): TestAgent => {
    const environment: Environment = { ...agent.environment, LD_PRELOAD: library };
    return { ...agent, environment };
  };
  return {
    active: withLibrary(await startAgent({ file: "/dev/null" })),
    dormant: withLibrary(await startAgent({ file: "/dev/null", onDemand: true })),
    directory,
  };
}
