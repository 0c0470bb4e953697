/**
 * What olly does not see of real programs is said by `olly status` and `olly doctor`, with its
 * reason. Invariant: each program runs, and waits, while it is looked at.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goBinary } from "../harness/collector.ts";
import { askDoctor, type Told } from "../harness/doctor.ts";
import { ollyBinary, ollyLibrary, python, startAgent, type TestAgent } from "../harness/olly.ts";
import {
  output,
  type Program,
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
// A program that is started may wait for a processor that others use.
setDefaultTimeout(TIMEOUT_MS);
/** The Go toolchain may have to compile its own library first. */
const GO_TIMEOUT_MS = 900_000;
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const source = join(import.meta.dir, "programs/waits.c");
const directory = temporaryDirectory();
const compiler = process.env["CC"] ?? "cc";
const at = (name: string) => join(directory, name);

let agent: TestAgent;

/** `olly doctor --pid`, asked about this file's agent unless told otherwise. */
function doctor(pid: number, socketDirectory = agent.directory): Promise<Told> {
  return askDoctor(pid, socketDirectory);
}

async function ready(command: readonly string[], options: StartOptions = {}): Promise<Program> {
  const program = start(command, { keepStdinOpen: true, ...options });
  await waitForOutput(program, /ready|refused \d+/);
  return program;
}

/** A program that waits, hooked by the agent unless told otherwise. */
function waiting(name: string, args: readonly string[] = [], env = agent.environment) {
  return ready([at(name), ...args], { env });
}

/** The machine that erl has become, or has started. */
async function waitForErlang(program: Program): Promise<number> {
  let found: number | undefined;
  await waitFor(
    () => {
      const children = readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, "utf8");
      const pids = [program.pid, ...children.split(" ").filter(Boolean).map(Number)];
      found = pids.find((pid) => /beam/.test(readFileSync(`/proc/${pid}/comm`, "utf8")));
      return found !== undefined;
    },
    { what: "Erlang's machine" },
  );
  return found ?? program.pid;
}

async function compile(name: string, flags: readonly string[] = [], cc = compiler): Promise<void> {
  await output([cc, "-O1", "-o", at(name), source, ...flags]);
}

beforeAll(async () => {
  chmodSync(directory, 0o755);
  await Promise.all([
    compile("waits"),
    compile("waits-static", ["-static"]),
    compile("waits-musl", [], "musl-gcc"),
    compile("waits-asan", ["-fsanitize=address"]),
    output([compiler, "-shared", "-o", at("other.so"), "-x", "c", "/dev/null"]),
  ]);
  agent = await startAgent();
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

describe("a program into which the library cannot get", () => {
  test("statically linked", async () => {
    const program = await waiting("waits-static");
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 1, level: "wrong", hooking: "not_hooked" });
    expect(told.notVisible).toEqual(["statically linked"]);
    await program.stop();
  });

  test(
    "Go",
    async () => {
      const built = at("waits-go");
      await output([goBinary(), "build", "-o", built, `${source.slice(0, -1)}go`], {
        env: { CGO_ENABLED: "0", GO111MODULE: "off", GOPROXY: "off" },
      });
      const program = await ready([built], { env: agent.environment });
      const told = await doctor(program.pid);
      expect(told).toMatchObject({ code: 1, hooking: "not_hooked" });
      expect(told.notVisible).toEqual(["statically linked", "Go"]);
      await program.stop();
    },
    GO_TIMEOUT_MS,
  );

  test.if(isRoot)("setuid", async () => {
    copyFileSync(at("waits"), at("waits-setuid"));
    chownSync(at("waits-setuid"), NOBODY, NOBODY);
    chmodSync(at("waits-setuid"), 0o4755);
    const program = await waiting("waits-setuid");
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 1, level: "wrong", hooking: "not_hooked" });
    expect(told.notVisible).toEqual(["setuid, setgid or file capabilities"]);
    await program.stop();
  });

  test("in a file system without the library", async () => {
    const hidden = at("hidden");
    await output(["mkdir", hidden]);
    const library = join(hidden, "libolly.so");
    copyFileSync(ollyLibrary, library);
    const script = 'mount -t tmpfs none "$1" && LD_PRELOAD="$2" exec "$3"';
    const program = await ready(
      ["unshare", isRoot ? "-m" : "-rm", "sh", "-c", script, "sh", hidden, library, at("waits")],
      { env: { OLLY_SOCKET: agent.environment["OLLY_SOCKET"] } },
    );
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 1, hooking: "not_hooked" });
    expect(told.notVisible).toEqual([`library not in its file system (${library})`]);
    await program.stop();
  });

  test("built with AddressSanitizer, before and after its fix", async () => {
    const refused = await run([at("waits-asan")], { env: agent.environment });
    expect(text(refused.stderr)).toContain("ASan runtime does not come first");
    const plain = await waiting("waits-asan", [], {});
    const told = await doctor(plain.pid);
    expect(told.hooking).toBe("not_hooked");
    const [sanitizer = ""] = told.notVisible;
    expect(sanitizer).toMatch(/^sanitizer \(libasan\.so\.[\d.]+\)$/);
    await plain.stop();
    const runtime = /libasan\.so\.\d+/.exec(sanitizer)?.[0] ?? "";
    const LD_PRELOAD = `${runtime} ${agent.environment["LD_PRELOAD"]}`;
    const fixed = await waiting("waits-asan", [], { ...agent.environment, LD_PRELOAD });
    expect((await doctor(fixed.pid)).hooking).toBe("hooked");
    await fixed.stop();
  });
});

