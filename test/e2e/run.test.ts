/**
 * Item 5 of the spine: a program under `olly run` is itself. Invariant: exit code, stdout, stderr
 * and signals are compared with what the program does on its own.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { observe, ollyRun, outputFile, python } from "../harness/olly.ts";
import { Kind, readOtlpFile } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import {
  type Ended,
  run,
  start,
  stopAll,
  temporaryDirectory,
  text,
  waitForOutput,
} from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
afterAll(stopAll, TIMEOUT_MS);

/** The same command on its own and under olly. */
async function both(
  command: readonly string[],
  stdin?: Uint8Array,
): Promise<{ readonly bare: Ended; readonly hooked: Ended }> {
  const options = stdin === undefined ? {} : { stdin };
  const bare = await run(command, options);
  const hooked = await run([...ollyRun(outputFile()), ...command], options);
  return { bare, hooked };
}

describe("exit codes", () => {
  const cases: [string, string, number][] = [
    ["success", "exit 0", 0],
    ["failure", "exit 1", 1],
    ["a code of its own", "exit 77", 77],
    ["the largest code", "exit 255", 255],
    ["ended by SIGKILL", "kill -KILL $$", 137],
    ["ended by SIGSEGV", "kill -SEGV $$", 139],
    ["a child's failure", "false", 1],
  ];
  test.each(cases)(
    "%s",
    async (_, script, code) => {
      const ended = await run([...ollyRun(outputFile()), "sh", "-c", script]);
      expect({ code: ended.code, stderr: text(ended.stderr) }).toEqual({ code, stderr: "" });
    },
    TIMEOUT_MS,
  );
});

describe("output, byte for byte", () => {
  const random = `
import os, random, sys
source = random.Random(4)
for _ in range(64):
    os.write(1, source.randbytes(65536 + 17))
    os.write(2, source.randbytes(9001))
    sys.stdout.buffer.write(source.randbytes(300))
`;
  const cases: [string, readonly string[]][] = [
    ["nothing at all", ["true"]],
    ["no line end", ["printf", "no line end"]],
    ["stdout and stderr", ["sh", "-c", "echo out; echo err >&2; echo out again"]],
    ["large and binary", [python, "-c", random]],
    ["a pipeline of programs", ["sh", "-c", "seq 20000 | sort -r | head -n 5000 | md5sum"]],
    ["arguments with spaces, quotes and newlines", ["printf", "%s|", "a b", '"', "'", "\n", ""]],
    ["the environment's order and content", ["env", "-i", "PATH=/bin", "A=1", "env"]],
  ];
  test.each(cases)(
    "%s",
    async (_, command) => {
      const { bare, hooked } = await both(command);
      expect(hooked.code).toBe(bare.code);
      expect(digest(hooked.stdout)).toEqual(digest(bare.stdout));
      expect(digest(hooked.stderr)).toEqual(digest(bare.stderr));
    },
    TIMEOUT_MS,
  );

  test(
    "standard input arrives whole",
    async () => {
      const input = crypto.getRandomValues(new Uint8Array(65_536));
      const { bare, hooked } = await both(["cat"], input);
      expect(digest(bare.stdout)).toEqual(digest(input));
      expect(digest(hooked.stdout)).toEqual(digest(input));
    },
    TIMEOUT_MS,
  );
});

describe("signals are passed on", () => {
  const script = `trap 'echo got $SIGNAL; exit 9' $SIGNAL
echo ready
while :; do sleep 0.05; done`;
  test.each(["TERM", "INT", "HUP", "USR1", "USR2"])(
    "SIG%s",
    async (signal) => {
      const command = ["sh", "-c", script.replaceAll("$SIGNAL", signal)];
      const program = start([...ollyRun(outputFile()), ...command]);
      await waitForOutput(program, /ready/);
      program.signal(`SIG${signal}` as NodeJS.Signals);
      const ended = await program.ended;
      const seen = { code: ended.code, stdout: text(ended.stdout) };
      expect(seen).toEqual({ code: 9, stdout: `ready\ngot ${signal}\n` });
    },
    TIMEOUT_MS,
  );

  test(
    "a program that ends by the signal gives its code",
    async () => {
      const program = start([...ollyRun(outputFile()), "sh", "-c", "echo ready; exec sleep 60"]);
      await waitForOutput(program, /ready/);
      program.signal("SIGTERM");
      expect((await program.ended).code).toBe(143);
    },
    TIMEOUT_MS,
  );
});

describe("everything is exported", () => {
  const REQUESTS = 5;

  test(
    "of a program that exits at once",
    async () => {
      const port = await freePort();
      const server = start([python, "-m", "http.server", "--bind", "127.0.0.1", String(port)], {
        cwd: temporaryDirectory(),
      });
      await waitForPort(port, "http.server");
      const program = join(import.meta.dir, "programs/exits_at_once.py");
      for (let round = 0; round < 5; round++) {
        const command = [python, "-B", program, String(port), String(REQUESTS)];
        const seen = await observe(command);
        expect(seen.code).toBe(7);
        const paths = seen.spans
          .filter((span) => span.kind === Kind.client)
          .map((span) => new URL(String(span.attributes["url.full"])).pathname);
        expect(paths).toEqual(Array.from({ length: REQUESTS }, (_, index) => `/last/${index}`));
        expect(seen.logs.map((log) => log.body)).toEqual(["the last line"]);
      }
      await server.stop();
    },
    TIMEOUT_MS,
  );

  test(
    "of every program of a pipeline, the last line of each",
    async () => {
      const file = outputFile();
      const script = "for n in 1 2 3; do (echo line $n >&2) & done; wait";
      const ended = await run([...ollyRun(file), "sh", "-c", script]);
      expect(ended.code).toBe(0);
      const bodies = readOtlpFile(file).logs.map((log) => String(log.body));
      expect(bodies.sort()).toEqual(["line 1", "line 2", "line 3"]);
    },
    TIMEOUT_MS,
  );

  test(
    "of a program that was killed",
    async () => {
      const script = "echo before the end >&2; kill -KILL $$";
      const seen = await observe(["bash", "-c", script]);
      expect(seen.code).toBe(137);
      expect(seen.logs.map((log) => log.body)).toEqual(["before the end"]);
    },
    TIMEOUT_MS,
  );
});

/** Short enough to be read in a failure. */
function digest(bytes: Uint8Array): { readonly length: number; readonly sha256: string } {
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return { length: bytes.length, sha256 };
}
