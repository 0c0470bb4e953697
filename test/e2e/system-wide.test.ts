/**
 * The library in /etc/ld.so.preload, in a mount namespace that ends with the test. Invariant: what
 * the library does there it does without a variable in any environment.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ollyLibrary, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { type OtlpFile, readOtlpFile } from "../harness/otlp-file.ts";
import { type Ended, run, stopAll, text } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const isRoot = process.getuid?.() === 0;
/** A user without rights. */
const NOBODY = 65_534;

let agent: TestAgent;
let ended: Ended;
let seen: OtlpFile;

/** Own names of programs that are in nobody's list. */
function commands(directory: string): string {
  const own = `${directory}/own`;
  return `
cp /usr/bin/id ${own}
cp /usr/bin/id ${own}-privileged
chmod 4755 ${own}-privileged
echo by the shell
/bin/echo by a tool
cp /bin/echo ${directory}/apt-cacher-ng
${directory}/apt-cacher-ng by a server
cp /bin/echo ${directory}/apt-get
${directory}/apt-get by a package manager
${python} -c 'print("by a program")'
OLLY_DISABLED=1 ${python} -c 'print("disabled")'
${own} -un
setpriv --reuid ${NOBODY} --clear-groups ${own}
setpriv --reuid ${NOBODY} --clear-groups ${own}-privileged
LD_PRELOAD=${ollyLibrary} OLLY_SOCKET=/var/run/olly/hook.sock OLLY_CONTROL=/var/run/olly/control \\
  /bin/echo asked for
LD_PRELOAD=${directory}/libolly-other.so OLLY_SOCKET=/var/run/olly/hook.sock \\
  OLLY_CONTROL=/var/run/olly/control /bin/echo asked for by another copy
${python} -c 'print("the end")'
`;
}

beforeAll(async () => {
  if (!isRoot) return;
  agent = await startAgent();
  const directory = dirname(agent.directory);
  mkdirSync(join(directory, "etc"));
  copyFileSync(ollyLibrary, join(directory, "libolly-other.so"));
  writeFileSync(join(directory, "commands.sh"), commands(directory));
  const script = `
cp -a /etc/. ${directory}/etc
mount --bind ${directory}/etc /etc
mount -t tmpfs tmpfs /run
mkdir /run/olly
mount --bind ${agent.directory} /run/olly
echo ${ollyLibrary} >/etc/ld.so.preload
exec sh -eu ${directory}/commands.sh`;
  const without = { LD_PRELOAD: undefined, OLLY_SOCKET: undefined, OLLY_CONTROL: undefined };
  ended = await run(["unshare", "-m", "sh", "-euc", script], { env: without });
  await waitFor(() => readOtlpFile(agent.file).logs.some((log) => log.body === "the end"), {
    what: "the last program's line",
    seen: () => text(ended.stdout) + text(ended.stderr) + agent.program.stderr(),
  });
  seen = readOtlpFile(agent.file);
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function times(body: string | RegExp): number {
  const pattern = typeof body === "string" ? new RegExp(`^${body}$`) : body;
  return seen.logs.filter((log) => pattern.test(String(log.body))).length;
}

test.skipIf(!isRoot)("every program runs as without the library", () => {
  expect({ code: ended.code, stderr: text(ended.stderr) }).toEqual({ code: 0, stderr: "" });
  const lines = text(ended.stdout).trim().split("\n");
  expect(lines[8]).toContain("euid=0(root)");
  expect(lines.filter((line) => !line.startsWith("uid="))).toEqual([
    ...[
      "by the shell",
      "by a tool",
      "by a server",
      "by a package manager",
      "by a program",
      "disabled",
      "root",
    ],
    ...["asked for", "asked for by another copy", "the end"],
  ]);
});

test.skipIf(!isRoot)("programs are traced, the system's tools and shells are not", () => {
  expect(times("by a program")).toBe(1);
  expect(times("root")).toBe(1);
  expect(times("by the shell")).toBe(0);
  expect(times("by a tool")).toBe(0);
  expect(times("by a package manager")).toBe(0);
  expect(times("by a server")).toBe(1);
});

test.skipIf(!isRoot)("a tool that somebody asked for is traced, once", () => {
  expect(times("asked for")).toBe(1);
  expect(times("asked for by another copy")).toBe(1);
});

test.skipIf(!isRoot)(
  "another user's program is traced, a privileged one and the disabled not",
  () => {
    expect(times(/^uid=65534(?!.*euid)/)).toBe(1);
    expect(times(/euid=0/)).toBe(0);
    expect(times("disabled")).toBe(0);
  },
);