describe("a hooked program of which a part is not visible", () => {
  test("none of an ordinary one: nothing is wrong", async () => {
    const program = await waiting("waits");
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 0, level: "ok", hooking: "hooked", notVisible: [] });
    await program.stop();
  });

  test("io_uring", async () => {
    const program = await waiting("waits", ["io_uring"]);
    // Where the kernel refuses it, src/host/visibility/process-look.test.ts has a crafted /proc.
    const isRefused = program.stdout().startsWith("refused");
    expect((await doctor(program.pid)).notVisible).toEqual(isRefused ? [] : ["io_uring"]);
    await program.stop();
  });

  test("a JVM", async () => {
    const machine = at("libjvm.so");
    writeFileSync(machine, Buffer.alloc(4_096));
    const program = await waiting("waits", ["map", machine]);
    expect(await doctor(program.pid)).toMatchObject({ code: 1, notVisible: ["TLS in the JVM"] });
    await program.stop();
  });

  test("TLS whose functions are found by dlsym, as .NET finds OpenSSL's", async () => {
    const script = (library: string) =>
      `import ctypes; ctypes.CDLL("${library}"); print("ready", flush=True); input()`;
    for (const [library, name] of [
      ["libssl.so.3", "OpenSSL"],
      ["libgnutls.so.30", "GnuTLS"],
    ] as const) {
      const program = await ready([python, "-c", script(library)], { env: agent.environment });
      const told = await doctor(program.pid);
      expect(told).toMatchObject({ code: 1, hooking: "hooked", visibleTls: [] });
      expect(told.notVisible).toEqual([`TLS found by dlsym (${name})`]);
      await program.stop();
    }
  });

  test("TLS of Erlang's, where its crypto library is loaded", async () => {
    const expression = 'crypto:start(), io:put_chars("ready\n"), io:get_line(""), halt().';
    const command = ["erl", "-noshell", "-eval", expression];
    const program = await ready(command, { env: { ...agent.environment, HOME: directory } });
    const pid = await waitForErlang(program);
    expect((await doctor(pid)).notVisible).toContain("TLS in Erlang");
    await program.stop();
  });

  test("none of node: the TLS of its OpenSSL is visible, wherever that is", async () => {
    const shared = await output(["node", "-p", "process.config.variables.node_shared_openssl"]);
    const script = 'process.stdin.resume(); console.log("ready")';
    const program = await ready(["node", "-e", script], { env: agent.environment });
    const told = await doctor(program.pid);
    expect(told.hooking).toBe("hooked");
    expect(told.visibleTls).toContain(shared.trim() === "true" ? "OpenSSL" : "OpenSSL in node");
    expect(told.notVisible.filter((one) => one.includes("TLS"))).toEqual([]);
    await program.stop();
  });

  test("a program with a TLS library of its own", async () => {
    const program = await ready(
      [process.execPath, "-e", 'console.log("ready"); process.stdin.resume()'],
      {
        env: agent.environment,
      },
    );
    const name = process.execPath.slice(process.execPath.lastIndexOf("/") + 1);
    const { notVisible } = await doctor(program.pid);
    expect(notVisible.some((one) => one.startsWith("TLS linked in (BoringSSL in bun"))).toBe(true);
    expect(name).toStartWith("bun");
    await program.stop();
  });

  test("Python, whose TLS is the system's", async () => {
    const script = 'import ssl; print("ready", flush=True); input()';
    const program = await ready([python, "-c", script], { env: agent.environment });
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 0, visibleTls: ["OpenSSL"], notVisible: [] });
    await program.stop();
  });

  test("musl", async () => {
    const program = await waiting("waits-musl");
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ hooking: "hooked", notVisible: ["stdio of musl"] });
    await program.stop();
  });

  test.each([
    ["filter", "seccomp (filter)"],
    ["strict", "seccomp (strict mode)"],
  ])("seccomp: %s", async (mode, expected) => {
    const program = await waiting("waits", [mode]);
    expect(await doctor(program.pid)).toMatchObject({ code: 1, notVisible: [expected] });
    await program.stop("SIGKILL");
  });

  test("other preloaded libraries are named, which is nothing wrong", async () => {
    const other = at("other.so");
    const LD_PRELOAD = `${other}:${agent.environment["LD_PRELOAD"]}`;
    const program = await waiting("waits", [], { ...agent.environment, LD_PRELOAD });
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 0, hooking: "hooked" });
    expect(told.notVisible).toEqual([`other preloaded libraries (${other})`]);
    await program.stop();
  });
});

