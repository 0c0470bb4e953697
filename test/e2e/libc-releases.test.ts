/**
 * The C libraries of other Debian releases, from glibc 2.31 on, each by its own loader with
 * programs of its release: perl for sockets and fork, mawk for stdio, dash. Invariant: each run has
 * the exit code and the output that it has without the library.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { losses, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile } from "../harness/otlp-file.ts";
import { run, stopAll, text } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const script = join(import.meta.dir, "programs/http_pair.pl");
/** test/require.sh brings them; more that test/libc-roots.sh has brought are tested, too. */
const roots = resolve(import.meta.dir, "../../build/libc-roots");
const required = ["bullseye", "trixie"];
const releases = readdirSync(roots).filter((name) => !name.startsWith("."));
const [triplet, loader] =
  process.arch === "arm64"
    ? ["aarch64-linux-gnu", "ld-linux-aarch64.so.1"]
    : ["x86_64-linux-gnu", "ld-linux-x86-64.so.2"];

let agent: TestAgent;

beforeAll(async () => {
  agent = await startAgent();
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

/** Runs a program of the release bare and hooked, and expects the same. */
async function same(release: string, program: string, args: readonly string[]): Promise<number> {
  const libraries = join(roots, release, "lib", triplet);
  const command = [
    ...[join(libraries, loader), "--library-path", libraries],
    ...[join(roots, release, "usr/bin", program), ...args],
  ];
  const bare = await run(command);
  const hooked = await run(command, { env: agent.environment });
  expect(text(hooked.stderr)).toBe(text(bare.stderr));
  expect(text(hooked.stdout)).toBe(text(bare.stdout));
  expect(hooked.code).toBe(bare.code);
  return bare.code;
}

function logged(line: string): boolean {
  return readOtlpFile(agent.file).logs.some((log) => log.body === line);
}

test("every release that has to be there is there", () => {
  expect(releases).toEqual(expect.arrayContaining(required));
});

describe.each(releases)("the C library of %s", (release) => {
  test("sockets and fork", async () => {
    const before = readOtlpFile(agent.file).spans.length;
    const modules = join(roots, release, "usr/lib", triplet, "perl-base");
    expect(await same(release, "perl", ["-I", modules, script, release])).toBe(7);
    await waitFor(() => readOtlpFile(agent.file).spans.length >= before + 2, {
      what: "the spans of both ends",
    });
    const [first, second] = readOtlpFile(agent.file).spans.slice(before);
    expect([first?.kind, second?.kind].sort()).toEqual([Kind.client, Kind.server].sort());
    expect(first?.traceId).toBe(second?.traceId ?? "none");
    await waitFor(() => logged(`served ${release}`), { what: "the line that perl printed" });
  });

  test("stdio", async () => {
    const program = `BEGIN { print "by stdio, ${release}" }`;
    expect(await same(release, "mawk", [program])).toBe(0);
    await waitFor(() => logged(`by stdio, ${release}`), { what: "the line that mawk printed" });
  });

  test("a shell", async () => {
    expect(await same(release, "dash", ["-c", `echo by dash, ${release}; exit 5`])).toBe(5);
    await waitFor(() => logged(`by dash, ${release}`), { what: "the line that dash printed" });
  });

  test("nothing is lost", async () => expect(losses(await agent.status())).toEqual({}));
});
