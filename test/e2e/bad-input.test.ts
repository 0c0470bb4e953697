/**
 * Item 6 of the spine: what a person gets wrong. Invariant: one clear line on stderr, the exit code
 * of the documentation, and nothing half done: no file, no socket, no process is left.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ollyBinary, ollyRun, outputFile, startAgent } from "../harness/olly.ts";
import { run, stopAll, temporaryDirectory, text } from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
/** Longer than sun_path takes, 108 bytes with the NUL. */
const LONG_NAME = "a".repeat(120);
const isRoot = process.getuid?.() === 0;
afterAll(stopAll, TIMEOUT_MS);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function olly(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await run([ollyBinary, ...args], { env });
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** One line that begins with the program's name and says `about`. */
function expectOneLine(outcome: Outcome, about: RegExp): void {
  expect(outcome.stdout).toBe("");
  expect(outcome.stderr).toMatch(/^olly: [^\n]+\n$/);
  expect(outcome.stderr).toMatch(about);
}

describe("wrong usage is exit code 2", () => {
  const cases: [string, readonly string[], RegExp][] = [
    ["an unknown command", ["rnu", "--", "true"], /unknown command rnu.*run/],
    ["an unknown flag", ["run", "--ouput", "x", "--", "true"], /--ouput.*--output/],
    ["an unknown flag of the agent", ["agent", "--verbose"], /--verbose/],
    ["an unknown flag without a command", ["--verbose"], /--verbose/],
    ["a flag without its value", ["run", "--output"], /--output needs a value/],
    ["run without a command", ["run"], /command/],
    ["run with nothing behind --", ["run", "--"], /command/],
    ["trace without an action", ["trace"], /start.*stop.*status/],
    ["trace with an unknown action", ["trace", "strat"], /strat.*start/],
    ["an operand too many", ["version", "now"], /now/],
    ["a configuration that is not there", ["agent", "--config", "/nowhere/olly.yaml"], /nowhere/],
  ];
  test.each(cases)(
    "%s",
    async (_, args, about) => {
      const outcome = await olly(args);
      expectOneLine(outcome, about);
      expect(outcome.code).toBe(2);
    },
    TIMEOUT_MS,
  );
});

describe("a program that cannot be run gives the shell's code", () => {
  test(
    "not found",
    async () => {
      const file = outputFile();
      const { code, stdout, stderr } = await run([...ollyRun(file), "/nowhere/program"]);
      expectOneLine({ code, stdout: text(stdout), stderr: text(stderr) }, /nowhere\/program/);
      expect(code).toBe(127);
    },
    TIMEOUT_MS,
  );

  test(
    "not executable",
    async () => {
      const path = join(temporaryDirectory(), "data");
      writeFileSync(path, "no program");
      chmodSync(path, 0o644);
      const { code, stdout, stderr } = await run([...ollyRun(outputFile()), path]);
      expectOneLine({ code, stdout: text(stdout), stderr: text(stderr) }, /data/);
      expect(code).toBe(126);
    },
    TIMEOUT_MS,
  );
});

describe("configuration", () => {
  test(
    "every problem is named with its key path, exit code 2",
    async () => {
      const file = join(temporaryDirectory(), "olly.yaml");
      writeFileSync(file, "exporter:\n  file:\n    path: /x\nlog_level: loud\n");
      const outcome = await olly(["agent", "--config", file]);
      expect(outcome.code).toBe(2);
      expect(outcome.stdout).toBe("");
      expect(outcome.stderr.split("\n").filter((line) => line !== "")).toHaveLength(2);
      expect(outcome.stderr).toMatch(/exporter.*exporters/);
      expect(outcome.stderr).toMatch(/log_level.*loud/);
    },
    TIMEOUT_MS,
  );

  test(
    "a socket path that is too long",
    async () => {
      const directory = temporaryDirectory();
      const socket = join(directory, LONG_NAME, "hook.sock");
      const outcome = await olly(["agent"], { OLLY_SOCKET: socket });
      expectOneLine(outcome, /too long|at most/);
      expect(outcome.code).toBe(2);
      expect(readdirSync(directory)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "a socket path that cannot be written",
    async () => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, "file"), "");
      const socket = join(directory, "file", "hook.sock");
      const outcome = await olly(["agent"], { OLLY_SOCKET: socket });
      expectOneLine(outcome, /file/);
      expect(outcome.code).toBe(1);
      expect(readdirSync(directory)).toEqual(["file"]);
    },
    TIMEOUT_MS,
  );

  test(
    "a directory in which even root may create nothing",
    async () => {
      const outcome = await olly(["agent"], { OLLY_SOCKET: "/sys/olly/hook.sock" });
      expectOneLine(outcome, /permi|read-only/i);
      expect(outcome.code).toBe(1);
    },
    TIMEOUT_MS,
  );
});

