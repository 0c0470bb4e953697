/**
 * FastCGI between nginx and PHP-FPM, both hooked, over TCP and a Unix socket. Invariant: both ends
 * tell the requests that tshark saw, and nothing of a body, a parameter or the error stream.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startNginx } from "../harness/nginx.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { type PhpFpm, startPhpFpm } from "../harness/php-fpm.ts";
import { freePorts } from "../harness/ports.ts";
import { output, start, stopAll, waitForOutput } from "../harness/processes.ts";
import { fastcgiRequests, startCapture } from "../harness/tshark.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const THREADS = 8;
const REQUESTS = 1_250;
const PROGRAMS = join(import.meta.dir, "programs");
const TRACE = "0af7651916cd43dd8448eb211c80319c";

const page = `<?php
file_get_contents("php://input");
switch ($_GET["do"] ?? "") {
  case "redirect": header("Location: http://a.test/next"); break;
  case "fail": error_log("hidden failure"); http_response_code(503); break;
  case "large": for ($line = 0; $line < 20000; $line++) { echo md5((string) $line), "\\n"; } break;
  case "echo": http_response_code(200 + $_GET["n"] % 90); break;
  default: echo "hidden page";
}
`;

let agent: TestAgent;
let fpm: PhpFpm;
let port = 0;
let overUnix = 0;
let fpmPort = 0;

beforeAll(async () => {
  agent = await startAgent();
  [port = 0, overUnix = 0, fpmPort = 0] = await freePorts(3);
  const env = agent.environment;
  fpm = await startPhpFpm({ port: fpmPort, children: THREADS, env, scripts: { "page.php": page } });
  const params = `include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME ${fpm.root}$fastcgi_script_name;`;
  await startNginx({
    env,
    http: `upstream fpm { server 127.0.0.1:${fpmPort}; keepalive ${THREADS}; }`,
    servers: [
      { port, body: `location / { fastcgi_pass fpm; fastcgi_keep_conn on; ${params} }` },
      { port: overUnix, body: `location / { fastcgi_pass unix:${fpm.socket}; ${params} }` },
    ],
  });
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

/** Spans of one end of FastCGI: those of PHP-FPM, or those that nginx made as a client. */
function told(
  end: "application" | "web server",
  mark: string,
  of: TestAgent = agent,
): SpanRecord[] {
  return readOtlpFile(of.file).spans.filter(({ kind, attributes, resource }) => {
    const isPhp = String(resource["process.executable.name"]).startsWith("php-fpm");
    const isEnd =
      end === "application" ? isPhp && kind === Kind.server : !isPhp && kind === Kind.client;
    return isEnd && targetOf(attributes).includes(mark);
  });
}

function targetOf(attributes: SpanRecord["attributes"]): string {
  const full = attributes["url.full"];
  if (typeof full === "string") return full.replace("http://a.test", "");
  const query = attributes["url.query"];
  return `${attributes["url.path"]}${query === undefined ? "" : `?${query}`}`;
}

function line({ attributes }: SpanRecord): string {
  const method = attributes["http.request.method"];
  return `${method} ${targetOf(attributes)} ${attributes["http.response.status_code"]}`;
}

/** The script's status says which request it answers. */
function isRight({ attributes }: SpanRecord): boolean {
  const number = Number(/n=(\d+)/.exec(targetOf(attributes))?.[1]);
  return attributes["http.response.status_code"] === 200 + (number % 90);
}

const ends = ["application", "web server"] as const;

function curl(to: number, requests: readonly (readonly string[])[]): string[] {
  const each = requests.map(([target = "", ...rest]) => [
    ...["-s", "-o", "/dev/null", "-H", "Host: a.test", ...rest],
    `http://127.0.0.1:${to}${target}`,
  ]);
  return ["curl", ...each.flatMap((words, index) => (index === 0 ? words : ["--next", ...words]))];
}

