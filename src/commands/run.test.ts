import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { outputLayer } from "./run.ts";
import { OllyCases, type OllyOptions } from "./run-cases.ts";
import { exitCodeOf } from "./run-program.ts";

const cases = new OllyCases();
afterAll(() => cases.remove());

const unhooked = { OLLY_HOOK_ENABLED: "false", OLLY_LOG_LEVEL: "error" };

/** Runs the command both ways: without olly seeing it, and hooked with an agent of its own. */
const ways: [way: string, args: string[], options: OllyOptions][] = [
  ["unhooked", [], { environment: unhooked }],
  ["hooked", ["--output", cases.path("telemetry.jsonl")], {}],
];

/** Writes its arguments, each followed by a NUL, as they are. */
const echoArguments = 'for a in "$@"; do printf "%s\\0" "$a"; done';

describe.each(ways)("%s", (_, args, options) => {
  const run = (command: readonly string[], more: OllyOptions = {}) =>
    cases.run(["run", ...args, "--", ...command], {
      ...more,
      environment: { ...options.environment, ...more.environment },
    });

  test("exit codes are the command's", async () => {
    for (const code of [0, 1, 7, 255]) {
      expect((await run(["sh", "-c", `exit ${code}`])).code).toBe(code);
    }
  });

  test("a command that a signal ended has the shell's code", async () => {
    expect((await run(["sh", "-c", "kill -KILL $$"])).code).toBe(128 + 9);
    expect((await run(["sh", "-c", "kill -TERM $$"])).code).toBe(128 + 15);
  });

  test("stdout and stderr are the command's, byte for byte", async () => {
    const script = "printf 'out\\001\\n'; printf 'err no newline' >&2; printf out2";
    expect(await run(["sh", "-c", script])).toEqual({
      code: 0,
      stdout: "out\u0001\nout2",
      stderr: "err no newline",
    });
  });

  test("stdin is the command's", async () => {
    const { stdout } = await run(["cat"], { stdin: "a line\nno end" });
    expect(stdout).toBe("a line\nno end");
  });

  test("arguments are passed as they are", async () => {
    const given = ["", "--help", "-h", "--", "--output", "a b", "$x", "é", "\n", "*"];
    const { stdout } = await run(["sh", "-c", echoArguments, "sh", ...given]);
    expect(stdout.split("\0").slice(0, -1)).toEqual(given);
  });

  test("so are arguments and variables that are not UTF-8", async () => {
    const olly = [process.execPath, `${import.meta.dir}/../main.ts`, "run", ...args, "--"];
    const inner = `printf '%s|%s' "$1" "$B" | od -An -tx1`;
    const script = `B=$(printf 'v\\376'); export B; exec "$@" "$(printf 'a\\377')"`;
    const { stdout } = Bun.spawnSync(["sh", "-c", script, "sh", ...olly, "sh", "-c", inner, "sh"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        OLLY_SOCKET: cases.path("agent/hook.sock"),
        ...options.environment,
      },
    });
    expect(stdout.toString().trim()).toBe("61 ff 7c 76 fe");
  });

  test("open descriptors are inherited", async () => {
    const olly = [process.execPath, `${import.meta.dir}/../main.ts`, "run", ...args, "--"];
    const script = 'exec "$@" 7<"$0"';
    const file = cases.path("inherited.txt");
    writeFileSync(file, "from seven");
    const { stdout } = Bun.spawnSync(["sh", "-c", script, file, ...olly, "sh", "-c", "cat <&7"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        OLLY_SOCKET: cases.path("agent/hook.sock"),
        ...options.environment,
      },
    });
    expect(stdout.toString()).toBe("from seven");
  });

  test("a broken pipe ends the command as it would without olly", async () => {
    const script = '"$@" | head -c 2 >/dev/null; true';
    const olly = [process.execPath, `${import.meta.dir}/../main.ts`, "run", ...args, "--"];
    const { exitCode } = Bun.spawnSync(["sh", "-c", script, "sh", ...olly, "yes"], {
      env: {
        PATH: process.env["PATH"] ?? "",
        OLLY_SOCKET: cases.path("agent/hook.sock"),
        ...options.environment,
      },
      timeout: 120_000,
    });
    expect(exitCode).toBe(0);
  });

  test.each([
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
    ["SIGUSR1", 10],
    ["SIGQUIT", 3],
  ] as const)("%s is passed on", async (signal, number) => {
    const script = `trap 'echo got ${number}; exit 40' ${number}; echo ready; while :; do sleep 0.02; done`;
    const olly = cases.start(["run", ...args, "--", "sh", "-c", script], options);
    const reader = olly.stdout.getReader();
    const decoder = new TextDecoder();
    let seen = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      seen += decoder.decode(value);
      if (seen === "ready\n") olly.kill(signal);
    }
    expect(seen).toBe(`ready\ngot ${number}\n`);
    expect(await olly.exited).toBe(40);
  });

  test("a command that cannot be started says so in one line", async () => {
    expect(await run(["/nowhere/command"])).toEqual({
      code: 127,
      stdout: "",
      stderr: "olly: /nowhere/command: command not found\n",
    });
    expect((await run(["no-such-command-here"])).code).toBe(127);
    expect(await run(["/tmp"])).toEqual({
      code: 126,
      stdout: "",
      stderr: "olly: /tmp: not executable (permission denied)\n",
    });
  });

  test("a script without an interpreter line is the shell's", async () => {
    const script = cases.path("script");
    writeFileSync(script, 'echo "$1"; exit 3\n');
    chmodSync(script, 0o755);
    expect(await run([script, "an argument"])).toMatchObject({ code: 3, stdout: "an argument\n" });
  });
});

