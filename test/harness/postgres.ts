/**
 * A temporary PostgreSQL server on a free port. Invariant: it listens on loopback and in its own
 * directory only, and nothing of it is left after stop().
 */
import { chmodSync, chownSync, existsSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { output, type Program, start, temporaryDirectory } from "./processes.ts";
import { waitFor } from "./wait.ts";

export interface Postgres {
  readonly port: number;
  /** Also the directory of its Unix socket. */
  readonly directory: string;
  readonly user: string;
  readonly database: string;
  readonly program: Program;
  /** Runs statements through psql and gives what it prints (unaligned, tuples only). */
  query(sql: string): Promise<string>;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Name of pg_hba.conf's method for TCP; "trust" unless said otherwise. */
  readonly authentication?: "trust" | "md5" | "scram-sha-256";
  /** Further settings, name=value. */
  readonly settings?: readonly string[];
  /** Put before the server's command line, to run it hooked. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const USER = "olly";
export const POSTGRES_PASSWORD = "correct horse";
/** Nothing needs to survive a crash here. */
const FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];

/** The newest installed server's directory of programs. */
export function postgresBinaries(): string {
  const found = globSync("/usr/lib/postgresql/*/bin/initdb").sort().at(-1);
  const initdb = found ?? Bun.which("initdb");
  if (initdb === null) {
    throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  }
  return join(initdb, "..");
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const binaries = postgresBinaries();
  const owner = await serverOwner();
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  if (owner !== undefined) {
    chownSync(directory, owner.uid, owner.gid);
  }
  await initialise(binaries, directory, { owner, options });
  const port = await freePort();
  const settings = [...FAST, ...(options.settings ?? [])].flatMap((setting) => ["-c", setting]);
  const program = start(
    [
      ...(options.under ?? []),
      ...asOwner(owner),
      join(binaries, "postgres"),
      ...["-D", join(directory, "data"), "-p", String(port), "-k", directory],
      ...["-c", "listen_addresses=127.0.0.1", ...settings],
    ],
    { cwd: "/", ...(options.env === undefined ? {} : { env: options.env }) },
  );
  const server = describe(binaries, directory, { port, program });
  await waitUntilReady(binaries, server);
  return server;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: then it runs as the user that Debian made for it. */
async function serverOwner(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const uid = Number(await output(["id", "-u", "postgres"]));
  const gid = Number(await output(["id", "-g", "postgres"]));
  return { uid, gid };
}

function asOwner(owner: Owner | undefined): string[] {
  if (owner === undefined) {
    return [];
  }
  return ["setpriv", `--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups", "--"];
}

async function initialise(
  binaries: string,
  directory: string,
  how: { readonly owner: Owner | undefined; readonly options: PostgresOptions },
): Promise<void> {
  const passwordFile = join(directory, "password");
  await Bun.write(passwordFile, `${POSTGRES_PASSWORD}\n`);
  const method = how.options.authentication ?? "trust";
  await output(
    [
      ...asOwner(how.owner),
      join(binaries, "initdb"),
      ...["-D", join(directory, "data"), "-U", USER, "--no-sync", "-E", "UTF8", "--locale=C"],
      ...["--auth-local=trust", `--auth-host=${method}`, `--pwfile=${passwordFile}`],
    ],
    { cwd: "/" },
  );
}

function describe(
  binaries: string,
  directory: string,
  running: { readonly port: number; readonly program: Program },
): Postgres {
  const { port, program } = running;
  return {
    port,
    directory,
    user: USER,
    database: "postgres",
    program,
    query: (sql) =>
      output([
        join(binaries, "psql"),
        ...["-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", directory, "-p", String(port)],
        ...["-U", USER, "-d", "postgres", "-c", sql],
      ]),
    stop: async () => {
      await program.stop("SIGINT");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function waitUntilReady(binaries: string, server: Postgres): Promise<void> {
  const command = [join(binaries, "pg_isready"), "-q", "-h", server.directory];
  const socket = join(server.directory, `.s.PGSQL.${server.port}`);
  await waitFor(
    async () => {
      if (server.program.hasEnded) {
        throw new Error(`PostgreSQL ended early: ${server.program.stderr()}`);
      }
      if (!existsSync(socket)) {
        return false;
      }
      const probe = Bun.spawn([...command, "-p", String(server.port)], { stdout: "ignore" });
      return (await probe.exited) === 0;
    },
    { what: "PostgreSQL", withinMs: 120_000, seen: () => server.program.stderr() },
  );
}
