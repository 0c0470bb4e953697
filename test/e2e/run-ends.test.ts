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

/** Far more than it takes, far less than a hang. */
const ENDS_MS_MAX = 3_000;

async function timed(command: readonly string[], env: Record<string, string> = {}) {
  const started = performance.now();
  const guarded = ["timeout", "-s", "KILL", "20", ...command];
  const ended = await run(guarded, { env });
  return { ...ended, milliseconds: performance.now() - started };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("olly run ends", () => {
  test("twenty times in a row, with and without anything to tell", async () => {
    for (let round = 0; round < 20; round++) {
      const command = round % 2 === 0 ? ["/bin/true"] : ["sh", "-c", "echo hello"];
      const file = outputFile();
      const ended = await timed([...ollyRun(file), ...command]);
      expect([round, ended.code, ended.milliseconds < ENDS_MS_MAX]).toEqual([round, 0, true]);
      expect(readOtlpFile(file).logs.length).toBe(round % 2);
    }
  }, 90_000);

  test("while a child in the background lives on, unharmed", async () => {
    const file = outputFile();
    const script = "(sleep 2; echo late >&3) >/dev/null 2>&1 & echo early";
    const ended = await timed([...ollyRun(file), "sh", "-c", `${script}`], {});
    expect(ended.code).toBe(0);
    expect(ended.milliseconds).toBeLessThan(ENDS_MS_MAX);
    expect(readOtlpFile(file).logs.map((record) => record.body)).toEqual(["early"]);
  });

  test("when the command has made a daemon of itself", async () => {
    const daemon =
      "import os, time\nprint('parent', flush=True)\n" +
      "if os.fork() == 0:\n  os.setsid()\n  null = os.open('/dev/null', os.O_RDWR)\n" +
      "  for fd in (0, 1, 2): os.dup2(null, fd)\n  time.sleep(5)\n";
    const file = outputFile();
    const ended = await timed([...ollyRun(file), python, "-c", daemon]);
    expect(ended.code).toBe(0);
    expect(ended.milliseconds).toBeLessThan(ENDS_MS_MAX);
    expect(readOtlpFile(file).logs.map((record) => record.body)).toEqual(["parent"]);
  });

  test("after hundreds of short-lived processes, each of which was seen", async () => {
    const script = "i=0; while [ $i -lt 300 ]; do /bin/echo line $i; i=$((i+1)); done";
    const seen = await observe(["sh", "-c", script]);
    expect(seen.code).toBe(0);
    expect(seen.stderr).toBe("");
    expect(new Set(seen.logs.map((record) => record.body)).size).toBe(300);
    expect(seen.logs).toHaveLength(300);
  }, 30_000);

  test("when no collector answers: one line that names it, exit code the command's", async () => {
    const ended = await timed([ollyBinary, "run", "--", "sh", "-c", "echo hello; exit 3"], {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
    });
    expect(ended.code).toBe(3);
    expect(ended.milliseconds).toBeLessThan(5_000);
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
