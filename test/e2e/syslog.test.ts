/**
 * syslog(3), as C, Python, Perl and PHP use it: what the programs say become log records with
 * their severity, and the daemon behind /dev/log gets what it gets without the library.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { withOwnDevices } from "../harness/mounts.ts";
import { ollyRun, outputFile, python } from "../harness/olly.ts";
import { type LogLine, readOtlpFile } from "../harness/otlp-file.ts";
import { output, run, stopAll, temporaryDirectory, text } from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
const programs = join(import.meta.dir, "programs");
const CODE = 3;

const perl = `use Sys::Syslog qw(:standard :macros);
openlog("told", "pid", LOG_LOCAL2);
$! = 2;
syslog(LOG_ERR, "perl cannot open 7: %m");
syslog(LOG_MAIL | LOG_NOTICE, "perl has mail");
syslog(LOG_DEBUG, "perl says much");
exit 3;`;
const php = `openlog("told", LOG_PID, LOG_LOCAL2);
syslog(LOG_ERR, "php cannot open 7: No such file or directory");
syslog(LOG_MAIL | LOG_NOTICE, "php has mail");
syslog(LOG_DEBUG, "php says much");
exit(3);`;

interface Language {
  readonly name: string;
  readonly command: () => Promise<readonly string[]>;
}

const languages: readonly Language[] = [
  { name: "c", command: compiled },
  {
    name: "python",
    command: async () => [python, "-B", join(programs, "syslog_messages.py")],
  },
  { name: "perl", command: async () => ["perl", "-e", perl] },
  { name: "php", command: async () => ["php", "-n", "-r", php] },
];

afterAll(stopAll, TIMEOUT_MS);

for (const { name, command } of languages) {
  describe(name, () => {
    let bare: readonly string[];
    let hooked: readonly string[];
    let logs: readonly LogLine[];

    beforeAll(async () => {
      const file = outputFile();
      const program = await command();
      bare = await atDaemon(program);
      hooked = await atDaemon([...ollyRun(file), ...program]);
      logs = readOtlpFile(file).logs;
    }, TIMEOUT_MS);

    test("the daemon gets the same", () => {
      expect(bare.length).toBeGreaterThanOrEqual(3);
      expect(hooked).toEqual(bare);
    });

    test("each message is one record, with its severity and facility", () => {
      const seen = logs.map(({ body, severityNumber, severityText, attributes }) => ({
        body,
        severityNumber,
        severityText,
        facility: attributes["syslog.facility"],
      }));
      const error = `${name} cannot open 7: No such file or directory`;
      expect(seen).toEqual([
        { body: error, severityNumber: 17, severityText: "err", facility: 18 },
        { body: `${name} has mail`, severityNumber: 10, severityText: "notice", facility: 2 },
        { body: `${name} says much`, severityNumber: 5, severityText: "debug", facility: 18 },
      ]);
    });
  });
}

/** What the daemon received of the command, a line each. */
async function atDaemon(command: readonly string[]): Promise<readonly string[]> {
  const daemon = [python, "-B", join(programs, "syslog_daemon.py"), ...command];
  const ended = await run(withOwnDevices(temporaryDirectory(), daemon));
  expect(text(ended.stderr)).toBe("");
  expect(ended.code).toBe(CODE);
  return text(ended.stdout).trimEnd().split("\n");
}

async function compiled(): Promise<readonly string[]> {
  const program = join(temporaryDirectory(), "syslog_messages");
  await output([
    "cc",
    "-O2",
    "-D_FORTIFY_SOURCE=2",
    "-o",
    program,
    join(programs, "syslog_messages.c"),
  ]);
  return [program];
}
