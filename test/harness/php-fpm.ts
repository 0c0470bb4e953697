/**
 * PHP-FPM on a free port or a Unix socket. Invariant: it reads and writes nothing outside its
 * temporary directory.
 */
import { chmodSync, existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitForPort } from "./ports.ts";
import { type Program, start, temporaryDirectory } from "./processes.ts";
import { waitFor } from "./wait.ts";

export interface PhpFpm {
  readonly program: Program;
  /** Directory of the scripts. */
  readonly root: string;
  /** Of its Unix socket. */
  readonly socket: string;
}

export interface PhpFpmOptions {
  readonly port: number;
  readonly children: number;
  readonly env: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

/** One pool on the port, and one on the socket. */
export async function startPhpFpm(options: PhpFpmOptions): Promise<PhpFpm> {
  const binary = globSync("/usr/sbin/php-fpm[0-9]*").sort().at(-1);
  if (binary === undefined) throw new Error("PHP-FPM is not installed: apt-get install php-fpm");
  const directory = temporaryDirectory();
  const root = join(directory, "root");
  mkdirSync(root);
  for (const path of [directory, root]) chmodSync(path, 0o755);
  for (const [name, text] of Object.entries(options.scripts)) writeFileSync(join(root, name), text);
  const socket = join(directory, "fpm.sock");
  const file = join(directory, "fpm.conf");
  const user = process.getuid?.() === 0 ? "user = www-data\ngroup = www-data" : "";
  const pool = (name: string, listen: string) => `[${name}]
listen = ${listen}
listen.mode = 0666
${user}
pm = static
pm.max_children = ${options.children}
`;
  writeFileSync(
    file,
    `[global]
error_log = ${directory}/fpm.log
daemonize = no
${pool("tcp", `127.0.0.1:${options.port}`)}${pool("unix", socket)}`,
  );
  const program = start([binary, "--nodaemonize", "-y", file], { env: options.env });
  await waitForPort(options.port, "PHP-FPM");
  await waitFor(() => existsSync(socket), { what: "PHP-FPM's socket" });
  return { program, root, socket };
}
