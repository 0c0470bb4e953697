/**
 * HTTP/1 as programs really speak it: raw conversations with a server that keeps its own list, and
 * nginx, whose access log is the judge. Invariant: what olly tells is that list, at both ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { faultsOfHttp, faultsOfResource } from "../harness/conventions.ts";
import { type Nginx, startNginx } from "../harness/nginx.ts";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, freePorts, waitForPort } from "../harness/ports.ts";
import { output, run, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");

afterAll(stopAll, TIMEOUT_MS);

type Step = Readonly<Record<string, string | number | boolean>>;

const BLANK = "\r\n\r\n";
const FINISH: Step[] = [{ shutdown: true }, { eof: true }];

function head(target: string, fields: readonly string[] = [], method = "GET"): string {
  const lines = [`${method} ${target} HTTP/1.1`, "Host: shop.test:81", ...fields];
  return `${lines.join("\r\n")}${BLANK}`;
}

/** One connection: what the client does; outcomes that are not "complete", by target. */
interface Conversation {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly outcomes?: Readonly<Record<string, string>>;
}

/** All heads at once, then everything until the last answer has come. */
function pipelined(heads: readonly string[]): Step[] {
  return [{ send: heads.join("") }, ...FINISH];
}

const TEN = Array.from({ length: 10 }, (_, index) => {
  const path = ["/chunked/2", "/length/9000", "/plain"][index % 3] ?? "";
  return head(`${path}?pipelined=${index}`);
});
const OLD = ["Connection: keep-alive"];
const LONG = (bytes: number) => [`X-Long: ${"h".repeat(bytes)}`];
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"];
/** A text frame of a client, its mask all zero (RFC 6455 section 5.2). */
const framed = (text: string) => `\x81${String.fromCharCode(0x80 + text.length)}\0\0\0\0${text}`;
const NORMAL_CLOSURE = "\x88\x82\0\0\0\0\x03\xe8";
const SECRETS = "http://user:hidden-1@shop.test:99/absolute?sig=hidden-2&x=1";

const CONVERSATIONS: readonly Conversation[] = [
  { name: "ten requests at once", steps: pipelined(TEN) },
  {
    name: "HEAD, and answers without a body",
    steps: pipelined([
      head("/length/5000?head", [], "HEAD"),
      head("/bare/204?empty"),
      head("/bare/304?empty"),
      head("/plain?behind=1"),
    ]),
  },
  {
    name: "a chunked request with extensions and trailers",
    steps: pipelined([
      `${head("/upload?chunked", ["Transfer-Encoding: chunked"], "POST")}5;a=b\r\nGET /\r\n` +
        `5\r\nHTTP/\r\n0\r\nX-T: GET / HTTP/1.1${BLANK}`,
      head("/plain?behind=2"),
    ]),
  },
  { name: "interim answers", steps: pipelined([head("/interim/3"), head("/plain?behind=3")]) },
  {
    name: "byte by byte",
    steps: [
      { send: head("/bytewise/1") + head("/plain?behind=4"), piece: 1, pause: 0.0005 },
      ...FINISH,
    ],
  },
  {
    name: "heads of 10, 20 and 30 KB in one write",
    steps: pipelined([
      head("/plain?wide=10", LONG(10_000)),
      head("/plain?wide=20", LONG(20_000)),
      head("/plain?wide=30", LONG(30_000)),
      head("/plain?behind=5"),
    ]),
  },
  { name: "a target of 20 KB", steps: pipelined([head(`/plain?${"q".repeat(20_000)}`)]) },
  {
    name: "answers' heads of 9, 17 and 40 KB",
    steps: pipelined([head("/head-of/9000"), head("/head-of/17000"), head("/head-of/40000")]),
  },
  {
    name: "1 MB and 20 MB with a length, 1.5 MB in chunks, on one connection",
    steps: ["/length/1000000", "/chunked/300", "/length/20000000", "/plain?behind=6"].flatMap(
      (target, index) => [
        { send: head(target) },
        { until: "HTTP/1.1 200", count: index + 1 },
        ...(target === "/chunked/300" ? [{ until: `500 no${BLANK}` }] : []),
      ],
    ),
  },
  {
    name: "an upload of 1 MB",
    steps: [
      { send: head("/upload?large", ["Content-Length: 1000000"], "POST") },
      { send: "u".repeat(1000), times: 1000 },
      { until: BLANK },
      { send: head("/plain?behind=7") },
      ...FINISH,
    ],
  },
  {
    name: "Expect: 100-continue",
    steps: [
      { send: head("/upload?told", ["Expect: 100-continue", "Content-Length: 9"], "PUT") },
      { until: `100 Continue${BLANK}` },
      { send: "long body" },
      ...FINISH,
    ],
  },
  {
    name: "a body that ends with the connection",
    steps: [{ send: "GET /until-close/2000000 HTTP/1.0\r\n\r\n" }, { eof: true }],
  },
  {
    name: "HTTP/1.0 with keep-alive",
    steps: pipelined([1, 2].map((n) => head(`/plain?old=${n}`, OLD).replace("1.1", "1.0"))),
  },
  {
    name: "an answer that is cut off",
    steps: [{ send: head("/cut") }, { eof: true }],
    outcomes: { "/cut": "closed_early" },
  },
  {
    name: "no answer",
    steps: [{ send: head("/nothing") }, { eof: true }],
    outcomes: { "/nothing": "closed_early" },
  },
  {
    name: "a connection that the server resets",
    steps: [{ send: head("/reset") }, { eof: true }],
    outcomes: { "/reset": "closed_early" },
  },
  { name: "an absolute target", steps: pipelined([head(SECRETS)]) },
  {
    name: "statuses",
    steps: pipelined([301, 404, 431, 500, 503].map((status) => head(`/status/${status}`))),
  },
];

