/**
 * HTTP/2 as programs really speak it: nghttp, h2load, curl, node, nginx and Apache, judged by
 * tshark and by markers in every request. Invariant: what olly tells of a request is what was
 * asked and answered, at both ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { faultsOfHttp } from "../harness/conventions.ts";
import { ALONE_MS, isWrong } from "../harness/judge.ts";
import { startNginx } from "../harness/nginx.ts";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, milliseconds, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, freePorts, waitForPort } from "../harness/ports.ts";
import {
  output,
  type Program,
  run,
  start,
  stopAll,
  temporaryDirectory,
} from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { startCapture } from "../harness/tshark.ts";
import { http2Exchanges, type StreamExchange } from "../harness/tshark-http2.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const REQUESTS = 10_000;
const CONNECTIONS = 8;
/** Answers by the first segment of the path, so that a wrong pairing shows. */
const STATUS = { ok: 200, missing: 404, broken: 503 } as const;
const LOCATIONS = Object.entries(STATUS)
  .map(([name, status]) => `location /${name}/ { return ${status} "${name}"; }`)
  .join("\n");

afterAll(stopAll, TIMEOUT_MS);

function targetOf({ attributes }: SpanRecord): string {
  const full = attributes["url.full"];
  if (full !== undefined) return String(full).replace(/^https?:\/\/[^/]*/, "");
  const query = attributes["url.query"];
  return String(attributes["url.path"]) + (query === undefined ? "" : `?${query}`);
}

/** "METHOD target status outcome" */
function toldBy(span: SpanRecord): string {
  const { attributes } = span;
  const status = attributes["http.response.status_code"] ?? "-";
  const outcome = attributes["olly.exchange.outcome"] ?? "complete";
  return `${attributes["http.request.method"]} ${targetOf(span)} ${status} ${outcome}`;
}

function ofKind(spans: readonly SpanRecord[], kind: number): SpanRecord[] {
  return spans.filter((span) => span.kind === kind);
}

async function spansOf(agent: TestAgent, count: number, before = 0): Promise<SpanRecord[]> {
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.slice(before);
      return spans.length >= count;
    },
    { what: `${count} spans`, withinMs: 120_000, seen: () => `${spans.length} spans` },
  );
  return spans;
}

function markedTarget(index: number): string {
  const kind = Object.keys(STATUS)[index % 3];
  return `/${kind}/${index}`;
}

function statusOfTarget(target: string): number | undefined {
  return STATUS[target.split("/")[1] as keyof typeof STATUS];
}

describe("nghttp and nghttpd, beside the packets", () => {
  let agent: TestAgent;
  let port: number;
  let exchanges: StreamExchange[];
  let spans: SpanRecord[];

  beforeAll(async () => {
    agent = await startAgent();
    port = await freePort();
    const root = temporaryDirectory();
    writeFileSync(join(root, "a.txt"), "hello\n");
    writeFileSync(join(root, "upload"), "x".repeat(5_000));
    const env = agent.environment;
    const nghttpd = Bun.which("nghttpd") ?? "/usr/sbin/nghttpd";
    const options = ["--no-tls", "-d", root, "--trailer", "x-end: 1", "--echo-upload"];
    start([nghttpd, ...options, String(port)], { env });
    await waitForPort(port, "nghttpd");
    const capture = await startCapture([port]);
    const url = (path: string) => `http://127.0.0.1:${port}${path}`;
    const nghttp = (...args: string[]) => output(["nghttp", "-n", ...args], { env });
    await nghttp(url("/a.txt"), url("/none"), url("/a.txt?x=1"));
    await nghttp("--continuation", url("/a.txt?continued"), url("/none?continued"));
    const upload = ["-b", "64", "--trailer", "x-up: 1", "-d", join(root, "upload")];
    await nghttp(...upload, url("/echo?1"), url("/echo?2"), url("/echo?3"));
    await nghttp("-H", ":method: PUT", "-d", join(root, "upload"), url("/echo?4"));
    await capture.stop();
    exchanges = await http2Exchanges(capture.file, [port]);
    spans = await spansOf(agent, 2 * exchanges.length);
  }, TIMEOUT_MS);

  test("both ends tell the same requests and statuses", () => {
    const judged = exchanges.map(
      ({ method, target, status }) => `${method} ${target} ${status} complete`,
    );
    expect(judged).toHaveLength(9);
    expect(ofKind(spans, Kind.client).map(toldBy).sort()).toEqual(judged.toSorted());
    expect(ofKind(spans, Kind.server).map(toldBy).sort()).toEqual(judged.toSorted());
    expect(spans.flatMap(faultsOfHttp)).toEqual([]);
    const versions = spans.map((span) => span.attributes["network.protocol.version"]);
    expect(new Set(versions)).toEqual(new Set(["2"]));
  });

  test("at the times of their packets", () => {
    for (const kind of ["client", "server"] as const) {
      for (const exchange of exchanges) {
        const span = ofKind(spans, Kind[kind]).find((one) => targetOf(one) === exchange.target);
        const [from, to] = [milliseconds(span?.start ?? 0n), milliseconds(span?.end ?? 0n)];
        const shift = {
          ...{ what: exchange.target, kind, startMs: from - exchange.startMs, lengthMs: to - from },
          endMs: to - (exchange.endMs ?? Number.NaN),
          packetsMs: (exchange.endMs ?? Number.NaN) - exchange.startMs,
          // Others are open beside it.
          ...{ beforeMs: ALONE_MS, behindMs: ALONE_MS },
        };
        expect([shift, isWrong(shift)]).toEqual([shift, false]);
      }
    }
  });

  test("each server's span belongs to its client's", () => {
    const clients = new Map(ofKind(spans, Kind.client).map((span) => [span.spanId, toldBy(span)]));
    for (const span of ofKind(spans, Kind.server)) {
      expect(clients.get(span.parentSpanId)).toBe(toldBy(span));
    }
  });
});