test(
  "pages, uploads, redirects, failures and large output: what tshark saw is what both ends tell",
  async () => {
    const capture = await startCapture([fpmPort]);
    const requests = [
      ["/page.php?one=1", "-H", `traceparent: 00-${TRACE}-b7ad6b7169203331-01`],
      ["/page.php?one=2", "-d", "hidden=1"],
      ["/page.php?one=3", "-T", import.meta.path, "-X", "POST"],
      ["/page.php?one=4&do=redirect"],
      ["/page.php?one=5&do=fail"],
      ["/page.php?one=6&do=large"],
      ["/missing.php?one=7"],
      ["/page.php?one=8&sig=hidden"],
    ];
    await output(curl(port, requests));
    await capture.stop();
    const wanted = (await fastcgiRequests(capture.file, fpmPort)).map((request) =>
      request.replace("sig=hidden", "sig=REDACTED"),
    );
    expect(wanted).toEqual([
      "GET /page.php?one=1 200",
      "POST /page.php?one=2 200",
      "POST /page.php?one=3 200",
      "GET /page.php?one=4&do=redirect 302",
      "GET /page.php?one=5&do=fail 503",
      "GET /page.php?one=6&do=large 200",
      "GET /missing.php?one=7 404",
      "GET /page.php?one=8&sig=REDACTED 200",
    ]);
    for (const end of ends) {
      await waitFor(() => told(end, "one=").length >= wanted.length, {
        what: `what the ${end} did`,
        seen: () => told(end, "one=").map(line).join("\n"),
      });
      expect(told(end, "one=").map(line).sort()).toEqual([...wanted].sort());
      const [failed] = told(end, "one=5");
      expect(failed?.attributes["error.type"]).toBe("503");
      expect(failed?.attributes["olly.fastcgi.stderr_bytes"]).toBeGreaterThan(10);
    }
    expect(told("application", "one=1")[0]?.traceId).toBe(TRACE);
  },
  TIMEOUT_MS,
);

test(
  "over a Unix socket that is not kept",
  async () => {
    await output(curl(overUnix, [["/page.php?unix=1"], ["/page.php?unix=2&do=fail"]]));
    for (const end of ends) {
      await waitFor(() => told(end, "unix=").length >= 2, { what: `what the ${end} did` });
      expect(told(end, "unix=").map(line).sort()).toEqual([
        "GET /page.php?unix=1 200",
        "GET /page.php?unix=2&do=fail 503",
      ]);
    }
  },
  TIMEOUT_MS,
);

test(
  "10,000 requests of 8 threads: each has its own answer",
  async () => {
    const program = join(PROGRAMS, "http_many.py");
    await output([
      "timeout",
      "-s",
      "KILL",
      "90",
      python,
      "-B",
      program,
      String(port),
      String(THREADS),
      String(REQUESTS),
    ]);
    for (const end of ends) {
      await waitFor(() => told(end, "do=echo").length >= THREADS * REQUESTS, {
        what: "10,000 requests",
        withinMs: 120_000,
        seen: () => `${told(end, "do=echo").length}`,
      });
      const spans = told(end, "do=echo");
      expect(spans).toHaveLength(THREADS * REQUESTS);
      expect(new Set(spans.map(({ attributes }) => targetOf(attributes))).size).toBe(spans.length);
      const wrong = spans.filter((span) => !isRight(span));
      expect(wrong.map(line)).toEqual([]);
    }
    const lost = losses(await agent.status());
    expect([
      lost["stream_gap"] ?? 0,
      lost["orphan_response"] ?? 0,
      lost["parse_error"] ?? 0,
    ]).toEqual([0, 0, 0]);
  },
  TIMEOUT_MS,
);

test(
  "tracing begins in the middle of busy connections: what is told is right",
  async () => {
    const onDemand = await startAgent({ onDemand: true });
    const env = onDemand.environment;
    const [front = 0, back = 0] = await freePorts(2);
    const scripts = { "page.php": page };
    const application = await startPhpFpm({ port: back, children: THREADS, env, scripts });
    await startNginx({
      env,
      http: `upstream fpm { server 127.0.0.1:${back}; keepalive ${THREADS}; }`,
      servers: [
        {
          port: front,
          body: `location / { fastcgi_pass fpm; fastcgi_keep_conn on;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME ${application.root}$fastcgi_script_name; }`,
        },
      ],
    });
    const program = join(PROGRAMS, "http_many.py");
    const busy = start([python, "-B", "-u", program, String(front), "4", "100000"], {
      keepStdinOpen: true,
    });
    await waitForOutput(busy, /busy/);
    expect((await onDemand.trace("start")).code).toBe(0);
    for (const end of ends) {
      await waitFor(() => told(end, "do=echo", onDemand).length >= 500, {
        what: "500 requests",
        withinMs: 120_000,
        seen: () => `${told(end, "do=echo", onDemand).length}`,
      });
    }
    await busy.stop("SIGKILL");
    for (const end of ends) {
      const spans = told(end, "do=echo", onDemand);
      const isOpen = ({ attributes }: SpanRecord) =>
        attributes["olly.exchange.outcome"] !== undefined;
      expect(spans.filter((span) => !isOpen(span) && !isRight(span)).map(line)).toEqual([]);
      // On each connection the exchange under way at the beginning, and the one at the end.
      expect(spans.filter(isOpen).length).toBeLessThanOrEqual(8);
    }
  },
  TIMEOUT_MS,
);

test("nothing of a body or of the error stream is told", () => {
  const spans = readFileSync(agent.file, "utf8")
    .split("\n")
    .filter((text) => text.includes("resourceSpans"));
  expect(spans.length).toBeGreaterThan(0);
  expect(spans.join("\n")).not.toContain("hidden");
});
