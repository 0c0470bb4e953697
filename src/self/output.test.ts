import { describe, expect, test } from "bun:test";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { writeFully } from "./output.ts";

describe("writeFully", () => {
  test("writes more than a pipe holds to a slow reader of a non-blocking pipe", async () => {
    // /proc/self/fd/1 opened anew is the same pipe, but non-blocking, as node makes it.
    const script = `
      import { writeFully } from ${JSON.stringify(join(import.meta.dir, "output.ts"))};
      import { openSync, constants } from "node:fs";
      const fd = openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK);
      const problem = writeFully(fd, "x".repeat(1_000_000));
      console.error(problem ?? "whole");
    `;
    const pipeline = '"$0" -e "$1" | { sleep 0.1; wc -c; }';
    const child = Bun.spawn(["sh", "-c", pipeline, process.execPath, script], {
      stdout: "pipe",
      stderr: "pipe",
    });
    expect((await child.stdout.text()).trim()).toBe("1000000");
    expect(await child.stderr.text()).toBe("whole\n");
  });

  test("says why it could not", () => {
    const full = openSync("/dev/full", constants.O_WRONLY);
    expect(writeFully(full, "x")).toBe("ENOSPC");
    closeSync(full);
    const readOnly = openSync("/dev/null", constants.O_RDONLY);
    expect(writeFully(readOnly, "x")).toBe("EBADF");
    closeSync(readOnly);
  });
});