describe("10,000 requests on 8 connections, ten at a time", () => {
  /** One h2load for each connection: those of one process would all ask for the same. */
  function load(agent: TestAgent, port: number, options: readonly string[]): Program[] {
    const directory = temporaryDirectory();
    const share = REQUESTS / CONNECTIONS;
    return Array.from({ length: CONNECTIONS }, (_, connection) => {
      const uris = join(directory, `uris-${connection}`);
      const targets = Array.from({ length: share }, (_, index) =>
        markedTarget(connection * share + index),
      );
      writeFileSync(uris, targets.map((one) => `http://127.0.0.1:${port}${one}\n`).join(""));
      const command = ["h2load", "-c", "1", "-i", uris, ...options];
      return start(command, { env: agent.environment });
    });
  }

  test(
    "every answer is paired with its own question",
    async () => {
      const agent = await startAgent();
      const port = await freePort();
      const server = { port, listen: "http2", body: `access_log off; ${LOCATIONS}` };
      await startNginx({ env: agent.environment, servers: [server] });
      const loads = load(agent, port, ["-n", String(REQUESTS / CONNECTIONS), "-m", "10"]);
      for (const program of loads) expect((await program.ended).code).toBe(0);
      const spans = await spansOf(agent, 2 * REQUESTS);
      const wanted = Array.from({ length: REQUESTS }, (_, index) => {
        const target = markedTarget(index);
        return `GET ${target} ${statusOfTarget(target)} complete`;
      });
      expect(spans).toHaveLength(2 * REQUESTS);
      for (const kind of [Kind.client, Kind.server]) {
        const told = new Set(ofKind(spans, kind).map(toldBy));
        expect(wanted.filter((line) => !told.has(line))).toEqual([]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    "joined in the middle: what is told is right",
    async () => {
      const agent = await startAgent({ onDemand: true });
      const port = await freePort();
      const log = join(temporaryDirectory(), "access.log");
      const server = { port, listen: "http2", body: `access_log ${log}; ${LOCATIONS}` };
      await startNginx({ env: agent.environment, servers: [server] });
      const loads = load(agent, port, ["-D", "60", "-m", "2", "--rps", "50"]);
      const served = () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").length : 0);
      await waitFor(() => served() > 20 * CONNECTIONS, {
        what: "busy connections",
        withinMs: 120_000,
        seen: () => String(served()),
      });
      expect((await agent.trace("start")).code).toBe(0);
      await spansOf(agent, 400);
      for (const program of loads) await program.stop();
      const spans = await spansOf(agent, 400);
      const wrong = spans.filter(({ attributes }) => {
        const path = attributes["url.path"] ?? attributes["url.full"];
        const status = attributes["http.response.status_code"];
        const target = String(path ?? "").replace(/^https?:\/\/[^/]*/, "");
        return path !== undefined && status !== undefined && status !== statusOfTarget(target);
      });
      expect(wrong.map(toldBy)).toEqual([]);
      const servers = ofKind(spans, Kind.server);
      const whole = servers.filter((span) => toldBy(span).endsWith("complete"));
      // At most two of each connection may have been under way.
      expect(whole.length).toBeGreaterThanOrEqual(servers.length - 2 * 2 * CONNECTIONS);
    },
    TIMEOUT_MS,
  );
});

describe("by ALPN and by Upgrade", () => {
  let agent: TestAgent;
  let directory: string;
  beforeAll(async () => {
    agent = await startAgent();
    directory = temporaryDirectory();
    chmodSync(directory, 0o755);
  }, TIMEOUT_MS);

  test(
    "curl and nginx over TLS, with a body of 3 MB in between",
    async () => {
      const [port = 0] = await freePorts(1);
      const { certificate, key } = await createCertificate(directory);
      const tls = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
      await startNginx({
        env: agent.environment,
        servers: [{ port, listen: "ssl http2", body: `${tls} root {root}; ${LOCATIONS}` }],
        files: { "large.bin": new Uint8Array(3_000_000) },
      });
      const paths = ["/ok/1", "/missing/2", "/large.bin", "/broken/3", "/ok/4"];
      const urls = paths.flatMap((path) => [`https://127.0.0.1:${port}${path}`, "-o", "/dev/null"]);
      await output(["curl", "-s", "--http2", "--cacert", certificate, ...urls], {
        env: agent.environment,
      });
      const spans = await spansOf(agent, 2 * paths.length);
      for (const kind of [Kind.client, Kind.server]) {
        const told = ofKind(spans, kind).map((span) => toldBy(span).replace(/ \w+$/, ""));
        expect(told.toSorted()).toEqual(
          paths.map((path) => `GET ${path} ${statusOfTarget(path) ?? 200}`).sort(),
        );
      }
      expect(spans.flatMap(faultsOfHttp)).toEqual([]);
      const schemes = ofKind(spans, Kind.server).map(({ attributes }) => attributes["url.scheme"]);
      expect(new Set(schemes)).toEqual(new Set(["https"]));
    },
    TIMEOUT_MS,
  );

  test(
    "node's http2, client and server, a hundred requests at once",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const { certificate, key } = await createCertificate(directory);
      const program = join(import.meta.dir, "programs", "node_http2.mjs");
      const command = ["timeout", "-s", "KILL", "20", "node", program, key, certificate, "100"];
      await output(command, { env: agent.environment });
      const spans = await spansOf(agent, 200, before);
      const wanted = Array.from({ length: 100 }, (_, index) =>
        index % 3 === 0 ? `GET /missing/${index} 404 complete` : `GET /item/${index} 200 complete`,
      ).sort();
      expect(ofKind(spans, Kind.client).map(toldBy).sort()).toEqual(wanted);
      expect(ofKind(spans, Kind.server).map(toldBy).sort()).toEqual(wanted);
    },
    TIMEOUT_MS,
  );

  test(
    "curl asks Apache over HTTP/1 for HTTP/2",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const port = await freePort();
      await startApache(agent, port);
      const url = `http://127.0.0.1:${port}/a.txt?upgraded`;
      await run(["curl", "-s", "--http2", "-o", "/dev/null", url], { env: agent.environment });
      const spans = await spansOf(agent, 2, before);
      expect(spans.map(toldBy)).toEqual(Array(2).fill("GET /a.txt?upgraded 200 complete"));
      const versions = spans.map(({ attributes }) => attributes["network.protocol.version"]);
      expect(versions).toEqual(["2", "2"]);
      expect(spans.flatMap(faultsOfHttp)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  async function startApache(to: TestAgent, port: number): Promise<void> {
    const root = join(directory, "root");
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, "a.txt"), "hello\n");
    const modules = ["mpm_event", "authz_core", "http2"].map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    );
    const lines = [
      ...[`ServerRoot ${directory}`, `PidFile ${directory}/pid`, `ErrorLog ${directory}/error.log`],
      ...modules,
      ...[`Listen 127.0.0.1:${port}`, "ServerName localhost", "Protocols h2c http/1.1"],
      ...[`DocumentRoot ${root}`, ...(process.getuid?.() === 0 ? ["User nobody"] : [])],
    ];
    const file = join(directory, "apache.conf");
    writeFileSync(file, `${lines.join("\n")}\n`);
    const binary = Bun.which("apache2") ?? "/usr/sbin/apache2";
    start([binary, "-f", file, "-DFOREGROUND"], { env: to.environment });
    await waitForPort(port, "Apache");
  }
});
