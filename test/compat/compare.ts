/**
 * The same command without the library and with it, under an agent that traces. Invariant: the two
 * runs differ in nothing but LD_PRELOAD, OLLY_SOCKET and OLLY_CONTROL.
 */
import { expect } from "bun:test";
import type { TestAgent } from "../harness/olly.ts";
import { type Ended, run, type StartOptions, text } from "../harness/processes.ts";

/** `make test-compat` sets it: the long form of each comparison. */
export const longForm = process.env["OLLY_COMPAT"] === "long";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Both {
  readonly bare: Outcome;
  readonly hooked: Outcome;
}

export interface CompareOptions extends StartOptions {
  /** Takes out of an output what differs between two runs anyway: pids, times, temporary names. */
  readonly normalise?: (output: string) => string;
  /** What the program ends with; default 0. */
  readonly code?: number;
  /** Called before each of the two runs, to lay out the same start. */
  readonly prepare?: () => void | Promise<void>;
}

/** Runs the command twice, bare first. The hooked run inherits only what the agent states. */
export async function runBoth(
  agent: TestAgent,
  command: readonly string[],
  options: CompareOptions = {},
): Promise<Both> {
  const once = async (environment: StartOptions["env"]): Promise<Outcome> => {
    await options.prepare?.();
    return outcome(
      await run(command, { ...options, env: { ...options.env, ...environment } }),
      options,
    );
  };
  const bare = await once({ LD_PRELOAD: undefined });
  return { bare, hooked: await once(agent.environment) };
}

/** As runBoth, and expects the same exit code and output, and the exit code that it has to be. */
export async function expectSame(
  agent: TestAgent,
  command: readonly string[],
  options: CompareOptions = {},
): Promise<Both> {
  const both = await runBoth(agent, command, options);
  expect(both.bare.code, both.bare.stderr).toBe(options.code ?? 0);
  expect(both.hooked).toEqual(both.bare);
  return both;
}

function outcome(ended: Ended, options: CompareOptions): Outcome {
  const normalise = options.normalise ?? ((output: string) => output);
  return {
    code: ended.code,
    stdout: normalise(text(ended.stdout)),
    stderr: normalise(text(ended.stderr)),
  };
}
