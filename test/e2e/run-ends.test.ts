/**
 * `olly run` ends when its command has ended. Invariant: whatever the command leaves behind, olly
 * neither waits for it nor loses what was captured. (A final poll once waited for ever on a process
 * whose messages had all been delivered.)
 */
import { afterAll, describe, expect, test } from "bun:test";
import { observe, ollyBinary, ollyRun, outputFile, python } from "../harness/olly.ts";
import { readOtlpFile } from "../harness/otlp-file.ts";
import { run, stopAll } from "../harness/processes.ts";

afterAll(stopAll);

const TIMEOUT_MS = 300_000;
/** What lives on lives longer than it may take. */
const LIVES_SECONDS = 120;
const ENDS_MS_MAX = 60_000;

async function timed(command: readonly string[], env: Record<string, string> = {}) {
  const started = performance.now();
  const guarded = ["timeout", "-s", "KILL", "240", ...command];
  const ended = await run(guarded, { env });
  return { ...ended, milliseconds: performance.now() - started };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The command prints the pid of what it leaves behind, for which olly run does not wait. */
async function expectLeftAlive(command: readonly string[]): Promise<void> {
  const file = outputFile();
  const ended = await timed([...ollyRun(file), ...command]);
  expect(ended.code).toBe(0);
  expect(ended.milliseconds).toBeLessThan(ENDS_MS_MAX);
  const pid = text(ended.stdout).trim();
  expect(process.kill(Number(pid), "SIGTERM")).toBe(true);
  expect(readOtlpFile(file).logs.map((record) => record.body)).toEqual([pid]);
}

describe("olly run ends", () => {
  test(
    "twenty times in a row, with and without anything to tell",
    async () => {
      for (let round = 0; round < 20; round++) {
        const command = round % 2 === 0 ? ["/bin/true"] : ["sh", "-c", "echo hello"];
        const file = outputFile();
        const ended = await timed([...ollyRun(file), ...command]);
        expect([round, ended.code, ended.milliseconds < ENDS_MS_MAX]).toEqual([round, 0, true]);
        expect(readOtlpFile(file).logs.length).toBe(round % 2);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "while a child in the background lives on, unharmed",
    async () => {
      await expectLeftAlive(["sh", "-c", `sleep ${LIVES_SECONDS} >/dev/null 2>&1 & echo $!`]);
    },
    TIMEOUT_MS,
  );

  test(
    "when the command has made a daemon of itself",
    async () => {
      const daemon =
        "import os, time\npid = os.fork()\n" +
        "if pid == 0:\n  os.setsid()\n  null = os.open('/dev/null', os.O_RDWR)\n" +
        `  for fd in (0, 1, 2): os.dup2(null, fd)\n  time.sleep(${LIVES_SECONDS})\n` +
        "else:\n  print(pid, flush=True)\n";
      await expectLeftAlive([python, "-c", daemon]);
    },
    TIMEOUT_MS,
  );

  test(
    "after hundreds of short-lived processes, each of which was seen",
    async () => {
      const script = "i=0; while [ $i -lt 300 ]; do /bin/echo line $i; i=$((i+1)); done";
      const seen = await observe(["sh", "-c", script]);
      expect(seen.code).toBe(0);
      expect(seen.stderr).toBe("");
      expect(new Set(seen.logs.map((record) => record.body)).size).toBe(300);
      expect(seen.logs).toHaveLength(300);
    },
    TIMEOUT_MS,
  );

  test("when no collector answers: one line that names it, exit code the command's", async () => {
    const ended = await timed([ollyBinary, "run", "--", "sh", "-c", "echo hello; exit 3"], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    });
    expect(ended.code).toBe(3);
    expect(ended.milliseconds).toBeLessThan(ENDS_MS_MAX);
    const lines = text(ended.stderr).trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("1 log records were not delivered to http://127.0.0.1:9");
  });

  test("when the reader of its traces has gone", async () => {
    const script = `${ollyBinary} run --output pretty -- sh -c 'for i in 1 2 3; do echo $i; /bin/sleep 0.2; done; exit 7' 2>&1 >/dev/null | head -n 1 >/dev/null; echo \${PIPESTATUS[0]}`;
    const ended = await timed(["bash", "-c", script]);
    expect(text(ended.stdout).trim()).toBe("7");
  });
});
