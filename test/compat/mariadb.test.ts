/** MariaDB with and without the library, from mariadb-install-db on. */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { createCertificate } from "../harness/tls.ts";
import { waitFor } from "../harness/wait.ts";
import { checksum } from "./http-client.ts";
import { asRoot, asUser, idsOf } from "./processes.ts";
import { compareUnderOneAgent, type Play, sameTwice } from "./twice.ts";

const session = join(import.meta.dir, "programs/mariadb_session.sql");
const port = await freePort();
const owner = await asUser("mysql");
const mariadbd = Bun.which("mariadbd") ?? "/usr/sbin/mariadbd";

compareUnderOneAgent();

async function layOut({ directory, ask }: Play): Promise<void> {
  const { certificate, key } = await createCertificate(directory);
  const data = join(directory, "data");
  const temporary = join(directory, "tmp");
  mkdirSync(data);
  mkdirSync(temporary);
  if (asRoot) {
    const { uid, gid } = await idsOf("mysql");
    for (const path of [directory, data, temporary, certificate, key]) {
      chownSync(path, uid, gid);
    }
  }
  writeFileSync(join(directory, "local.tsv"), "100001\tlocal one\n100002\tlocal two\n");
  await ask("mariadb-install-db", [
    ...[...owner, "mariadb-install-db", "--no-defaults", `--datadir=${data}`],
    ...["--auth-root-authentication-method=normal", "--skip-test-db", `--tmpdir=${temporary}`],
  ]);
}

function client(name: string, ...rest: string[]): string[] {
  return [name, "--no-defaults", "-uroot", "-h127.0.0.1", `-P${port}`, "--protocol=tcp", ...rest];
}

function serve({ directory, serve }: Play) {
  return serve(
    [
      ...[...owner, mariadbd, "--no-defaults", `--datadir=${join(directory, "data")}`],
      ...[`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${directory}/mariadb.sock`],
      ...[`--pid-file=${directory}/mariadb.pid`, `--tmpdir=${directory}/tmp`, "--skip-log-bin"],
      ...[`--ssl-cert=${directory}/certificate.pem`, `--ssl-key=${directory}/key.pem`],
      ...["--plugin-maturity=unknown", "--local-infile=1", "--innodb-flush-log-at-trx-commit=0"],
      ...["--general-log=1", `--general-log-file=${directory}/general.log`, "--secure-file-priv="],
    ],
    [port],
  );
}

async function workWithTools(play: Play): Promise<void> {
  const { ask, directory } = play;
  const input = new TextEncoder().encode(await Bun.file(session).text());
  await ask("session", client("mariadb", "--force", "-t", "--local-infile=1", "--show-warnings"), {
    stdin: input,
  });
  await ask("by TLS", client("mariadb", "--ssl", "-e", "SHOW STATUS LIKE 'Ssl_cipher'", "shop"));
  const bySocket = ["--no-defaults", "-uroot", `--socket=${directory}/mariadb.sock`];
  await ask("by the Unix socket", [
    "mariadb",
    ...bySocket,
    "-e",
    "SELECT COUNT(*) FROM shop.items",
  ]);
  await ask("compressed", client("mariadb", "-C", "-e", "SELECT id, body FROM shop.items"), {
    normalise: checksum,
  });
  const dump = join(directory, "dump.sql");
  const sorted = ["--skip-dump-date", "--routines"];
  await ask("dump", client("mariadb-dump", ...sorted, `--result-file=${dump}`, "shop"));
  await ask("create", client("mariadb-admin", "create", "again"));
  await ask("restore", client("mariadb", "-e", `source ${dump}`, "again"));
  await ask("dump of the copy", client("mariadb-dump", ...sorted, "again"), {
    normalise: checksum,
  });
  await ask("check", client("mariadb-check", "--all-databases"));
  const load = ["--auto-generate-sql", "--concurrency=4", "--number-of-queries=200", "--silent"];
  await ask("load", client("mariadb-slap", ...load, "--create-schema=slap"), {
    normalise: (said) => said.replace(/\d+\.\d+/g, "N"),
  });
}

async function scenario(play: Play): Promise<void> {
  await layOut(play);
  const server = await serve(play);
  await workWithTools(play);
  server.signal("SIGHUP");
  await waitFor(() => server.stderr().length > 0, { what: "the log" });
  await play.ask("after SIGHUP", client("mariadb", "-e", "SELECT COUNT(*) FROM again.items"));
  server.signal("SIGKILL");
  play.tell("killed", (await server.ended).code);
  const again = await serve(play);
  await play.ask("after the crash", client("mariadb", "-e", "CHECKSUM TABLE shop.copied"));
  await play.ask("shutdown", client("mariadb-admin", "shutdown"));
  play.tell("exit", (await again.ended).code);
  play.tell("said", stepsOf(server.stderr()));
}

/** The log without times, thread numbers and what depends on both. */
function stepsOf(log: string): string[] {
  return log
    .split("\n")
    .map((line) =>
      line.replace(/^\d{4}-\d\d-\d\d +\d+:\d+:\d+ \d+ /, "").replace(/\d+(\.\d+)*/g, "N"),
    )
    .filter((line) => !/Buffer pool\(s\) load|log sequence number/.test(line))
    .sort();
}

sameTwice("MariaDB", scenario, { traced: ["mariadbd", "mariadb", "mariadb-dump"] });
