/**
 * Which processes are traced: by rules, by inheritance, by the kill switch. Invariant: each test
 * waits for something that is seen before it says that something else was not.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  ollyBinary,
  ollyRun,
  outputFile,
  python,
  startAgent,
  type TestAgent,
} from "../harness/olly.ts";
import { readOtlpFile } from "../harness/otlp-file.ts";
import { run, start, stopAll, text } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
afterEach(stopAll, TIMEOUT_MS);

function bodies(file: string): unknown[] {
  return readOtlpFile(file).logs.map((log) => log.body);
}

async function waitForLine(agent: TestAgent, line: string): Promise<void> {
  await waitFor(() => bodies(agent.file).includes(line), {
    what: `the log line ${line}`,
    seen: () => `${bodies(agent.file).join("\n")}\n${agent.program.stderr()}`,
  });
}

const denySecret = `  processes:
    rules:
      - allow: {executable: /nonexistent/*}
      - deny: {arguments: "secret"}
`;
const denied = "deny arguments=secret";

describe("rules", () => {
  test(
    "what is denied runs, is not exported and is counted; with a ring and without",
    async () => {
      const agent = await startAgent({ hook: denySecret });
      const env = agent.environment;
      const ended = await run(["echo", "secret", "one"], { env });
      expect(text(ended.stdout)).toBe("secret one\n");
      // No file, so no ring, may be larger than this.
      await run(["sh", "-c", "ulimit -f 100; exec echo secret two"], { env });
      await run(["sh", "-c", "ulimit -f 100; exec echo public one"], { env });
      await run(["echo", "public", "two"], { env });
      await waitForLine(agent, "public one");
      await waitForLine(agent, "public two");
      expect(bodies(agent.file).sort()).toEqual(["public one", "public two"]);
      const { leftAlone, drops } = await agent.status();
      // The second command twice: as the shell with a ring, and as echo, which can have none.
      expect(leftAlone).toEqual({ [denied]: 3 });
      expect(drops).toEqual({});
      const shown = await run([ollyBinary, "status", "--socket-dir", agent.directory]);
      expect(text(shown.stdout)).toContain(`left out  3 processes: ${denied} 3\n`);
    },
    TIMEOUT_MS,
  );

  test(
    "the default is for everything that no rule matches",
    async () => {
      const agent = await startAgent({
        hook: "  processes: {default: deny, rules: [{allow: {executable: [echo, nothing]}}]}\n",
      });
      const env = agent.environment;
      await run(["printf", "by printf\n"], { env });
      await run(["/bin/echo", "by echo"], { env });
      await waitForLine(agent, "by echo");
      expect(bodies(agent.file)).toEqual(["by echo"]);
      expect((await agent.status()).leftAlone).toEqual({ "default deny": 1 });
    },
    TIMEOUT_MS,
  );

  test(
    "an agent that starts again applies its rules to what runs",
    async () => {
      const script = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)";
      const first = await startAgent();
      const program = start([python, "-c", script, "secret"], {
        env: first.environment,
        keepStdinOpen: true,
      });
      program.write("one\n");
      await waitForLine(first, "one");
      await first.program.stop();
      const { directory, file } = first;

      const second = await startAgent({ directory, file, hook: denySecret });
      program.write("two\n");
      await waitFor(async () => (await second.status()).leftAlone[denied] === 1, {
        what: "the program to be left alone",
      });
      program.write("three\n");
      await waitFor(() => program.stdout() === "one\ntwo\nthree\n", {
        what: "the program's output",
      });
      await second.program.stop();

      const third = await startAgent({ directory, file });
      program.write("four\n");
      await waitForLine(third, "four");
      expect(bodies(file)).toEqual(["one", "four"]);
      expect((await third.status()).leftAlone).toEqual({});
    },
    TIMEOUT_MS,
  );
});

/** Starts the rest of its arguments with an environment in which there is nothing. */
const emptied = `
import subprocess, sys
sys.exit(subprocess.run(sys.argv[1:], env={}).returncode)
`;

describe("children", () => {
  test(
    "by default an empty environment is empty, and the child is not hooked",
    async () => {
      const agent = await startAgent();
      const child = [python, "-c", emptied, "/usr/bin/env"];
      const ended = await run(child, { env: agent.environment });
      expect({ code: ended.code, stdout: text(ended.stdout) }).toEqual({ code: 0, stdout: "" });
      await run([python, "-c", emptied, "/bin/echo", "unseen"], { env: agent.environment });
      await run(["/bin/echo", "seen"], { env: agent.environment });
      await waitForLine(agent, "seen");
      expect(bodies(agent.file)).toEqual(["seen"]);
    },
    TIMEOUT_MS,
  );

  test(
    "always: hooked although the program passes an empty environment",
    async () => {
      const agent = await startAgent({ hook: "  children: always\n" });
      const child = [python, "-c", emptied, python, "-c", "print('from the child')"];
      const ended = await run(child, { env: agent.environment });
      expect({ code: ended.code, stdout: text(ended.stdout) }).toEqual({
        code: 0,
        stdout: "from the child\n",
      });
      await waitForLine(agent, "from the child");
    },
    TIMEOUT_MS,
  );

  test(
    "never: the program is hooked, what it starts is not",
    async () => {
      const agent = await startAgent({ hook: "  children: never\n" });
      const script = "echo from the shell; /bin/echo from a child; /usr/bin/env";
      const ended = await run(["sh", "-c", script], { env: agent.environment });
      expect(text(ended.stdout)).toContain("from a child");
      expect(text(ended.stdout)).not.toMatch(/LD_PRELOAD|OLLY_SOCKET|OLLY_CONTROL/);
      await waitForLine(agent, "from the shell");
      expect(bodies(agent.file)).toEqual(["from the shell"]);
    },
    TIMEOUT_MS,
  );

  test(
    "OLLY_DISABLED=1 for a child of olly run: that child alone is not hooked",
    async () => {
      const file = outputFile();
      const script = "/bin/echo before; OLLY_DISABLED=1 /bin/echo disabled; /bin/echo after";
      const ended = await run([...ollyRun(file), "sh", "-c", script]);
      expect(text(ended.stdout)).toBe("before\ndisabled\nafter\n");
      expect(bodies(file)).toEqual(["before", "after"]);
    },
    TIMEOUT_MS,
  );
});
