/**
 * `make demo`'s script: it shows the traces of unmodified services and ends by itself.
 * Invariant: it leaves nothing behind, with or without a database, and when it is interrupted.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { demoApp, ollyBinary } from "../harness/olly.ts";
import {
  run,
  start,
  stopAll,
  temporaryDirectory,
  text,
  waitForOutput,
} from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const SCRIPT = join(demoApp, "run.sh");
afterAll(stopAll, TIMEOUT_MS);

describe("the demo", () => {
  test(
    "prints a trace for each request, with its database calls and log lines",
    async () => {
      const temporary = temporaryDirectory();
      // PostgreSQL's own user has to reach its directory.
      chmodSync(temporary, 0o755);
      const ended = await run([SCRIPT], { env: { OLLY: ollyBinary, TMPDIR: temporary } });
      const [answers, traces] = [text(ended.stdout), text(ended.stderr)];
      expect(ended.code).toBe(0);
      expect(answers.match(/^demo: (GET|POST) .* -> \d+ /gm)).toHaveLength(7);
      expect(traces.match(/\btrace [0-9a-f]{32}\b/g)).toHaveLength(7);
      expect(traces).toContain("SELECT item, pieces FROM orders WHERE id = $1");
      expect(traces).toContain("looking up order 1");
      expect(traces).toContain("RuntimeError: this endpoint always fails");
      expect(readdirSync(temporary)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "goes without a database when none can be started",
    async () => {
      // With no setpriv to be found root cannot start PostgreSQL; others find no postgres.
      const bin = join(temporaryDirectory(), "bin");
      mkdirSync(bin);
      for (const name of ["sh", "dirname", "mktemp", "rm", "id", "cat", "python3"]) {
        await run(["ln", "-s", Bun.which(name, { PATH: "/usr/bin:/bin" }) ?? name, bin]);
      }
      const ended = await run([SCRIPT], { env: { OLLY: ollyBinary, PATH: bin } });
      expect(ended.code).toBe(0);
      if (process.getuid?.() === 0) {
        expect(text(ended.stderr)).toContain("without a database");
        expect(text(ended.stderr)).not.toContain("postgresql");
      }
    },
    TIMEOUT_MS,
  );

  test(
    "interrupted, it ends at once and leaves nothing",
    async () => {
      const temporary = temporaryDirectory();
      const program = start([SCRIPT], { env: { OLLY: ollyBinary, TMPDIR: temporary } });
      await waitForOutput(program, /their traces and logs follow/);
      program.signal("SIGTERM");
      expect((await program.ended).code).toBe(143);
      await waitFor(() => readdirSync(temporary).length === 0, { what: "an empty directory" });
    },
    TIMEOUT_MS,
  );
});
