/**
 * A temporary MariaDB server on a free port. Invariant: it listens on loopback and in its own
 * directory only, and nothing of it is left after stop().
 */
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { output, type Program, run, start, temporaryDirectory } from "./processes.ts";
import { createCertificate } from "./tls.ts";
import { waitFor } from "./wait.ts";

export const MARIADB_PASSWORD = "correct horse";
export const MARIADB_USER = "app";
export const MARIADB_DATABASE = "shop";

export interface Mariadb {
  readonly port: number;
  /** Of its Unix socket. */
  readonly socket: string;
  readonly certificate: string;
  readonly program: Program;
  stop(): Promise<void>;
}

const mariadbd = Bun.which("mariadbd") ?? "/usr/sbin/mariadbd";
const install = Bun.which("mariadb-install-db") ?? "/usr/bin/mariadb-install-db";

export async function startMariadb(env: Readonly<Record<string, string>>): Promise<Mariadb> {
  const directory = temporaryDirectory();
  const data = join(directory, "data");
  const scratch = join(directory, "tmp");
  const { certificate, key } = await createCertificate(directory);
  mkdirSync(data);
  mkdirSync(scratch);
  chmodSync(directory, 0o755);
  const owner = await serverOwner([directory, data, scratch, certificate, key]);
  await output([
    ...[...owner, install, "--no-defaults", `--datadir=${data}`, `--tmpdir=${scratch}`],
    ...["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"],
  ]);
  const port = await freePort();
  const socket = join(directory, "mariadb.sock");
  const program = start(
    [
      ...[...owner, mariadbd, "--no-defaults", `--datadir=${data}`, `--tmpdir=${scratch}`],
      ...[`--port=${port}`, "--bind-address=127.0.0.1", `--socket=${socket}`, "--skip-log-bin"],
      ...[`--ssl-cert=${certificate}`, `--ssl-key=${key}`, "--local-infile=1"],
      ...["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M"],
      ...["--skip-name-resolve", "--performance-schema=off"],
    ],
    { cwd: "/", env },
  );
  const admin = ["mariadb", "--no-defaults", "-uroot", `--socket=${socket}`, "-e"];
  await waitFor(async () => (await run([...admin, "select 1"])).code === 0, {
    what: "MariaDB",
    withinMs: 120_000,
    seen: () => program.stderr(),
  });
  await output([
    ...admin,
    `create database ${MARIADB_DATABASE}; create user ${MARIADB_USER}@'%' identified by ` +
      `'${MARIADB_PASSWORD}'; grant all on *.* to ${MARIADB_USER}@'%'`,
  ]);
  return {
    ...{ port, socket, certificate, program },
    stop: async () => {
      await program.stop("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** As root it runs as the user that Debian made for it, to whom these files then belong. */
async function serverOwner(paths: readonly string[]): Promise<string[]> {
  if (process.getuid?.() !== 0) {
    return [];
  }
  const uid = Number(await output(["id", "-u", "mysql"]));
  const gid = Number(await output(["id", "-g", "mysql"]));
  for (const path of paths) {
    chownSync(path, uid, gid);
  }
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
}
