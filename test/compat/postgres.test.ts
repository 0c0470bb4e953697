/** PostgreSQL with and without the library, from initdb on: server, backends, tools, a crash. */
import { chownSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { postgresBinaries } from "../harness/postgres.ts";
import { type Program, text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { waitFor } from "../harness/wait.ts";
import { longForm } from "./compare.ts";
import { checksum } from "./http-client.ts";
import { asRoot, asUser, idsOf } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const session = join(import.meta.dir, "programs/postgres_session.sql");
const binaries = postgresBinaries();
const port = await freePort();
const owner = await asUser("postgres");
const TRANSACTIONS = longForm ? 500 : 40;

compareUnderOneAgent();

function tool(name: string, ...rest: string[]): string[] {
  return [join(binaries, name), "-h", "127.0.0.1", "-p", String(port), "-U", "olly", ...rest];
}

function psql(...rest: string[]): string[] {
  return tool("psql", "-X", "-d", "postgres", ...rest);
}

async function layOut({ directory, ask }: Play): Promise<void> {
  const { certificate, key } = await createCertificate(directory);
  if (asRoot) {
    const { uid, gid } = await idsOf("postgres");
    for (const path of [directory, certificate, key]) {
      chownSync(path, uid, gid);
    }
  }
  await ask("initdb", [
    ...[...owner, join(binaries, "initdb"), "-D", join(directory, "data"), "-U", "olly"],
    ...["--no-sync", "-E", "UTF8", "--locale=C", "--auth=trust", "--data-checksums"],
  ]);
}

function serve({ directory, serve }: Play): Promise<Program> {
  const settings = [
    ...["listen_addresses=127.0.0.1", "log_line_prefix=", "fsync=off", "autovacuum=off"],
    ...[
      "ssl=on",
      `ssl_cert_file=${directory}/certificate.pem`,
      `ssl_key_file=${directory}/key.pem`,
    ],
    ...["log_checkpoints=off", "wal_level=replica"],
  ].flatMap((setting) => ["-c", setting]);
  return serve(
    [
      ...[...owner, join(binaries, "postgres"), "-D", join(directory, "data")],
      ...["-p", String(port), "-k", directory, ...settings],
    ],
    [port],
  );
}

async function untilReady(play: Play): Promise<void> {
  await waitFor(
    async () => (await play.start(psql("-Atc", "SELECT 1")).ended).code === 0 || undefined,
    { what: "PostgreSQL to accept sessions", withinMs: 120_000 },
  );
}

async function workWithTools(play: Play): Promise<void> {
  const { ask, directory, tell } = play;
  await ask("session", psql("-f", session), {
    normalise: (said) => said.replace(/(PID|lo_import|lo_unlink) \d+/g, "$1 N"),
  });
  tell("copied", checksum(readFileSync(join(directory, "items.tsv"))));
  const dump = join(directory, "dump");
  await ask("pg_dump", tool("pg_dump", "-Fc", "-f", dump, "postgres"));
  await ask("createdb", tool("createdb", "again"));
  await ask("pg_restore", tool("pg_restore", "-j", "2", "-d", "again", dump));
  const plain = await ask("pg_dump of the copy", tool("pg_dump", "again"), {
    normalise: (sql) => checksum(sql.replace(/^\\(?:un)?restrict .*$/gm, "")),
  });
  tell("size of the copy", plain.length);
  await ask("pgbench -i", tool("pgbench", "-i", "-q", "again"), { normalise: withoutFigures });
  for (const mode of ["simple", "extended", "prepared"]) {
    const load = ["-c", "4", "-j", "2", "-t", String(TRANSACTIONS), "-M", mode, "again"];
    await ask(`pgbench ${mode}`, tool("pgbench", ...load), { normalise: withoutFigures });
  }
  const backup = ["-D", join(directory, "backup"), "-X", "stream", "-c", "fast"];
  await ask("pg_basebackup", [...owner, ...tool("pg_basebackup", ...backup)]);
  await ask("pg_verifybackup", [join(binaries, "pg_verifybackup"), join(directory, "backup")]);
  const socket = ["-h", directory, "-Atc", "SELECT count(*) FROM pgbench_history"];
  await ask("by the Unix socket", psql("-d", "again", ...socket));
}

function withoutFigures(said: string): string {
  return said.replace(/\d+\.\d+/g, "N");
}

async function crashAndReload(play: Play, server: Program): Promise<void> {
  const { ask } = play;
  const victim = play.start(psql("-Atc", "SELECT pg_backend_pid(), pg_sleep(60)"));
  const asked = psql(
    "-Atc",
    "SELECT pid FROM pg_stat_activity WHERE query ~ 'pg_sleep.60' AND pid <> pg_backend_pid()",
  );
  const pid = await waitFor(
    async () => Number(text((await play.start(asked).ended).stdout)) || undefined,
    {
      what: "the backend that is going to be killed",
    },
  );
  process.kill(pid, "SIGKILL");
  play.tell("client of the crashed backend", (await victim.ended).code);
  await waitFor(
    () =>
      server
        .stderr()
        .includes("ready to accept connections", server.stderr().indexOf("terminated by signal")),
    { what: "the recovery", withinMs: 120_000 },
  );
  await untilReady(play);
  await ask("after the crash", psql("-Atc", "SELECT count(*), sum(id) FROM items"));
  await ask("set", psql("-Atc", "ALTER SYSTEM SET work_mem = '7MB'"));
  server.signal("SIGHUP");
  await waitFor(
    async () => text((await play.start(psql("-Atc", "SHOW work_mem")).ended).stdout) === "7MB\n",
    { what: "the reload" },
  );
}

async function scenario(play: Play): Promise<void> {
  await layOut(play);
  const server = await serve(play);
  await untilReady(play);
  await workWithTools(play);
  await crashAndReload(play, server);
  play.tell("exit", (await server.stop("SIGINT")).code);
  // How much there is to recover depends on when the checkpointer wrote what.
  const [before = "", after = ""] = server.stderr().split(/^.*terminated by signal 9: Killed\n/m);
  const steady = before.split("\n").filter((line) => !line.includes("starting up"));
  play.tell("log before the crash", steady.map(withoutTimes).sort());
  play.tell("log at the end", after.trimEnd().split("\n").at(-1));
}

function withoutTimes(line: string): string {
  return line.replace(/\d{4}-\d\d-\d\d \S+/, "N");
}

sameTwice("PostgreSQL", scenario, { traced: ["postgres", "initdb", "psql", "pg_dump", "pgbench"] });
