import { afterEach, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { helloOf, startTimeOf } from "./process-files.ts";

const children: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

function start(command: string[], env: Record<string, string> = {}): Bun.Subprocess {
  const child = Bun.spawn(command, { stdin: "pipe", env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

test("a living process has a start time that stays", () => {
  const { pid } = start(["sleep", "60"]);
  const first = startTimeOf(pid);
  expect(first).toMatch(/^\d+$/);
  expect(startTimeOf(pid)).toBe(first);
});

test("a process that has ended has none", async () => {
  const child = start(["true"]);
  await child.exited;
  expect(startTimeOf(child.pid)).toBeUndefined();
});

test("a zombie has ended, though its parent has not asked for it", async () => {
  const { pid } = start(["sh", "-c", "true & exec sleep 60"]);
  const zombie = await zombieOf(pid);
  expect(startTimeOf(zombie)).toBeUndefined();
});

test("a name with parentheses and spaces does not shift the fields", async () => {
  const directory = mkdtempSync(join(tmpdir(), "olly-name-"));
  const program = join(directory, "a) Z 1 (b");
  copyFileSync("/bin/sleep", program);
  const { pid } = start([program, "60"]);
  const plain = start(["sleep", "60"]).pid;
  expect(Number(startTimeOf(plain)) - Number(startTimeOf(pid))).toBeLessThan(1000);
  rmSync(directory, { recursive: true });
});

test("the hello of a process that does not introduce itself", async () => {
  const many = Array.from({ length: 20 }, () => "60");
  const { pid } = start(["sh", "-c", "read line", "x".repeat(300), ...many], {
    OTEL_SERVICE_NAME: "a=b",
    OTHER: "c",
  });
  // Between fork and exec it has no arguments.
  while (helloOf(pid).args.length === 0) await Bun.sleep(1);
  const hello = helloOf(pid);
  expect(hello.executable).toMatch(/^\/.*(sh|busybox)$/);
  expect(hello.args).toEqual(["sh", "-c", "read line", "x".repeat(256), ...many.slice(0, 4)]);
  expect(hello.environment.get("OTEL_SERVICE_NAME")).toBe("a=b");
  expect(hello.environment.has("OTHER")).toBe(false);
});

test("nothing to see: an empty hello", () => {
  expect(helloOf(2 ** 22 + 1)).toEqual({ executable: "", args: [], environment: new Map() });
});

/** A child of the process that has ended and was not waited for. */
async function zombieOf(parent: number): Promise<number> {
  for (;;) {
    for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const stat = statOf(entry);
      if (stat.includes(`) Z ${parent} `)) return Number(entry);
    }
    await Bun.sleep(5);
  }
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return "";
  }
}