describe("two agents", () => {
  test(
    "the second on the same socket is refused, the first goes on",
    async () => {
      const agent = await startAgent();
      const outcome = await olly(["agent", "--config", agent.configuration]);
      expectOneLine(outcome, /another agent/);
      expect(outcome.code).toBe(1);
      expect((await agent.status()).active).toBe(true);
      const ended = await agent.program.stop();
      expect(ended.code).toBe(0);
      expect(existsSync(join(agent.directory, "hook.sock"))).toBe(false);
    },
    TIMEOUT_MS,
  );
});

describe("--output", () => {
  test(
    "a file that cannot be opened: the program is not started",
    async () => {
      const directory = temporaryDirectory();
      const mark = join(directory, "mark");
      const missing = join(directory, "missing", "out.jsonl");
      const outcome = await olly(["run", "--output", missing, "--", "touch", mark]);
      expectOneLine(outcome, /missing/);
      expect(outcome.code).toBe(2);
      expect(existsSync(mark)).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    "a full disk: the program is not started",
    async () => {
      const mark = join(temporaryDirectory(), "mark");
      const outcome = await olly(["run", "--output", "/dev/full", "--", "touch", mark]);
      expectOneLine(outcome, /\/dev\/full.*no space/i);
      expect(outcome.code).toBe(2);
      expect(existsSync(mark)).toBe(false);
    },
    TIMEOUT_MS,
  );

  test.skipIf(!isRoot)(
    "a disk that becomes full: the program runs on, the loss is said",
    async () => {
      const directory = temporaryDirectory();
      const lines = "seq 1 5000 >&2; exit 5";
      // The mount lives in a namespace that ends with the command.
      const script = `mkdir ${directory}/small
mount -t tmpfs -o size=64k tmpfs ${directory}/small
exec ${ollyBinary} run --output ${directory}/small/out.jsonl -- sh -c '${lines}'`;
      const ended = await run(["unshare", "-m", "sh", "-ec", script]);
      const stderr = text(ended.stderr).split("\n");
      const own = stderr.filter((line) => line.startsWith("olly: "));
      expect(stderr.length - own.length).toBe(5_001);
      expect(own.length).toBeGreaterThanOrEqual(1);
      expect(own.length).toBeLessThanOrEqual(2);
      expect(own.join("\n")).toMatch(/out\.jsonl.*no space/i);
      expect(ended.code).toBe(5);
    },
    TIMEOUT_MS,
  );

  test(
    "a file that is there already keeps what it holds",
    async () => {
      const file = outputFile();
      const earlier = `${JSON.stringify({ resourceSpans: [] })}\n`;
      writeFileSync(file, earlier);
      const { code } = await run([...ollyRun(file), "sh", "-c", "echo line >&2"]);
      expect(code).toBe(0);
      expect(readFileSync(file, "utf8").startsWith(earlier)).toBe(true);
    },
    TIMEOUT_MS,
  );
});