describe("with an agent of its own", () => {
  test("what the command wrote is in the file when it is over", async () => {
    const file = cases.path("logs.jsonl");
    const { code } = await cases.run([
      "run",
      "--service",
      "quick",
      "--output",
      file,
      "--",
      "sh",
      "-c",
      "echo a line; exit 5",
    ]);
    expect(code).toBe(5);
    const text = readFileSync(file, "utf8");
    for (const line of text.trimEnd().split("\n")) JSON.parse(line);
    expect(text).toContain('"a line"');
    expect(text).toContain('{"key":"service.name","value":{"stringValue":"quick"}}');
  });

  test("pretty and json go to stderr, after the command's own", async () => {
    const json = await cases.run(["run", "--output", "json", "--", "sh", "-c", "echo a line"]);
    expect(json.stdout).toBe("a line\n");
    expect(JSON.parse(json.stderr.trim())).toHaveProperty("resourceLogs");
    const pretty = await cases.run(["run", "--", "sh", "-c", "echo a line"]);
    expect(pretty.stdout).toBe("a line\n");
    expect(pretty.stderr).toContain("a line");
    expect(pretty.stderr).not.toContain("\u001b");
  });

  test("nothing is started when the file cannot be written", async () => {
    for (const [file, why] of [
      [cases.directory, "it is a directory"],
      [`${cases.directory}/no/file`, "no such file or directory"],
    ]) {
      expect(await cases.run(["run", "--output", `${file}`, "--", "echo", "started"])).toEqual({
        code: 2,
        stdout: "",
        stderr: `olly: cannot write ${file}: ${why}\n`,
      });
    }
  });

  test("a full disk is said in one line and is a failure", async () => {
    const full = await cases.run(["run", "--output", "/dev/full", "--", "echo", "hello"]);
    expect(full.code).not.toBe(0);
    expect(full.stderr).toMatch(/^olly: [^\n]*\/dev\/full[^\n]*no space left[^\n]*\n$/);
  });

  test("its directory is gone afterwards", async () => {
    const directory = cases.path("tmp");
    await cases.run(["run", "--output", "json", "--", "mkdir", directory]);
    const environment = { TMPDIR: directory };
    const { stdout } = await cases.run(
      ["run", "--output", "json", "--", "sh", "-c", 'dirname "$OLLY_SOCKET"'],
      { environment },
    );
    expect(stdout).toStartWith(`${directory}/olly-run-`);
    expect(existsSync(stdout.trim())).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a background child that lives on does not hold it up", async () => {
    const script = "sleep 30 >/dev/null 2>&1 & echo $!";
    const started = performance.now();
    const { code, stdout } = await cases.run([
      "run",
      "--output",
      cases.path("background.jsonl"),
      "--",
      "sh",
      "-c",
      script,
    ]);
    process.kill(Number(stdout), "SIGKILL");
    expect(code).toBe(0);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test("hook.debug is told to the library", async () => {
    const { stdout } = await cases.run(
      ["run", "--output", cases.path("d.jsonl"), "--", "sh", "-c", 'echo "$OLLY_DEBUG"'],
      { environment: { OLLY_HOOK_DEBUG: "true" } },
    );
    expect(stdout).toBe("1\n");
  });
});

test("without hooking the command is told so", async () => {
  const environment = { OLLY_HOOK_ENABLED: "false" };
  const { stderr } = await cases.run(["run", "--", "true"], { environment });
  expect(stderr).toBe(
    "olly: hook.enabled is false: the command runs without olly seeing anything\n",
  );
});

test("exit codes of endings", () => {
  expect(exitCodeOf({ code: 3 })).toBe(3);
  expect(exitCodeOf({ signal: 11 })).toBe(139);
});

test("--output adds to the configuration", () => {
  expect(outputLayer(undefined)).toEqual({});
  expect(outputLayer("json")).toEqual({
    "exporters.stdout.enabled": true,
    "exporters.stdout.format": "json",
  });
  expect(outputLayer("a/b.jsonl")).toEqual({
    "exporters.file.enabled": true,
    "exporters.file.path": "a/b.jsonl",
  });
});
