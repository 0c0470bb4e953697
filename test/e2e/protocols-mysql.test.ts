/**
 * MySQL's protocol as MariaDB's programs and other clients speak it, with a server that is hooked
 * too. Invariant: both ends tell the same statements, and no literal, parameter or password.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sanitised } from "../harness/judge.ts";
import { MARIADB_PASSWORD, type Mariadb, startMariadb } from "../harness/mariadb.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import {
  run,
  start,
  stopAll,
  temporaryDirectory,
  text,
  waitForOutput,
} from "../harness/processes.ts";
import { startCapture } from "../harness/tshark.ts";
import { mysqlCommands } from "../harness/tshark-databases.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const SECRET = "hidden";
const COM_QUERY = 3;
const threadsProgram = join(import.meta.dir, "programs/mysql_threads.py");

let agent: TestAgent;
let server: Mariadb;
let directory: string;

beforeAll(async () => {
  directory = temporaryDirectory();
  agent = await startAgent();
  server = await startMariadb(agent.environment);
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

interface Seen {
  readonly clients: SpanRecord[];
  readonly servers: SpanRecord[];
}

const isCommand = ({ attributes }: SpanRecord) => attributes["db.system.name"] !== undefined;

/** Runs a program, and gives what both ends tell when each has told `count` of those that count. */
async function observe(
  command: readonly string[],
  count: number,
  counts: (span: SpanRecord) => boolean = isCommand,
): Promise<Seen> {
  const before = readOtlpFile(agent.file).spans.length;
  const ended = await run(["timeout", "-s", "KILL", "60", ...command], { env: agent.environment });
  let seen: Seen = { clients: [], servers: [] };
  await waitFor(
    () => {
      const spans = readOtlpFile(agent.file).spans.slice(before).filter(counts);
      const ofKind = (kind: number) => spans.filter((span) => span.kind === kind);
      seen = { clients: ofKind(Kind.client), servers: ofKind(Kind.server) };
      return seen.clients.length >= count && seen.servers.length >= count;
    },
    {
      what: `${count} commands at each end`,
      withinMs: 120_000,
      seen: () => [...seen.clients, ...seen.servers].map(line).join("\n") + text(ended.stderr),
    },
  );
  return seen;
}

/** "text or operation | rows | affected | error number | system | outcome" */
function line({ attributes }: SpanRecord): string {
  return [
    attributes["db.query.text"] ?? attributes["db.operation.name"] ?? "",
    attributes["db.response.returned_rows"] ?? "",
    attributes["olly.db.response.affected_rows"] ?? "",
    attributes["db.response.status_code"] ?? "",
    attributes["db.system.name"] ?? "",
    attributes["olly.exchange.outcome"] ?? "",
  ].join(" | ");
}

async function expectBoth(command: readonly string[], lines: readonly string[]): Promise<Seen> {
  const seen = await observe(command, lines.length);
  const expected = lines.map((told) => `${told} | mariadb | `);
  expect(seen.clients.map(line)).toEqual(expected);
  expect(seen.servers.map(line)).toEqual(expected);
  return seen;
}

function client(...rest: readonly string[]): string[] {
  const account = ["-uapp", `-p${MARIADB_PASSWORD}`];
  const place = ["-h127.0.0.1", `-P${server.port}`, "--protocol=tcp"];
  return ["mariadb", "--no-defaults", ...account, ...place, ...rest];
}

const plain = ["--skip-ssl", "--force", "--local-infile=1", "shop"];

test(
  "a session of the client, as tshark saw it",
  async () => {
    const file = join(directory, "local.tsv");
    writeFileSync(file, `100\t${SECRET}\n101\t${SECRET}\n`);
    const script = join(directory, "session.sql");
    writeFileSync(
      script,
      `create table stock (id int primary key auto_increment, name varchar(50));
insert into stock (name) values ('${SECRET} 1'), ('${SECRET} 2');
select * from stock where id < 5;
select * from nope;
insert into stock (id, name) values (1, '${SECRET}');
start transaction; update stock set name = 'x' where id = 2; rollback;
delimiter //
select 1; select 2, '${SECRET}'; delete from stock where id = 1;//
delimiter ;
load data local infile '${file}' into table stock (id, name);
`,
    );
    const capture = await startCapture([server.port]);
    const { clients } = await expectBoth(client(...plain, "-e", `source ${script}`), [
      "create table stock (id int primary key auto_increment, name varchar(?)) |  |  | ",
      "insert into stock (name) values (?), (?) |  | 2 | ",
      "select * from stock where id < ? | 2 |  | ",
      "select * from nope |  |  | 1146",
      "insert into stock (id, name) values (?, ?) |  |  | 1062",
      "start transaction |  |  | ",
      "update stock set name = ? where id = ? |  | 1 | ",
      "rollback |  |  | ",
      "select ?; select ?, ?; delete from stock where id = ? | 2 | 1 | ",
      "load data local infile ? into table stock (id, name) |  | 2 | ",
    ]);
    await capture.stop();
    const commands = await mysqlCommands(capture.file, [server.port]);
    expect(commands.map(({ command }) => command)).toEqual(commands.map(() => COM_QUERY));
    const judged = commands.map((it) => [sanitised(it.text), it.affected, it.error]);
    const told = clients.map(({ attributes }) => [
      attributes["db.query.text"],
      attributes["olly.db.response.affected_rows"] ?? 0,
      attributes["db.response.status_code"],
    ]);
    expect(told).toEqual(judged);
  },
  TIMEOUT_MS,
);

