/**
 * `olly lib --check`: the library that olly carries passes, broken ones are refused with the
 * program and the difference. Invariant: the broken libraries are built here, each in one way.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ollyBinary } from "../harness/olly.ts";
import { output, run, stopAll, temporaryDirectory, text } from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
/** test/require.sh asks for the first one. */
const foreignCompiler = process.arch === "x64" ? "aarch64-linux-gnu-gcc" : "x86_64-linux-gnu-gcc";
let directory: string;

beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(stopAll, TIMEOUT_MS);

async function check(library?: string) {
  const file = library === undefined ? [] : ["--library", library];
  const ended = await run([ollyBinary, "lib", "--check", ...file], {
    // Of the tests' own, or of a shell around them.
    env: {
      OLLY_DISABLED: "1",
      LD_PRELOAD: undefined,
      TMPDIR: directory,
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    },
  });
  return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
}

/** A host with 32-bit programs is told, rightly, that they cannot load a 64-bit library. */
function withoutNarrow({ stdout, stderr, ...rest }: Awaited<ReturnType<typeof check>>) {
  const lines = stdout.split("\n");
  const narrow = lines.filter((line) =>
    /^differs {2}\/lib.*libc.so.6: .*wrong ELF class/.test(line),
  );
  if (narrow.length === 0) return { ...rest, stdout, stderr };
  expect(rest.code).toBe(1);
  expect(stderr).toContain("olly: 1 programs differ");
  return { code: 0, stdout: lines.filter((line) => !narrow.includes(line)).join("\n"), stderr: "" };
}

async function built(name: string, code: string, compiler = "cc"): Promise<string> {
  const source = join(directory, `${name}.c`);
  const library = join(directory, `${name}.so`);
  writeFileSync(source, code);
  await output([compiler, "-shared", "-fPIC", "-o", library, source]);
  return library;
}

const atStart = (code: string) =>
  `#include <stdio.h>\n#include <unistd.h>\n__attribute__((constructor)) static void f(void) {${code}}`;

test(
  "the library that olly carries",
  async () => {
    const { code, stdout, stderr } = withoutNarrow(await check());
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
    for (const program of ["cat /proc/self/maps", "ls /", "env", "cat"]) {
      expect(stdout).toContain(`same     ${program}\n`);
    }
    expect(stdout).toMatch(/^same {5}sh -c /m);
    expect(stdout).toMatch(/^same {5}\/sbin\/ldconfig /m);
    expect(stdout).toMatch(/^same {5}\/bin\/mount /m);
    expect(readdirSync(directory).filter((name) => name.startsWith("olly-run-"))).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "one that crashes in its constructor",
  async () => {
    const library = await built("crashes", atStart("__builtin_trap();"));
    const { code, stdout, stderr } = await check(library);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^differs {2}ls \/: ended by SIG(?:ILL|TRAP).* instead of exit code 0/m);
    expect(stderr).toContain(`programs differ with ${library}: do not preload it`);
  },
  TIMEOUT_MS,
);

test(
  "one for another architecture",
  async () => {
    const library = await built("foreign", "int foreign;", foreignCompiler);
    const { code, stdout } = await check(library);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^differs {2}cat \/proc\/self\/maps: the library is not loaded/m);
    expect(stdout).toMatch(/^differs {2}ls \/: stderr is ".*cannot be preloaded/m);
  },
  TIMEOUT_MS,
);

test(
  "one that prints",
  async () => {
    const toError = await built("speaks", atStart('if (write(2, "hello\\n", 6) < 0) _exit(1);'));
    expect((await check(toError)).stdout).toMatch(
      /^differs {2}ls \/: stderr is "hello\\n" instead of ""/m,
    );
    const toOutput = await built("prints", atStart('puts("hello");'));
    expect((await check(toOutput)).stdout).toMatch(/^differs {2}ls \/: stdout is "hello\\n/m);
  },
  TIMEOUT_MS,
);

test(
  "one that changes an exit code only, and one that does nothing",
  async () => {
    const code = "int foo; extern void _exit(int); void exit(int code) { _exit(code + 1); }";
    const { stdout } = await check(await built("exits", code));
    expect(stdout).toMatch(/^differs {2}.*exit code \d+ instead of exit code \d+/m);
    const { code: clean, stdout: same } = withoutNarrow(
      await check(await built("idle", "int idle;")),
    );
    expect(clean, same).toBe(0);
  },
  TIMEOUT_MS,
);

test("wrong usage is said", async () => {
  const ask = async (...args: string[]) => {
    const ended = await run([ollyBinary, "lib", ...args]);
    return { code: ended.code, stderr: text(ended.stderr) };
  };
  expect(await ask("--library", "x")).toMatchObject({ code: 2 });
  expect(await ask("--check", "--extract", directory)).toMatchObject({ code: 2 });
  expect(await ask("--check", "--library", "/nonexistent.so")).toEqual({
    code: 2,
    stderr: "olly: /nonexistent.so does not exist\n",
  });
});
