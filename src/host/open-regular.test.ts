import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, readSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../../test/harness/wait.ts";
import { withRegularFile } from "./open-regular.ts";

const directory = mkdtempSync(join(tmpdir(), "olly-open-"));
afterAll(() => rmSync(directory, { recursive: true }));

function textOf(path: string): string | undefined {
  return withRegularFile(path, (fd, { size }) => {
    const bytes = Buffer.alloc(Math.max(size, 64));
    return bytes.toString("utf8", 0, readSync(fd, bytes));
  });
}

test("regular files, by a link too, and those of /proc", () => {
  writeFileSync(join(directory, "file"), "text");
  symlinkSync(join(directory, "file"), join(directory, "link"));
  expect(textOf(join(directory, "file"))).toBe("text");
  expect(textOf(join(directory, "link"))).toBe("text");
  expect(textOf("/proc/self/stat")).toStartWith(`${process.pid} (`);
});

test("nothing for what is not there, a directory and a device", () => {
  expect(textOf(join(directory, "none"))).toBeUndefined();
  expect(textOf(directory)).toBeUndefined();
  expect(textOf("/dev/zero")).toBeUndefined();
});

/** openat(2) on x86-64 and arm64. */
const openCalls: ReadonlySet<string> = new Set(["257", "56"]);

function waitsInOpen(pid: number): boolean {
  const state = readFileSync(`/proc/${pid}/stat`, "latin1").split(" ")[2];
  const call = readFileSync(`/proc/${pid}/syscall`, "latin1").split(" ")[0] ?? "";
  return state === "S" && openCalls.has(call);
}

test("a pipe is not opened: who waits for its reader goes on waiting", async () => {
  const pipe = join(directory, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  const writer = Bun.spawn(["sh", "-c", ': >"$1"', "sh", pipe]);
  try {
    await waitFor(() => waitsInOpen(writer.pid), { what: "the writer to open the pipe" });
    expect(textOf(pipe)).toBeUndefined();
    expect(waitsInOpen(writer.pid)).toBe(true);
  } finally {
    writer.kill("SIGKILL");
    await writer.exited;
  }
});