describe("whether a program is hooked", () => {
  test("not: it was started before olly, or without it", async () => {
    const { pid } = await waiting("waits", [], {});
    const without = await doctor(pid);
    expect(without).toMatchObject({ code: 1, hooking: "not_hooked", notVisible: [] });
    expect(without.because).toBe("started without olly");
    expect(without.fix).toContain("olly run");
    const later = await startAgent();
    expect((await doctor(pid, later.directory)).because).toBe("started before olly");
    await later.program.stop();
  });

  test("left alone", async () => {
    const env = { ...agent.environment, OLLY_DISABLED: "1" };
    const program = await waiting("waits", [], env);
    const told = await doctor(program.pid);
    expect(told).toMatchObject({ code: 0, hooking: "left_alone", because: "OLLY_DISABLED=1" });
    await program.stop();
  });

  test("left alone by a rule", async () => {
    const hook = "  processes: {rules: [{deny: {executable: waits}}]}\n";
    const other = await startAgent({ hook });
    const program = await waiting("waits", [], other.environment);
    await waitFor(async () => "deny executable=waits" in (await other.status()).leftAlone, {
      what: "the agent to refuse the program",
    });
    const told = await doctor(program.pid, other.directory);
    // Only root may read the verdict in the program's ring.
    const expected = isRoot
      ? { hooking: "left_alone", because: "a rule of hook.processes" }
      : { hooking: "dormant", because: "quiet since the agent's start, or left alone by a rule" };
    expect(told).toMatchObject({ code: 0, level: "note", ...expected });
    await program.stop();
    await other.program.stop();
  });

  test("dormant, and by an agent that was killed", async () => {
    const other = await startAgent({ onDemand: true });
    const program = await waiting("waits", [], other.environment);
    const dormant = await doctor(program.pid, other.directory);
    expect(dormant).toMatchObject({ code: 0, hooking: "dormant", because: "tracing is off" });
    expect(dormant.fix).toBe("olly trace start");
    await program.stop();
    await other.trace("start");
    const orphan = await waiting("waits", [], other.environment);
    await waitFor(async () => (await other.status()).processes.length === 1, {
      what: "the program to register",
    });
    // Asked of another agent's user, it is hooked all the same.
    expect(await doctor(orphan.pid)).toMatchObject({ code: 0, hooking: "hooked" });
    await other.program.stop("SIGKILL");
    const told = await doctor(orphan.pid);
    expect(told).toMatchObject({ code: 1, level: "wrong", hooking: "elsewhere" });
    expect(told.fix).toContain(other.environment["OLLY_SOCKET"] ?? "none");
    await orphan.stop();
  });
});

describe("olly status", () => {
  test(
    "says of each process what is not visible, and counts processes by reason",
    async () => {
      const own = await startAgent();
      const machine = at("libjvm.so");
      writeFileSync(machine, Buffer.alloc(4_096));
      const env = own.environment;
      const java = await waiting("waits", ["map", machine], env);
      const musl = await waiting("waits-musl", [], env);
      // The status is everybody's to read: it says nothing of an environment without need.
      const preloads = `${at("other.so")}:${env["LD_PRELOAD"]}`;
      const plain = await waiting("waits", [], { ...env, LD_PRELOAD: preloads });
      const of = async (pid: number) => {
        const { processes } = JSON.parse(
          await output([ollyBinary, "status", "--json", "--socket-dir", own.directory]),
        );
        const found = processes.find((one: { pid: number }) => one.pid === pid);
        return found?.notVisible?.map(({ spot }: { spot: string }) => spot).join();
      };
      await waitFor(
        async () =>
          (await of(java.pid)) === "jvm_tls" &&
          (await of(musl.pid)) === "musl_stdio" &&
          (await of(plain.pid)) === "",
        { what: "the agent to look at all three" },
      );
      const shown = await output([ollyBinary, "status", "--socket-dir", own.directory]);
      expect(shown).toMatch(/^not seen {2}(?:jvm_tls 1, musl_stdio 1|musl_stdio 1, jvm_tls 1) /m);
      expect(shown).toMatch(/NOT VISIBLE\n/);
      expect(shown).toMatch(new RegExp(`^${java.pid} .* TLS in the JVM$`, "m"));
      expect(shown).toMatch(new RegExp(`^${plain.pid} .* nothing$`, "m"));
      await own.program.stop();
    },
    TIMEOUT_MS,
  );
});

