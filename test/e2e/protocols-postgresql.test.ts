/**
 * PostgreSQL as its own programs speak it: psql, pgbench and psycopg2 with a server that is hooked
 * too. Invariant: both ends tell the same statements, and no literal, parameter or password.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { POSTGRES_PASSWORD, type Postgres, startPostgres } from "../harness/postgres.ts";
import { run, start, stopAll, temporaryDirectory, text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const ROWS = 100_000;
const SECRET = "hidden";

let agent: TestAgent;
let server: Postgres;
let directory: string;

beforeAll(async () => {
  agent = await startAgent();
  directory = temporaryDirectory();
  server = await startPostgres({
    authentication: "scram-sha-256",
    env: agent.environment,
    settings: ["logging_collector=off", "log_min_messages=panic", "log_min_error_statement=panic"],
  });
  await encrypt();
  await waitFor(() => readOtlpFile(agent.file).spans.length >= 4, {
    what: "the spans of what the set-up did",
  });
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

/** TLS is switched on in the running server, with a key that its user can read. */
async function encrypt(): Promise<void> {
  const { certificate, key } = await createCertificate(directory);
  const data = join(server.directory, "data");
  const { uid, gid } = statSync(data);
  for (const [name, path] of [
    ["server.crt", certificate],
    ["server.key", key],
  ] as const) {
    writeFileSync(join(data, name), readFileSync(path), { mode: 0o600 });
    if (process.getuid?.() === 0) {
      chownSync(join(data, name), uid, gid);
    }
  }
  await server.query("alter system set ssl = on");
  await server.query("select pg_reload_conf()");
  await server.query("create table stock (id int primary key, name text)");
  await server.query("create database other");
}

function to(settings = ""): string {
  const place = settings.includes("host=") ? "" : "host=127.0.0.1 sslmode=disable";
  return `${place} port=${server.port} user=${server.user} ${settings}`;
}

/** Runs a program, and gives what both ends tell of it when each has told `count` statements. */
async function observe(
  command: readonly string[],
  count: number,
): Promise<{ readonly clients: SpanRecord[]; readonly servers: SpanRecord[]; stdout: string }> {
  const before = readOtlpFile(agent.file).spans.length;
  const env = { ...agent.environment, PGPASSWORD: POSTGRES_PASSWORD };
  const ended = await run(["timeout", "-s", "KILL", "60", ...command], { env });
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.slice(before);
      return spans.length >= 2 * count;
    },
    { what: `${count} statements`, seen: () => spans.map(line).join("\n") + text(ended.stderr) },
  );
  const ofKind = (kind: number) => spans.filter((span) => span.kind === kind);
  const stdout = text(ended.stdout);
  return { clients: ofKind(Kind.client), servers: ofKind(Kind.server), stdout };
}

/** "text | rows | SQLSTATE | outcome" */
function line({ attributes }: SpanRecord): string {
  return [
    attributes["db.query.text"] ?? "",
    attributes["db.response.returned_rows"] ?? "",
    attributes["db.response.status_code"] ?? "",
    attributes["olly.exchange.outcome"] ?? "",
  ].join(" | ");
}

function psql(statements: readonly string[], settings = "dbname=postgres"): string[] {
  const commands = statements.flatMap((statement) => ["-c", statement]);
  return ["psql", "-X", "-At", "-q", to(settings), ...commands];
}

async function expectBoth(command: readonly string[], lines: readonly string[]): Promise<string> {
  const { clients, servers, stdout } = await observe(command, lines.length);
  expect(clients.map(line)).toEqual([...lines]);
  expect(servers.map(line)).toEqual([...lines]);
  return stdout;
}

test(
  "transactions, savepoints, several statements in one, and errors",
  async () => {
    const several = `select 1; select 2, '${SECRET}'; select 1/0; select 3`;
    const statements = ["begin", "savepoint a; select 1; rollback to a", "commit", several];
    await expectBoth(psql([...statements, "selec 1", "select * from nope"]), [
      "begin |  |  | ",
      "savepoint a; select ?; rollback to a | 1 |  | ",
      "commit |  |  | ",
      "select ?; select ?, ?; select ?/?; select ? | 2 | 22012 | ",
      "selec ? |  | 42601 | ",
      "select * from nope |  | 42P01 | ",
    ]);
  },
  TIMEOUT_MS,
);

test(
  "PREPARE, cursors, notices, NOTIFY",
  async () => {
    await expectBoth(
      psql([
        "prepare p as select $1::int + 7",
        "execute p(424242)",
        "begin",
        "declare c cursor for select generate_series(1, 50)",
        "fetch 20 from c",
        "commit",
        `do $$ begin raise notice '${SECRET}'; end $$`,
        "listen ch",
        `notify ch, '${SECRET}'`,
      ]),
      [
        "prepare p as select $1::int + ? |  |  | ",
        "execute p(?) | 1 |  | ",
        "begin |  |  | ",
        "declare c cursor for select generate_series(?, ?) |  |  | ",
        "fetch ? from c | 20 |  | ",
        "commit |  |  | ",
        "do ? |  |  | ",
        "listen ch |  |  | ",
        "notify ch, ? |  |  | ",
      ],
    );
  },
  TIMEOUT_MS,
);