test(
  "under TLS, compressed, and over the Unix socket",
  async () => {
    const statements = `select '${SECRET}', repeat('x', 2000); select count(*) from stock`;
    const lines = ["select ?, repeat(?, ?) | 1 |  | ", "select count(*) from stock | 1 |  | "];
    await expectBoth(client("--ssl", "shop", "-e", statements), lines);
    await expectBoth(client("--skip-ssl", "-C", "shop", "-e", statements), lines);
    const account = ["-uapp", `-p${MARIADB_PASSWORD}`, `--socket=${server.socket}`];
    const local = ["mariadb", "--no-defaults", ...account, "shop", "-e", statements];
    const { clients } = await expectBoth(local, lines);
    expect(clients[0]?.attributes["network.transport"]).toBe("unix");
    expect(clients[0]?.attributes["db.namespace"]).toBe("shop");
  },
  TIMEOUT_MS,
);

test(
  "PyMySQL, and prepared statements of PHP's mysqli",
  async () => {
    const program = `
import pymysql, sys
c = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", password=sys.argv[2],
                    database="shop", ssl_disabled=True, autocommit=True)
k = c.cursor()
k.execute("select id as own from stock where name <> %s and id > %s", ("it's ${SECRET}", 99))
k.fetchall()
c.ping()
`;
    await expectBoth(
      [python, "-c", program, String(server.port), MARIADB_PASSWORD],
      ["select id as own from stock where name <> ? and id > ? | 2 |  | ", "COM_PING |  |  | "],
    );
    const script = join(directory, "prepared.php");
    writeFileSync(
      script,
      `<?php
mysqli_report(MYSQLI_REPORT_OFF);
$c = mysqli_init();
$c->real_connect('127.0.0.1', 'app', $argv[2], 'shop', (int)$argv[1]);
$s = $c->prepare('select id from stock where id >= ? and name <> ?');
foreach ([100, 101, 102] as $id) {
  $name = '${SECRET}er';
  $s->bind_param('is', $id, $name);
  $s->execute();
  $s->get_result()->fetch_all();
}
$c->prepare('select from');
$c->select_db('mysql');
$c->query('select 5');
`,
    );
    const prepared = "select id from stock where id >= ? and name <> ?";
    const { servers } = await expectBoth(
      ["php", script, String(server.port), MARIADB_PASSWORD],
      [
        `${prepared} | 2 |  | `,
        `${prepared} | 1 |  | `,
        `${prepared} | 0 |  | `,
        "select from |  |  | 1064",
        "COM_INIT_DB |  |  | ",
        "select ? | 1 |  | ",
      ],
    );
    expect(servers.at(-1)?.attributes["db.namespace"]).toBe("mysql");
  },
  TIMEOUT_MS,
);

/** The rows that the text asks for are those that the answer had: the pairing is right. */
function expectOwnAnswer({ attributes }: SpanRecord): void {
  const rows = /seq_1_to_(\d)$/.exec(String(attributes["db.query.text"]))?.[1];
  const said = String(attributes["db.response.returned_rows"]);
  expect([attributes["db.query.text"], said]).toEqual([attributes["db.query.text"], String(rows)]);
}

const isMarked = ({ name }: SpanRecord) => name.startsWith("select seq_1");

test(
  "10,000 queries of 8 threads: each has its own answer",
  async () => {
    const command = [python, threadsProgram, String(server.port), "8", "1250", "-"];
    const { clients, servers } = await observe(command, 10_000, isMarked);
    for (const queries of [clients, servers]) {
      expect(new Set(queries.map(({ attributes }) => attributes["db.query.text"])).size).toBe(
        10_000,
      );
      queries.forEach(expectOwnAnswer);
    }
    expect(losses(await agent.status())["orphan_response"] ?? 0).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "connections that are open and busy when tracing begins",
  async () => {
    const late = await startAgent({ onDemand: true });
    const flag = join(directory, "enough");
    const threads = 4;
    const count = 50;
    const program = start(
      [python, threadsProgram, String(server.port), String(threads), String(count), flag],
      { env: late.environment },
    );
    await waitForOutput(program, /running/);
    expect((await late.trace("start")).code).toBe(0);
    const queries = () => readOtlpFile(late.file).spans.filter(isMarked);
    await waitFor(() => queries().length > 200, { what: "queries", withinMs: 120_000 });
    writeFileSync(flag, "");
    await program.ended;
    const whole = () =>
      queries().filter(({ attributes }) => attributes["olly.exchange.outcome"] === undefined);
    const ofLate = () =>
      whole().filter(({ attributes }) => String(attributes["db.query.text"]).includes(" late"));
    await waitFor(() => ofLate().length >= threads * count, {
      what: "every query of the end",
      withinMs: 120_000,
      seen: () => String(ofLate().length),
    });
    whole().forEach(expectOwnAnswer);
    // The one that was under way when tracing began, of each connection, and the next at most.
    const doubted = queries().filter(
      ({ attributes }) => attributes["olly.exchange.outcome"] !== undefined,
    );
    expect(doubted.length).toBeLessThanOrEqual(2 * threads);
  },
  TIMEOUT_MS,
);

test("no secret in all of it", () => {
  const spans = readFileSync(agent.file, "utf8")
    .split("\n")
    .filter((told) => told.includes("resourceSpans"))
    .join("\n");
  expect(spans.includes("load data local infile")).toBe(true);
  for (const secret of [SECRET, MARIADB_PASSWORD]) {
    expect(spans.includes(secret)).toBe(false);
  }
});
