/**
 * strace and gdb on a hooked program. Invariant: in its steady state the program makes exactly the
 * system calls that it makes without the library, and a debugger's user sees his own frames.
 */
import { beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { output, temporaryDirectory } from "../harness/processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const ROUNDS = 40;
const CALLS_OF_A_ROUND = 10;
const source = join(import.meta.dir, "programs/steady.c");
let program: string;

compareUnderOneAgent();

beforeAll(async () => {
  program = join(temporaryDirectory(), "steady");
  await output(["gcc", "-g", "-O1", "-w", "-o", program, source]);
});

/** System calls between the two of getppid(), by name and result. */
function steadyCalls(trace: string): string[] {
  const [, steady = ""] = trace.split(/^.*getppid\(\).*\n/m);
  return steady.split("\n").filter(Boolean).map(callAndResult);
}

function callAndResult(line: string): string {
  return line.replace(/^(?:\d+ +)?(\w+)\(.* = (-?\d+).*$/, "$1 = $2");
}

async function underStrace(play: Play): Promise<void> {
  const file = join(play.directory, "trace");
  await play.ask("strace", ["strace", "-f", "-o", file, program], { code: 7 });
  const calls = steadyCalls(readFileSync(file, "utf8"));
  expect(calls).toHaveLength(ROUNDS * CALLS_OF_A_ROUND);
  play.tell("steady calls", calls);
}

sameTwice("strace sees no call of the library's in the steady state", underStrace, {
  traced: ["steady"],
});

/** Frames of the caller's own program: what the library and libc put between is left out. */
function ownFrames(said: string): string {
  const own = said.split("\n").filter((line) => /steady\.c:\d+|exited|^\d+\t/.test(line));
  return own
    .map((line) =>
      line.replace(/^#\d+ +(?:0x[0-9a-f]+ in )?/, "# ").replace(/process \d+/, "process N"),
    )
    .join("\n");
}

const gdbCommands = [
  "set debuginfod enabled off",
  "set pagination off",
  "set confirm off",
  "break round_of_calls",
  "run > output",
  "next",
  "next",
  "next",
  "backtrace",
  "disable",
  "catch syscall pwrite64",
  "continue",
  "backtrace",
  "finish",
  "delete",
  "continue",
];

async function underGdb(play: Play): Promise<void> {
  const commands = gdbCommands.flatMap((command) => ["-ex", command]);
  const said = await play.ask("gdb", ["gdb", "-nx", "-batch", ...commands, program], {
    normalise: ownFrames,
  });
  expect(said).toContain("exited with code 07");
  expect(said.match(/main \(\) at/g)?.length ?? 0).toBeGreaterThanOrEqual(2);
  expect(existsSync(join(play.directory, "output"))).toBe(true);
  play.tell("output", readFileSync(join(play.directory, "output"), "utf8"));
}

sameTwice("gdb steps over calls and shows the caller's frames", underGdb, {
  traced: ["steady", "gdb"],
});

test("the steady state is found in a trace", () => {
  const trace =
    '1 read(3) = 1\n1 getppid() = 1\n1 write(1, "= 2") = 3\n1 getppid() = 1\n1 x() = 0\n';
  expect(steadyCalls(trace)).toEqual(["write = 3"]);
});