test(
  "COPY in both directions, and 100,000 rows",
  async () => {
    const file = join(directory, "stock.csv");
    const rows = Array.from({ length: 5_000 }, (_, id) => `${id},${SECRET}${id}\n`);
    writeFileSync(file, rows.join(""));
    const statements = [
      `\\copy stock from '${file}' csv`,
      "\\copy stock to '/dev/null'",
      `\\o /dev/null`,
      `select generate_series(1, ${ROWS})`,
      `copy (select generate_series(1, ${ROWS})) to stdout`,
      "select count(*) from stock",
    ];
    // \o lasts for one -c only: the rows go to a file by a script.
    const script = join(directory, "rows.sql");
    writeFileSync(
      script,
      statements
        .map((statement) => `${statement}\n`)
        .join("")
        .replaceAll(/^(select|copy) .*$/gm, (statement) => `${statement};`),
    );
    await expectBoth(
      ["psql", "-X", "-q", to("dbname=postgres"), "-f", script],
      [
        "COPY  stock FROM STDIN csv |  |  | ",
        "COPY  stock TO STDOUT  |  |  | ",
        `select generate_series(?, ?); | ${ROWS} |  | `,
        "copy (select generate_series(?, ?)) to stdout; |  |  | ",
        "select count(*) from stock; | 1 |  | ",
      ],
    );
  },
  TIMEOUT_MS,
);

test(
  "the extended protocol, and a pipeline",
  async () => {
    const script = join(directory, "pipeline.sql");
    const three = "select 1;\nselect name from stock where id < 5;\nselect 2, 3;\n";
    writeFileSync(script, `\\startpipeline\n${three}\\endpipeline\n`);
    const command = ["pgbench", "-n", "-M", "extended", "-t", "2", "-f", script];
    const lines = [
      "select ?; | 1 |  | ",
      "select name from stock where id < ?; | 5 |  | ",
      "select ?, ?; | 1 |  | ",
    ];
    await expectBoth([...command, to("dbname=postgres")], [...lines, ...lines]);
  },
  TIMEOUT_MS,
);

test(
  "long statements, parameters, a cancel and a second database, by psycopg2",
  async () => {
    const program = `
import psycopg2, sys, threading
c = psycopg2.connect(sys.argv[1])
c.autocommit = True
k = c.cursor()
for n in (5000, 50000, 500000):
    k.execute("select 1 as long_%d, length('" % n + "${SECRET}" * (n // 6) + "')")
    k.fetchall()
k.execute("select %s::int as a, %s as b", (424242, "${SECRET}"))
t = threading.Timer(0.2, c.cancel)
t.start()
try:
    k.execute("select pg_sleep(10) as slow")
except psycopg2.errors.QueryCanceled:
    pass
t.join()
`;
    const { clients, servers } = await observe(
      ["timeout", "-s", "KILL", "15", python, "-c", program, to("dbname=other")],
      6,
    );
    const lines = [
      "select ? as long_5000, length(?) | 1 |  | ",
      // Of longer ones only the beginning is read: the literal's end is beyond it.
      "select ? as long_50000, length(? | 1 |  | ",
      "select ? as long_500000, length(? | 1 |  | ",
      "select ?::int as a, ? as b | 1 |  | ",
      "select pg_sleep(?) as slow |  | 57014 | ",
    ];
    const cancel = " |  |  | one_way";
    expect(clients.map(line).sort()).toEqual([...lines, cancel].sort());
    expect(servers.map(line).sort()).toEqual([...lines, cancel].sort());
    const [first] = clients;
    expect(first?.attributes["db.namespace"]).toBe("other");
    expect(first?.attributes["server.port"]).toBe(server.port);
  },
  TIMEOUT_MS,
);

test(
  "under TLS, and over the Unix socket",
  async () => {
    const lines = ["select ? as quiet | 1 |  | ", "select count(*) from stock | 1 |  | "];
    const statements = [`select '${SECRET}' as quiet \\g /dev/null`, "select count(*) from stock"];
    const script = join(directory, "quiet.sql");
    writeFileSync(script, `${statements.join("\n")};\n`);
    for (const settings of ["host=127.0.0.1 sslmode=require", `host=${server.directory}`]) {
      const command = ["psql", "-X", "-q", to(`${settings} dbname=postgres`), "-f", script];
      const { clients, servers } = await observe(command, 2);
      const told = (spans: readonly SpanRecord[]) =>
        spans.map((span) => line(span).replace(/[; ]+\|/, " |"));
      expect(told(clients)).toEqual(lines);
      expect(told(servers)).toEqual(lines);
    }
  },
  TIMEOUT_MS,
);

test(
  "a server that is killed in the middle, and no secret in all of it",
  async () => {
    const lost = losses(await agent.status());
    expect(lost["stream_gap"] ?? 0).toBe(0);
    expect(lost["orphan_response"] ?? 0).toBe(0);
    const before = readOtlpFile(agent.file).spans.length;
    const env = { ...agent.environment, PGPASSWORD: POSTGRES_PASSWORD };
    const waiting = start(psql(["select pg_sleep(20) as killed"]), { env });
    const asks = "select count(*) from pg_stat_activity where query like '%as killed'";
    await waitFor(
      async () => Number(await server.query(`${asks} and pid <> pg_backend_pid()`)) > 0,
      {
        what: "the statement to run",
      },
    );
    server.program.signal("SIGQUIT");
    await waiting.ended;
    const killed = await waitFor(
      () =>
        readOtlpFile(agent.file)
          .spans.slice(before)
          .find((span) => span.kind === Kind.client && line(span).includes("as killed")),
      { what: "the statement's span" },
    );
    expect(killed.attributes["error.type"]).toBe("connection_closed");
    expect(killed.attributes["olly.exchange.outcome"]).toBe("closed_early");
    const spans = readFileSync(agent.file, "utf8")
      .split("\n")
      .filter((told) => told.includes("resourceSpans"))
      .join("\n");
    for (const secret of [SECRET, "424242", POSTGRES_PASSWORD]) {
      expect(spans.includes(secret)).toBe(false);
    }
  },
  TIMEOUT_MS,
);