describe("olly status, of programs that never speak to the agent", () => {
  test("says which there are and why, as long as they run", async () => {
    const own = await startAgent();
    const status = async () => {
      const command = [ollyBinary, "status", "--json", "--socket-dir", own.directory];
      const { notHooked } = JSON.parse(await output(command));
      return notHooked.map((one: { pid: number; notVisible: { spot: string }[] }) => [
        ...[one.pid, ...one.notVisible.map(({ spot }) => spot)],
      ]);
    };
    const hooked = await waiting("waits", [], own.environment);
    const disabled = await waiting("waits-static", [], { ...own.environment, OLLY_DISABLED: "1" });
    const others = await waiting("waits-static");
    expect(await status()).toEqual([]);
    const program = await waiting("waits-static", [], own.environment);
    expect(await status()).toEqual([[program.pid, "statically_linked"]]);
    const shown = await output([ollyBinary, "status", "--socket-dir", own.directory]);
    expect(shown).toContain(
      "\nno hook   1 process that was started under this agent: statically linked 1\n",
    );
    const row = `^${program.pid} +${at("waits-static")} +statically linked$`;
    expect(shown).toMatch(new RegExp(row, "m"));
    for (const one of [program, hooked, disabled, others]) await one.stop();
    expect(await status()).toEqual([]);
    await own.program.stop();
  });
});

describe("olly doctor", () => {
  test("shows host, agent and processes, and says what to mend", async () => {
    const program = await waiting("waits-musl");
    const command = [ollyBinary, "doctor", "--socket-dir", agent.directory];
    const { stdout, code } = await run([...command, "--pid", `${program.pid}`]);
    const shown = text(stdout);
    expect(code).toBe(1);
    expect(shown).toMatch(/^host\n {2}ok {7}Linux /);
    expect(shown).toMatch(/^agent\n {2}ok {7}olly .* runs as process \d+, tracing is on$/m);
    expect(shown).toMatch(/^ {2}ok {7}programs can reach the agent in /m);
    expect(shown).toContain(`wrong    ${program.pid} waits-musl: hooked\n`);
    expect(shown).toMatch(/^ +not visible: stdio of musl: files .* Fix: log to stdout/m);
    expect(shown).toEndWith("\n1 wrong\n");
    await program.stop();
  });

  test("lists processes with connections; with --all every one", async () => {
    const script = [
      "import socket, sys",
      "s = socket.create_server(('127.0.0.1', 0))",
      "print('ready', flush=True)",
      "sys.stdin.read()",
    ].join("\n");
    const listening = await ready([python, "-c", script]);
    const idle = await waiting("waits", [], {});
    const listed = async (...flags: string[]): Promise<number[]> => {
      const { stdout } = await run([ollyBinary, "doctor", "--json", ...flags]);
      const { findings } = JSON.parse(text(stdout));
      return findings.flatMap((one: { process?: { pid: number } }) => one.process?.pid ?? []);
    };
    const connected = await listed();
    expect(connected).toContain(listening.pid);
    expect(connected).not.toContain(idle.pid);
    expect(await listed("--all")).toContain(idle.pid);
    await listening.stop();
    await idle.stop();
  });

  test("of a process that does not exist, or a number that is none", async () => {
    const gone = start(["true"]);
    await gone.ended;
    const missing = await run([ollyBinary, "doctor", "--pid", `${gone.pid}`]);
    expect(missing.code).toBe(1);
    expect(text(missing.stderr)).toBe(`olly: there is no process ${gone.pid}\n`);
    const wrong = await run([ollyBinary, "doctor", "--pid", "all"]);
    expect(wrong.code).toBe(2);
    expect(text(wrong.stderr)).toBe("olly: --pid needs the number of a process, not all\n");
  });

  test.if(isRoot)("of another user: what cannot be read is not said to be fine", async () => {
    const program = await waiting("waits", [], {});
    const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const copy = at("olly");
    copyFileSync(ollyBinary, copy);
    const one = await run([...asNobody, copy, "doctor", "--pid", `${program.pid}`]);
    expect(one.code).toBe(1);
    expect(text(one.stderr)).toContain("belongs to another user: run olly doctor as root");
    const all = await run([...asNobody, copy, "doctor", "--all"]);
    expect(text(all.stdout)).toMatch(/unknown {2}\d+ processes of other users were not looked at/);
    await program.stop();
  });
});
