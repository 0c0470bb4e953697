/**
 * Real programs in surroundings that are known to break preloaded libraries. Invariant: exit code,
 * output and errors are the same with and without the library; where the library cannot be there,
 * the test says so.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  losses,
  observe,
  ollyBinary,
  ollyLibrary,
  startAgent,
  type TestAgent,
} from "../harness/olly.ts";
import { readOtlpFile } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import {
  type Ended,
  output,
  run,
  type StartOptions,
  start,
  stopAll,
  temporaryDirectory,
  text,
  waitForOutput,
} from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const programs = join(import.meta.dir, "programs");
const source = join(programs, "http_pair.c");
/** What http_pair ends with when both ends have worked. */
const WORKED = 7;
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** The smallest ring. */
const RING_KIB_MIN = 4_096;

let agent: TestAgent;
let directory: string;

beforeAll(async () => {
  directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  agent = await startAgent();
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

/** http_pair, built with these flags. */
async function pair(name: string, ...flags: readonly string[]): Promise<string> {
  const path = join(directory, name);
  await output([process.env["CC"] ?? "cc", "-O1", "-pthread", ...flags, "-o", path, source]);
  return path;
}

function shape(ended: Ended): { code: number; stdout: string; stderr: string } {
  return { code: ended.code, stdout: text(ended.stdout), stderr: text(ended.stderr) };
}

/** What a memcached that locks its memory has locked after one operation. */
async function lockedKib(env: NonNullable<StartOptions["env"]>): Promise<number> {
  const port = await freePort();
  const options = ["-u", "root", "-k", "-m", "4", "-t", "1", "-l", "127.0.0.1", "-p", `${port}`];
  const program = start(["memcached", ...options], { env });
  await waitForPort(port, "memcached");
  const operation = `printf 'set k 0 0 1\\r\\nv\\r\\nquit\\r\\n' | socat - TCP:127.0.0.1:${port}`;
  expect(await output(["sh", "-c", operation])).toBe("STORED\r\n");
  const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
  await program.stop();
  return Number(/^VmLck:\s+(\d+)/m.exec(status)?.[1]);
}

interface Surroundings extends StartOptions {
  /** LD_PRELOAD of the bare run; the hooked run has it in front of libolly and behind it. */
  readonly others?: string;
}

/** Runs the command bare and hooked and expects the same; gives the exit code and new spans. */
async function same(command: readonly string[], options: Surroundings = {}) {
  const before = readOtlpFile(agent.file).spans.length;
  const { others, ...rest } = options;
  const bare = await run(command, { ...rest, env: { ...rest.env, LD_PRELOAD: others } });
  const orders = others === undefined ? [""] : [`${others}:`, ""];
  for (const front of orders) {
    const behind = others === undefined || front !== "" ? "" : `:${others}`;
    const env = { ...rest.env, ...agent.environment };
    const hooked = await run(command, {
      ...rest,
      env: { ...env, LD_PRELOAD: `${front}${ollyLibrary}${behind}` },
    });
    expect(shape(hooked)).toEqual(shape(bare));
  }
  return {
    code: bare.code,
    spans: () => readOtlpFile(agent.file).spans.length - before,
  };
}

async function spansOf(ran: { spans: () => number }, count: number): Promise<void> {
  await waitFor(() => ran.spans() >= count, { what: `${count} spans` });
  expect(ran.spans()).toBe(count);
}

/** As same(), by `olly run`. */
async function underRun(program: string): Promise<void> {
  const bare = await run([program]);
  const hooked = await observe([program]);
  expect(bare.code).toBe(WORKED);
  expect({ code: hooked.code, stderr: hooked.stderr }).toEqual({
    code: bare.code,
    stderr: text(bare.stderr),
  });
  expect(hooked.spans).toHaveLength(2);
}

describe("a 32-bit program", () => {
  test.if(process.arch === "x64")("has nothing to say of a 64-bit library", async () => {
    const program = join(directory, "thirty_two");
    await output([
      ...["gcc", "-m32", "-ffreestanding", "-fno-pie", "-no-pie", "-nostdlib"],
      ...["-fno-stack-protector", "-mstackrealign", "-o", program],
      ...[join(programs, "thirty_two.c"), "/lib32/libc.so.6"],
      "-Wl,-dynamic-linker,/lib/ld-linux.so.2",
    ]);
    const bare = await run([program]);
    expect(shape(bare)).toEqual({ code: WORKED, stdout: "thirty-two\n", stderr: "" });
    const hooked = await observe([
      "sh",
      "-c",
      `${program}; code=$?; echo from the shell; exit $code`,
    ]);
    expect(hooked.code).toBe(WORKED);
    expect(hooked.stderr).toBe("");
    // The shell that started it, a 64-bit program, is hooked.
    expect(hooked.logs.map((log) => log.body)).toContain("from the shell");
  });

  test("makes no difference to one for musl", async () => {
    const program = join(directory, "pair-musl");
    await output(["musl-gcc", "-O1", "-pthread", "-o", program, source]);
    await underRun(program);
  });
});

describe("a program built", () => {
  const linked: [name: string, flags: string[], spans: number][] = [
    ["position-independent", ["-pie", "-fPIE"], 2],
    ["for a fixed place", ["-no-pie", "-fno-pie"], 2],
    ["with lazy binding", ["-Wl,-z,lazy"], 2],
    ["with fortified calls", ["-O2", "-D_FORTIFY_SOURCE=2"], 2],
    // There is no loader in it that could load anything.
    ["statically", ["-static"], 0],
    ["statically, position-independent", ["-static-pie"], 0],
  ];
  test.each(linked)("%s", async (name, flags, spans) => {
    const ran = await same([await pair(name.replace(/\W/g, "-"), ...flags)]);
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, spans);
  });

  test("with UndefinedBehaviorSanitizer", async () => {
    const ran = await same([await pair("ubsan", "-fsanitize=undefined")]);
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, 2);
  });

  test("with ThreadSanitizer", async () => {
    // Its memory layout wants addresses that are not randomised.
    const ran = await same(["setarch", "-R", await pair("tsan", "-fsanitize=thread")]);
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, 2);
  });

  test("with AddressSanitizer: olly run lets its runtime come second", async () => {
    const program = await pair("asan", "-fsanitize=address");
    await underRun(program);
  });
});

