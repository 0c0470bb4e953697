/**
 * The demo's PostgreSQL client against a real server: the thread test and the judge rely on it.
 * Invariant: it authenticates in every way that the demo may meet, and stays usable after errors.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { demoApp, python } from "../harness/olly.ts";
import { POSTGRES_PASSWORD, startPostgres } from "../harness/postgres.ts";
import { run, stopAll, text } from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
afterAll(stopAll, TIMEOUT_MS);

const PROGRAM = `
import sys
sys.path.insert(0, sys.argv[1])
import tinypg
host, port, password = sys.argv[2:]
try:
    c = tinypg.Connection(host, int(port), "olly", "postgres", password)
except tinypg.PgError as error:
    print("refused", error.sqlstate)
    sys.exit()
print(c.query("SELECT 1 AS a, NULL AS b; SELECT 2 WHERE false")[0].rows)
try:
    c.execute("SELECT $1::integer", ("x",))
except tinypg.PgError as error:
    print(error.sqlstate)
c.prepare("twice", "SELECT 2 * $1::integer AS double")
result = c.execute("", (21,), "twice")
print(result.columns, result.rows, result.tag)
c.close()
`;
const ANSWERS = "[['1', None]]\n22P02\n['double'] [['42']] SELECT 1\n";

function session(host: string, port: number, password: string) {
  return run([python, "-B", "-c", PROGRAM, demoApp, host, String(port), password]);
}

describe.each(["trust", "md5", "scram-sha-256"] as const)("authentication %s", (authentication) => {
  test(
    "works",
    async () => {
      const postgres = await startPostgres({ authentication });
      const right = await session("127.0.0.1", postgres.port, POSTGRES_PASSWORD);
      expect(text(right.stdout) + text(right.stderr)).toBe(ANSWERS);
      const wrong = await session("127.0.0.1", postgres.port, "wrong");
      expect(text(wrong.stdout)).toBe(authentication === "trust" ? ANSWERS : "refused 28P01\n");
      const local = await session(postgres.directory, postgres.port, "");
      expect(text(local.stdout)).toBe(ANSWERS);
      await postgres.stop();
    },
    TIMEOUT_MS,
  );
});
