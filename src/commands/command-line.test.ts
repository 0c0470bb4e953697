import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { VERSION } from "../version.ts";
import type { CommandContext } from "./command.ts";
import { runCommandLine } from "./command-line.ts";
import { OllyCases } from "./run-cases.ts";

const cases = new OllyCases();
afterAll(() => cases.remove());

async function commandLine(args: string[], environment: Record<string, string> = {}) {
  const output = { stdout: "", stderr: "" };
  const context: CommandContext = {
    environment: { OLLY_SOCKET: cases.path("none/hook.sock"), ...environment },
    uid: process.getuid?.() ?? 0,
    workingDirectory: cases.directory,
    stdout: (text) => {
      output.stdout += text;
    },
    stderr: (text) => {
      output.stderr += text;
    },
  };
  return { code: await runCommandLine(args, context), ...output };
}

describe("help", () => {
  test("is short and names every command", async () => {
    const { code, stdout, stderr } = await commandLine(["--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const name of ["run", "agent", "trace", "status", "doctor", "lib", "version"]) {
      expect(stdout).toContain(`\n  ${name}`);
    }
    expect(stdout).toContain("olly run -- python3 app.py");
    expect(stdout.split("\n").length).toBeLessThan(30);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test.each(["run", "agent", "trace", "status", "doctor", "lib", "version"])(
    "of %s",
    async (name) => {
      const asked = await commandLine([name, "--help"]);
      expect(asked).toEqual(await commandLine(["help", name]));
      expect(asked.code).toBe(0);
      expect(asked.stdout).toStartWith(`Usage: olly ${name}`);
      const lines = asked.stdout.split("\n");
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    },
  );
});

test("the help of a part of a command is its own, however it is asked for", async () => {
  const asked = await commandLine(["trace", "start", "--help"]);
  expect(asked.stdout).toStartWith("Usage: olly trace start [OPTIONS]\n");
  expect(await commandLine(["help", "trace", "start"])).toEqual(asked);
  expect(await commandLine(["trace", "--help", "start"])).toEqual(asked);
});

test("--help behind -- is nobody's flag", async () => {
  expect(await commandLine(["version", "--", "--help"])).toEqual({
    code: 2,
    stdout: "",
    stderr: 'olly: olly version does not know what to do with "--help"\n',
  });
});

describe("version", () => {
  test.each([[["version"]], [["--version"]], [["-V"]]])("%p", async (args) => {
    const { code, stdout } = await commandLine(args);
    expect(code).toBe(0);
    expect(stdout).toStartWith(`olly ${VERSION} linux-`);
  });

  test("as JSON", async () => {
    const { stdout } = await commandLine(["version", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ version: VERSION });
  });
});

describe("one clear line", () => {
  const known = "run, agent, trace, status, doctor, lib, version, help";
  const lines: [args: string[], code: number, line: string][] = [
    [["rnu"], 2, "unknown command rnu, did you mean run?"],
    [
      ["frobnicate"],
      2,
      "unknown command frobnicate; known are run, agent, trace, status, doctor, lib, version, help",
    ],
    [["help", "statsu"], 2, "unknown command statsu, did you mean status?"],
    [["--confg", "x"], 2, "unknown flag --confg, did you mean --config?"],
    [["run"], 2, "olly run needs a command: olly run -- python3 app.py"],
    [["run", "--"], 2, "olly run needs a command: olly run -- python3 app.py"],
    [["run", "--outptu", "x", "--", "a"], 2, "unknown flag --outptu, did you mean --output?"],
    [["run", "--output"], 2, "--output needs a value: --output pretty|json|FILE"],
    [
      ["run", "--output", "/nowhere/f", "--", "echo"],
      2,
      "cannot write /nowhere/f: no such file or directory",
    ],
    [
      ["run", "--config", "/nowhere/f", "--", "echo"],
      2,
      "/nowhere/f: cannot be read: no such file or directory",
    ],
    [["agent", "extra"], 2, 'olly agent does not know what to do with "extra"'],
    [
      ["agent", "--config", "a", "--config-dir", "b"],
      2,
      "--config and --config-dir cannot be used together",
    ],
    [["toString"], 2, `unknown command toString; known are ${known}`],
    [["--config", "f", "version"], 2, "unknown flag --config; known are --json, --help"],
    [["run", "--no-service", "a"], 2, "unknown flag --no-service, did you mean --service?"],
    [["agent", "--configDir", "a"], 2, "unknown flag --configDir, did you mean --config-dir?"],
    [["trace", "start", "stop"], 2, 'olly trace start does not know what to do with "stop"'],
    [["trace"], 2, "olly trace needs one of start, stop, status"],
    [["trace", "strat"], 2, "olly trace cannot strat, did you mean start?"],
    [["trace", "jump"], 2, "olly trace cannot jump; known are start, stop, status"],
    [
      ["trace", "start", "--socket-dir", "/nowhere"],
      1,
      "no agent has run in /nowhere; start one with `olly agent`",
    ],
    [
      ["status", "--socket-dir", "/nowhere"],
      1,
      "no agent answers in /nowhere; start one with `olly agent`",
    ],
    [
      ["lib", "--extract", "/dev/null/x"],
      1,
      "cannot write /dev/null/x/libolly.so: a part of the path is not a directory",
    ],
  ];
  test.each(lines)("%p", async (args, code, line) => {
    expect(await commandLine(args)).toEqual({ code, stdout: "", stderr: `olly: ${line}\n` });
  });

  test("for each problem of a configuration", async () => {
    const file = cases.path("wrong.yaml");
    writeFileSync(file, "log_level: loud\nhok: {}\n");
    expect(await commandLine(["--config", file], { OLLY_DEBUG: "perhaps" })).toEqual({
      code: 2,
      stdout: "",
      stderr:
        `olly: ${file}:1: log_level: expects one of debug, info, warn, error, got the text "loud"\n` +
        `olly: ${file}:2: hok: unknown key, did you mean hook?\n` +
        'olly: OLLY_DEBUG: expects true or false, got the text "perhaps"\n',
    });
  });

  test("for a socket path that is too long", async () => {
    const environment = { OLLY_SOCKET: `/tmp/${"x".repeat(110)}/hook.sock` };
    const { code, stderr } = await commandLine(["agent"], environment);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^olly: OLLY_SOCKET: is \d+ bytes too long for a Unix socket: [^\n]*\n$/,
    );
  });

  test("for a socket directory that cannot be made", async () => {
    const { code, stderr } = await commandLine(["agent"], { OLLY_SOCKET: "/dev/null/o/hook.sock" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^olly: [^\n]*\/dev\/null\/o[^\n]*\n$/);
  });
});
