/**
 * One library file per architecture for every C library: the same program, built with glibc and
 * with musl, and for aarch64 (under emulation), is hooked alike. Invariant: each run has the exit
 * code and the output that the program has without the library.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { losses, ollyLibrary, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, type OtlpFile, readOtlpFile } from "../harness/otlp-file.ts";
import {
  type Ended,
  output,
  run,
  stopAll,
  temporaryDirectory,
  text,
} from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const root = resolve(import.meta.dir, "../..");
const source = join(import.meta.dir, "programs/http_pair.c");
const TIMEOUT_MS = 300_000;
/** What the program ends with when both ends have worked. */
const EXIT_CODE = 7;
const ARM = "aarch64-linux-gnu";

interface Build {
  readonly name: string;
  readonly compiler: string;
  /** In front of the program; [] runs it directly. */
  readonly under: (environment: Readonly<Record<string, string>>) => readonly string[];
  readonly library: (directory: string) => Promise<string>;
}

const native = { under: () => [], library: async () => ollyLibrary };

const builds: readonly Build[] = [
  { name: "glibc", compiler: process.env["CC"] ?? "cc", ...native },
  { name: "musl", compiler: "musl-gcc", ...native },
  {
    name: "aarch64 glibc",
    compiler: `${ARM}-gcc`,
    // The library is the emulated program's, not the emulator's.
    under: ({ LD_PRELOAD = "" }) => [
      ...["qemu-aarch64", "-L", `/usr/${ARM}`, "-E", `LD_PRELOAD=${LD_PRELOAD}`],
    ],
    library: async (directory) => {
      const path = join(directory, "libolly-aarch64.so");
      await output(["sh", join(root, "libolly/build.sh"), path, `${ARM}-gcc`]);
      return path;
    },
  },
];

for (const build of builds) {
  describe(`a program for ${build.name}`, () => {
    let bare: Ended;
    let hooked: Ended;
    let agent: TestAgent;
    let seen: OtlpFile;

    beforeAll(async () => {
      const directory = temporaryDirectory();
      const program = join(directory, "http_pair");
      await output([build.compiler, "-O1", "-o", program, source, "-pthread"]);
      agent = await startAgent();
      const environment = { ...agent.environment, LD_PRELOAD: await build.library(directory) };
      const emulated = build.under(environment);
      const { LD_PRELOAD: _preload, ...rest } = environment;
      const env = emulated.length === 0 ? environment : rest;
      bare = await run([...emulated.slice(0, 3), program]);
      hooked = await run([...emulated, program], { env });
      await waitFor(() => readOtlpFile(agent.file).spans.length >= 2, {
        what: "the spans of both ends",
      });
      seen = readOtlpFile(agent.file);
    }, TIMEOUT_MS);
    afterAll(stopAll, TIMEOUT_MS);

    test("runs as without the library", () => {
      expect(bare.code).toBe(EXIT_CODE);
      expect(hooked.code).toBe(bare.code);
      expect(text(hooked.stdout)).toBe(text(bare.stdout));
      expect(text(hooked.stderr)).toBe(text(bare.stderr));
    });

    test("both ends are spans of one trace", () => {
      expect(seen.spans).toHaveLength(2);
      const client = seen.spans.find((span) => span.kind === Kind.client);
      const server = seen.spans.find((span) => span.kind === Kind.server);
      expect(client?.attributes["url.full"]).toBe("http://pair/pair");
      expect(server?.attributes["url.path"]).toBe("/pair");
      expect(server?.parentSpanId).toBe(client?.spanId ?? "none");
    });

    test("what goes through stdio and syslog() is seen", async () => {
      const wanted = [/^got \d+ bytes$/, /^asked for \/pair$/, /^asked 1 time$/];
      const bodies = () => readOtlpFile(agent.file).logs.map((log) => String(log.body));
      const all = () =>
        wanted.every((line) => bodies().filter((body) => line.test(body)).length === 1);
      await waitFor(all, { what: "each line, once", seen: () => bodies().join("\n") });
      const told = readOtlpFile(agent.file).logs.find((log) => log.body === "asked 1 time");
      expect(told?.severityText).toBe("warning");
    });

    test("the thread's log line is on the span that it served, and nothing is lost", async () => {
      const server = seen.spans.find((span) => span.kind === Kind.server);
      await waitFor(() => readOtlpFile(agent.file).logs.some((log) => log.body === "served"), {
        what: "the log line",
      });
      const line = readOtlpFile(agent.file).logs.find((log) => log.body === "served");
      expect(line?.spanId).toBe(server?.spanId ?? "none");
      expect(losses(await agent.status())).toEqual({});
    });
  });
}