/** "METHOD path?query status outcome", as the server's list tells it. */
function toldBy(span: SpanRecord): string {
  const { attributes } = span;
  const full = String(attributes["url.full"] ?? "");
  const query = attributes["url.query"];
  const target =
    span.kind === Kind.client
      ? full.replace(/^https?:\/\/[^/]*/, "")
      : String(attributes["url.path"]) + (query === undefined ? "" : `?${query}`);
  const status = attributes["http.response.status_code"] ?? 0;
  const outcome = attributes["olly.exchange.outcome"] ?? "complete";
  return `${attributes["http.request.method"]} ${target} ${status} ${outcome}`;
}

function ofKind(spans: readonly SpanRecord[], kind: number): SpanRecord[] {
  return spans.filter((span) => span.kind === kind);
}

async function waitForSpans(agent: TestAgent, count: number): Promise<readonly SpanRecord[]> {
  let spans: readonly SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans;
      return spans.length >= count;
    },
    { what: `${count} spans`, withinMs: 120_000, seen: () => spans.map(toldBy).join("\n") },
  );
  return spans;
}

describe("raw conversations", () => {
  let agent: TestAgent;
  let port: number;
  let log: string;
  beforeAll(async () => {
    agent = await startAgent();
    port = await freePort();
    log = join(temporaryDirectory(), "answered");
    writeFileSync(log, "");
    start([python, "-B", join(PROGRAMS, "raw_http_server.py"), String(port), log], {
      env: agent.environment,
    });
    await waitForPort(port, "the raw server");
  }, TIMEOUT_MS);

  async function converse(steps: readonly Step[], host = "127.0.0.1"): Promise<void> {
    const program = join(PROGRAMS, "raw_http_client.py");
    const told = JSON.stringify([steps]);
    await output([python, "-B", program, host, String(port), told], { env: agent.environment });
  }

  function answered(): string[] {
    return readFileSync(log, "utf8").split("\n").slice(0, -1);
  }

  for (const { name, steps, outcomes = {} } of CONVERSATIONS) {
    test(
      name,
      async () => {
        const before = readOtlpFile(agent.file).spans.length;
        const answeredBefore = answered().length;
        await converse(steps);
        const lines = answered().slice(answeredBefore);
        const spans = (await waitForSpans(agent, before + 2 * lines.length)).slice(before);
        const told = lines.map((line) => {
          const target = line.split(" ")[1] ?? "";
          const path = target.replace("hidden-2", "REDACTED");
          return `${line.replace(target, path)} ${outcomes[target] ?? "complete"}`;
        });
        expect(told.length).toBeGreaterThan(0);
        expect(ofKind(spans, Kind.server).map(toldBy)).toEqual(told);
        expect(ofKind(spans, Kind.client).map(toldBy)).toEqual(told);
        expect(spans.flatMap(faultsOfHttp)).toEqual([]);
        const clients = new Set(ofKind(spans, Kind.client).map((span) => span.spanId));
        const joined = ofKind(spans, Kind.server).filter(({ parentSpanId }) =>
          clients.has(parentSpanId),
        );
        expect(joined).toHaveLength(told.length);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "CONNECT, and what goes through the tunnel",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const authority = `127.0.0.1:${port}`;
      const inside = head("/inside?1") + head("/inside?2");
      const first = [{ send: head(authority, [], "CONNECT") }, { until: BLANK }];
      await converse([...first, { send: inside }, ...FINISH]);
      // The client's three and the proxy's two, each seen by its server too.
      const spans = (await waitForSpans(agent, before + 10)).slice(before);
      const told = spans.map((span) => `${span.kind} ${toldBy(span)}`).sort();
      const requests = ["GET /inside?1 200 complete", "GET /inside?2 200 complete"];
      const tunnel = [Kind.server, Kind.client].map((kind) => `${kind} CONNECT  200 complete`);
      const four = [...requests, ...requests];
      const expected = [Kind.server, Kind.client].flatMap((kind) =>
        four.map((line) => `${kind} ${line}`),
      );
      expect(told).toEqual([...tunnel, ...expected].sort());
      expect(spans.flatMap(faultsOfHttp)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "over IPv6",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      await converse(pipelined([head("/plain?six")]), "::1");
      const spans = (await waitForSpans(agent, before + 2)).slice(before);
      expect(spans.map((span) => span.attributes["network.peer.address"])).toEqual(["::1", "::1"]);
      expect(spans.flatMap(faultsOfHttp)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "an upgrade to WebSocket: a connection of messages, whatever they look like",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      await converse([
        { send: head("/websocket", UPGRADE) },
        { until: "hello" },
        { send: framed("GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
        { until: "ok" },
        { send: NORMAL_CLOSURE },
        { eof: true },
      ]);
      const spans = (await waitForSpans(agent, before + 4)).slice(before);
      for (const kind of [Kind.server, Kind.client]) {
        const [request, connection, ...others] = ofKind(spans, kind);
        expect(others).toEqual([]);
        expect(request && toldBy(request)).toBe("GET /websocket 101 complete");
        expect(connection?.name).toBe("WebSocket");
        expect(connection?.attributes).toMatchObject({
          "olly.websocket.client.messages": 1,
          "olly.websocket.server.messages": 2,
          "olly.websocket.close_code": 1000,
        });
      }
    },
    TIMEOUT_MS,
  );

  test(
    "a client that goes away is told as such",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const fields = ["Content-Length: 1000", "Expect: 100-continue"];
      const request = { send: head("/upload?half", fields, "POST") };
      await converse([request, { until: BLANK }, { send: "half" }, { reset: true }]);
      const spans = (await waitForSpans(agent, before + 2)).slice(before);
      const told = "POST /upload?half 0 closed_early";
      expect(spans.map(toldBy)).toEqual([told, told]);
      expect(spans.map((span) => span.attributes["error.type"])).toEqual([
        "connection_closed",
        "connection_closed",
      ]);
    },
    TIMEOUT_MS,
  );

  test(
    "a server that is killed in the middle",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      await converse([{ send: head("/die") }, { eof: true }]);
      const spans = (await waitForSpans(agent, before + 2)).slice(before);
      const told = "GET /die 200 closed_early";
      expect(spans.map(toldBy)).toEqual([told, told]);
    },
    TIMEOUT_MS,
  );

  test("nothing was lost, no secret told, every resource and scope right", async () => {
    expect(losses(await agent.status())).toEqual({});
    const lines = readFileSync(agent.file, "utf8").split("\n").slice(0, -1);
    // What a program itself writes to its own log file stays as it is.
    const spanLines = lines.filter((line) => line.includes("resourceSpans"));
    expect(spanLines.join("\n")).not.toContain("hidden-");
    expect(lines.flatMap(faultsOfResource)).toEqual([]);
  });
});

describe("nginx", () => {
  const REQUESTS = 1_000;
  /** It passes nginx three times: its ring of 32 MiB has room for that, however late it is read. */
  const LARGE_BYTES = 6_000_000;
  let agent: TestAgent;
  let nginx: Nginx;
  let port: number;
  let unixSocket: string;
  beforeAll(async () => {
    agent = await startAgent();
    const [front = 0, back = 0] = await freePorts(2);
    port = front;
    unixSocket = join(temporaryDirectory(), "nginx.sock");
    const proxied = `location /back/ { proxy_pass http://127.0.0.1:${back}/; }`;
    nginx = await startNginx({
      env: agent.environment,
      servers: [
        {
          port,
          body: `listen unix:${unixSocket}; root {root}; ${proxied}
            location /say { return 200 "ok"; }`,
        },
        { port: back, body: "root {root}; access_log off;" },
      ],
      files: { "small.txt": "small\n", "large.bin": new Uint8Array(LARGE_BYTES) },
    });
  }, TIMEOUT_MS);

  function url(target: string): string {
    return `http://127.0.0.1:${port}${target}`;
  }

  /** "METHOD target status" of nginx's access log. */
  function logged(): string[] {
    const lines = readFileSync(join(nginx.directory, "access.log"), "utf8").split("\n");
    return lines.flatMap((line) => {
      const match = /"(\S+) (\S+?)(?: HTTP\/1\.[01])?" (\d+)/.exec(line);
      return match === null ? [] : [`${match[1]} ${match[2]} ${match[3]} complete`];
    });
  }

  test(
    "a proxied body of 6 MB, over TCP and a Unix socket",
    async () => {
      const curl = ["curl", "-s", "-o", "/dev/null"];
      const options = { env: agent.environment };
      await output(
        [...curl, url("/back/large.bin?1"), "-o", "/dev/null", url("/small.txt?2")],
        options,
      );
      await output([...curl, "--unix-socket", unixSocket, "http://localhost/small.txt?3"], options);
      // Two through the proxy, which is a client too, one direct, one by the socket: both ends.
      const spans = await waitForSpans(agent, 8);
      expect(spans.map((span) => toldBy(span).split(" ").at(-1))).toEqual(
        Array.from({ length: 8 }, () => "complete"),
      );
      expect(spans.flatMap(faultsOfHttp)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "requests that it refuses",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const loggedBefore = logged().length;
      const refused = [
        "GET /no-host HTTP/1.1\r\n\r\n",
        head("/bad-length", ["Content-Length: x"]),
        head(`/${"l".repeat(9_000)}`),
        head("/wide", LONG(40_000)),
        head("no-slash"),
      ];
      const connections = refused.map((send) => [{ send }, ...FINISH]);
      const program = join(PROGRAMS, "raw_http_client.py");
      const told = JSON.stringify(connections);
      await run([python, "-B", program, "127.0.0.1", String(port), told]);
      const spans = (await waitForSpans(agent, before + refused.length)).slice(before);
      // nginx logs only as much of a long target as it has read.
      const short = (line: string) => line.replace(/l{1000,}/, "l…");
      const judged = logged().slice(loggedBefore).map(short).sort();
      expect(spans.map(toldBy).map(short).sort()).toEqual(judged);
      expect(spans.map(({ statusCode }) => statusCode)).toEqual(refused.map(() => 0));
    },
    TIMEOUT_MS,
  );

  test(
    "1,000 requests on one connection",
    async () => {
      const before = readOtlpFile(agent.file).spans.length;
      const targets = Array.from({ length: REQUESTS }, (_, index) => `/say?${index}`);
      await output(["curl", "-s", ...targets.map(url)], { env: agent.environment });
      const spans = (await waitForSpans(agent, before + 2 * REQUESTS)).slice(before);
      const told = targets.map((target) => `GET ${target} 200 complete`);
      expect(ofKind(spans, Kind.server).map(toldBy)).toEqual(told);
      expect(ofKind(spans, Kind.client).map(toldBy)).toEqual(told);
      expect(losses(await agent.status())).toEqual({});
    },
    TIMEOUT_MS,
  );
});
