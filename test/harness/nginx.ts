/**
 * nginx with a configuration, a prefix and ports of its own. Invariant: it reads and writes
 * nothing outside its temporary directory.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitForPort } from "./ports.ts";
import { type Program, type StartOptions, start, temporaryDirectory } from "./processes.ts";

export interface NginxServer {
  readonly port: number;
  /** Parameters of listen: "ssl http2". */
  readonly listen?: string;
  /** What stands inside its server block beside listen. `{root}` is the document directory. */
  readonly body: string;
}

export interface NginxOptions extends StartOptions {
  readonly servers: readonly NginxServer[];
  /** What stands inside http beside the servers (upstream blocks). */
  readonly http?: string;
  /** Default 2. */
  readonly workers?: number;
  /** Documents by name. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Put before nginx's command line, to run it hooked. */
  readonly under?: readonly string[];
}

export interface Nginx {
  readonly program: Program;
  readonly directory: string;
  readonly pidFile: string;
}

const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** Starts nginx in the foreground and waits until every server accepts connections. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const directory = temporaryDirectory();
  const root = join(directory, "root");
  mkdirSync(root);
  for (const path of [directory, root]) {
    chmodSync(path, 0o755);
  }
  for (const [name, content] of Object.entries(options.files ?? {})) {
    writeFileSync(join(root, name), content);
  }
  const file = join(directory, "nginx.conf");
  writeFileSync(file, configuration(directory, root, options));
  const binary = Bun.which("nginx") ?? "/usr/sbin/nginx";
  const program = start(
    [...(options.under ?? []), binary, "-e", join(directory, "error.log")].concat([
      "-p",
      directory,
      "-c",
      file,
      "-g",
      "daemon off;",
    ]),
    options,
  );
  for (const server of options.servers) {
    await waitForPort(server.port, "nginx");
  }
  return { program, directory, pidFile: join(directory, "nginx.pid") };
}

function configuration(directory: string, root: string, options: NginxOptions): string {
  const temporary = TEMPORARY.map((name) => `${name}_temp_path ${directory}/${name};`);
  const servers = options.servers.map(
    (server) => `server {
    listen 127.0.0.1:${server.port} ${server.listen ?? ""};
    ${server.body.replaceAll("{root}", root)}
  }`,
  );
  return `worker_processes ${options.workers ?? 2};
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 512; }
http {
  access_log ${directory}/access.log;
  keepalive_requests 1000000;
  ${temporary.join("\n  ")}
  ${options.http ?? ""}
  ${servers.join("\n  ")}
}
`;
}
