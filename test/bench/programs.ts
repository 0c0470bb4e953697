/**
 * The programs whose CPU time per request is compared, each started bare and hooked.
 * Invariant: the variants of a program differ in their environment and ports, in nothing else.
 */
import { join } from "node:path";
import { startNginx } from "../harness/nginx.ts";
import { python } from "../harness/olly.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { postgresBinaries, startPostgres } from "../harness/postgres.ts";
import { output, run, start, temporaryDirectory, text } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";

export type Environment = Readonly<Record<string, string>>;

/** A running program under load. */
export interface Target {
  readonly pid: number;
  /** Asks for so many seconds with what the program is measured by; gives the number of answers. */
  load(seconds: number): Promise<number>;
}

export interface Scenario {
  readonly name: string;
  /** CPU per request, hooked and active ÷ bare. */
  readonly target: number;
  /** A program that has to be installed. */
  readonly needs: string;
  start(environment: Environment): Promise<Target>;
}

const PROGRAMS = join(import.meta.dir, "../e2e/programs");
const CONNECTIONS = 8;
const DATABASE_CLIENTS = 2;

export const scenarios: readonly Scenario[] = [
  {
    name: "nginx static keep-alive",
    target: 1.15,
    needs: "wrk",
    start: (environment) => startStaticNginx(environment, "access_log off;"),
  },
  {
    name: "nginx static keep-alive, with its access log",
    target: 1.15,
    needs: "wrk",
    start: (environment) => startStaticNginx(environment, ""),
  },
  { name: "node http", target: 1.1, needs: "wrk", start: startNode },
  { name: "node https", target: 1.25, needs: "wrk", start: startSecureNode },
  { name: "python threaded server", target: 1.05, needs: "wrk", start: startPython },
  { name: "PostgreSQL backend (pgbench -S)", target: 1.1, needs: "pgbench", start: startDatabase },
  { name: "redis GET", target: 1.15, needs: "redis-server", start: startRedis },
];

/** wrk over keep-alive connections. */
export async function wrk(
  url: string,
  seconds: number,
  options: readonly string[] = ["-c", String(CONNECTIONS)],
): Promise<{ readonly requests: number; readonly p99Ms: number }> {
  const printed = await output([
    "wrk",
    "-t",
    "1",
    "-d",
    `${seconds}s`,
    "--latency",
    ...options,
    url,
  ]);
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(printed)?.[0];
  if (failed !== undefined && !failed.includes("connect 0, read 0, write 0")) {
    throw new Error(`${url}: ${failed}`);
  }
  const requests = Number(/^\s*(\d+) requests in/m.exec(printed)?.[1]);
  const [, p99, unit] = /^\s*99%\s+([\d.]+)(us|ms|s)$/m.exec(printed) ?? [];
  const scale = { us: 1e-3, ms: 1, s: 1e3 }[unit ?? ""] ?? Number.NaN;
  return { requests, p99Ms: Number(p99) * scale };
}

export async function startStaticNginx(
  environment: Environment,
  settings: string,
): Promise<Target & { readonly url: string }> {
  const port = await freePort();
  const nginx = await startNginx({
    env: environment,
    workers: 1,
    servers: [{ port, body: `root {root}; ${settings}` }],
    files: { "1k.txt": "x".repeat(1_024) },
  });
  const url = `http://127.0.0.1:${port}/1k.txt`;
  return { ...target(nginx.program.pid, url), url };
}

async function startNode(environment: Environment): Promise<Target> {
  const port = await freePort();
  const program = join(PROGRAMS, "node_server.mjs");
  const node = start(["node", program, String(port)], { env: environment });
  await waitForPort(port, "node");
  return target(node.pid, `http://127.0.0.1:${port}/hello`);
}

async function startSecureNode(environment: Environment): Promise<Target> {
  const port = await freePort();
  const { certificate, key } = await createCertificate(temporaryDirectory());
  const program = join(PROGRAMS, "node_server.mjs");
  const node = start(["node", program, String(port), certificate, key], { env: environment });
  await waitForPort(port, "node");
  return target(node.pid, `https://127.0.0.1:${port}/hello`);
}

async function startPython(environment: Environment): Promise<Target> {
  const port = await freePort();
  // On one core: threads that fight for the interpreter's lock from two cores cost now three times
  // as much and now not, which would hide everything else.
  const command = ["taskset", "-c", "0", python, "-B"].concat(
    join(PROGRAMS, "threaded.py"),
    ...[String(port), "none", "0"],
  );
  const service = start(command, { env: environment });
  await waitForPort(port, "the Python service");
  return target(service.pid, `http://127.0.0.1:${port}/ready`);
}

function target(pid: number, url: string): Target {
  return { pid, load: async (seconds) => (await wrk(url, seconds)).requests };
}

async function startDatabase(environment: Environment): Promise<Target> {
  const postgres = await startPostgres({ env: environment });
  const pgbench = join(postgresBinaries(), "pgbench");
  const address = ["-h", "127.0.0.1", "-p", String(postgres.port), "-U", postgres.user, "postgres"];
  await output([pgbench, "-i", "-q", ...address]);
  const load = async (seconds: number): Promise<number> => {
    const clients = ["-c", String(DATABASE_CLIENTS), "-j", "1"];
    const printed = await output([
      pgbench,
      "-S",
      "-n",
      ...clients,
      "-T",
      String(seconds),
      ...address,
    ]);
    return Number(/transactions actually processed: (\d+)/.exec(printed)?.[1]);
  };
  return { pid: postgres.program.pid, load };
}

async function startRedis(environment: Environment): Promise<Target> {
  const port = await freePort();
  const command = ["redis-server", "--port", String(port), "--save", "", "--appendonly", "no"];
  const redis = start(command, { env: environment });
  await waitForPort(port, "redis");
  const load = async (seconds: number): Promise<number> => {
    // redis-benchmark counts requests, not seconds: ask in portions until the time is over.
    const until = performance.now() + seconds * 1_000;
    let requests = 0;
    while (performance.now() < until) {
      const portion = [
        "-p",
        String(port),
        "-t",
        "get",
        "-n",
        "20000",
        "-c",
        String(CONNECTIONS),
        "-q",
      ];
      const ended = await run(["redis-benchmark", ...portion]);
      if (ended.code !== 0) {
        throw new Error(text(ended.stderr));
      }
      requests += 20_000;
    }
    return requests;
  };
  return { pid: redis.pid, load };
}