describe("another preloaded library, in front and behind", () => {
  const library = (name: string) =>
    join("/usr/lib", `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`, name);
  const others: [name: string, path: string, env: Record<string, string>][] = [
    ["jemalloc", library("libjemalloc.so.2"), {}],
    ["libfaketime", library("faketime/libfaketime.so.1"), { FAKETIME: "2001-02-03 04:05:06" }],
  ];
  test.each(others)("%s", async (_name, path, env) => {
    const ran = await same([await pair("pair")], { others: path, env });
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, 4);
    expect(
      (
        await same(["date", "+%Y"], {
          others: path,
          env: { ...env, FAKETIME: "2001-02-03 04:05:06" },
        })
      ).code,
    ).toBe(0);
  });

  test("fakeroot", async () => {
    const program = await pair("pair");
    const script = `touch ${directory}/owned && chown 7:8 ${directory}/owned && stat -c %u:%g ${directory}/owned; ${program}`;
    const ran = await same(["fakeroot", "sh", "-c", script]);
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, 2);
  });
});

describe("surroundings", () => {
  test("a set-user-ID program runs without the library and without a word", async () => {
    const program = join(directory, "set-user-id");
    copyFileSync("/usr/bin/id", program);
    if (process.getuid?.() === 0) chownSync(program, NOBODY, NOBODY);
    chmodSync(program, 0o6755);
    expect((await same([program])).code).toBe(0);
  });

  test("a read-only root", async () => {
    const program = await pair("pair");
    const script = `mount --make-rprivate / && mount -o remount,bind,ro / || exit 90
! touch /olly-test 2>/dev/null || exit 91; exec ${program}`;
    const ran = await same(["unshare", "--map-root-user", "--mount", "sh", "-c", script]);
    expect(ran.code).toBe(WORKED);
    await spansOf(ran, 2);
  });

  test("no directory of the agent's", async () => {
    const hide = `mount -t tmpfs -o ro none ${agent.directory} || exit 90`;
    const script = `${hide}; ls -A ${agent.directory}; sh -c 'echo fine; exit 3'`;
    const ran = await same(["unshare", "--map-root-user", "--mount", "sh", "-c", script]);
    expect(ran.code).toBe(3);
  });

  test("a program that starts itself anew without LD_PRELOAD", async () => {
    const ran = await same(["env", "-u", "LD_PRELOAD", await pair("pair")]);
    expect(ran.code).toBe(WORKED);
    expect(ran.spans()).toBe(0);
  });

  test("man: its helpers run under a filter that man installs", async () => {
    const page = join(directory, "page.1");
    writeFileSync(page, ".TH PAGE 1\n.SH NAME\npage \\- of a test\n");
    const ran = await same(["man", "-P", "cat", "-l", page], { env: { MANWIDTH: "80" } });
    expect(ran.code).toBe(0);
  });

  test.if(isRoot)("memcached -k locks its own memory, not the library's", async () => {
    // What the programs before may still be counted for is not this one's.
    const own = await startAgent();
    const bare = await lockedKib({ LD_PRELOAD: undefined });
    const hooked = await lockedKib(own.environment);
    expect(bare).toBeGreaterThan(0);
    expect(hooked - bare).toBeLessThan(RING_KIB_MIN);
    const spans = () => readOtlpFile(own.file).spans;
    await waitFor(() => spans().length >= 2, { what: "the operations' spans" });
    expect(spans().map(({ name }) => name.split(" ")[0])).toEqual(["set", "quit"]);
    expect(losses(await own.status())).toEqual({});
  });

  test("a new library takes the place of one that is in use", async () => {
    const place = join(directory, "placed");
    const path = join(place, "libolly.so");
    await output([ollyBinary, "lib", "--extract", place]);
    const program = start(["sh", "-c", "echo ready; read line; echo $line"], {
      env: { ...agent.environment, LD_PRELOAD: path },
      keepStdinOpen: true,
    });
    await waitForOutput(program, /ready/);
    const { ino } = statSync(path);
    await output([ollyBinary, "lib", "--extract", place]);
    expect(statSync(path).ino).not.toBe(ino);
    program.endInput();
    expect(shape(await program.ended)).toEqual({ code: 0, stdout: "ready\n\n", stderr: "" });
  });
});
