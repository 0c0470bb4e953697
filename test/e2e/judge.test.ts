/**
 * Item 1 of the spine, the judge: tshark captures what programs say to each other, and its list of
 * requests and statements has to be olly's list, at the same times. Invariant: every program runs
 * unmodified under `olly run`; the only other source is the packets.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  distanceMs,
  httpShifts,
  httpToldByPackets,
  httpToldBySpans,
  isWrong,
  type Shift,
  statementShifts,
  statementsToldByPackets,
  statementsToldBySpans,
} from "../harness/judge.ts";
import { startNginx } from "../harness/nginx.ts";
import { demoApp, observe, ollyRun, outputFile, python } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, freePorts, waitForPort } from "../harness/ports.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { output, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import {
  type HttpExchange,
  httpExchanges,
  postgresStatements,
  type StatementExchange,
  startCapture,
} from "../harness/tshark.ts";

const TIMEOUT_MS = 300_000;
const DISTANCE_MS_MAX = 2;
const PROGRAMS = join(import.meta.dir, "programs");
const LARGE_BYTES = 2_000_000;

afterAll(stopAll, TIMEOUT_MS);

/** What the issue asks of times: within 2 ms of the packets, none shifted, negative or absurd. */
function expectAgreeingTimes(shifts: readonly Shift[]): void {
  expect(shifts.length).toBeGreaterThan(0);
  expect(distanceMs(shifts)).toBeLessThanOrEqual(DISTANCE_MS_MAX);
  expect(shifts.filter(isWrong)).toEqual([]);
}

function ofKind(spans: readonly SpanRecord[], kind: number): SpanRecord[] {
  return spans.filter((span) => span.kind === kind);
}

/** Requests of curl, each with a target of its own. */
interface CurlRequest {
  readonly target: string;
  readonly arguments?: readonly string[];
}

function curl(port: number, requests: readonly CurlRequest[]): string[] {
  return ["curl"].concat(
    requests.flatMap((request, index) => [
      ...(index === 0 ? [] : ["--next"]),
      ...["-s", "-o", "/dev/null", ...(request.arguments ?? [])],
      `http://127.0.0.1:${port}${request.target}`,
    ]),
  );
}

/** What a scenario with one hooked server and one hooked curl gives. */
interface Judged {
  readonly packets: readonly HttpExchange[];
  readonly servers: readonly SpanRecord[];
  readonly clients: readonly SpanRecord[];
}

function judges(count: number, judged: () => Judged): void {
  test("tshark saw every request", () => {
    expect(judged().packets).toHaveLength(count);
  });
  test("the server's list is tshark's", () => {
    expect(httpToldBySpans(judged().servers)).toEqual(httpToldByPackets(judged().packets));
  });
  test("the client's list is tshark's", () => {
    expect(httpToldBySpans(judged().clients)).toEqual(httpToldByPackets(judged().packets));
  });
  test("the server's times are the packets'", () => {
    expectAgreeingTimes(httpShifts(judged().packets, judged().servers, "server"));
  });
  test("the client's times are the packets'", () => {
    expectAgreeingTimes(httpShifts(judged().packets, judged().clients, "client"));
  });
}

describe("nginx with static files, and curl", () => {
  const requests: CurlRequest[] = [
    { target: "/small.txt" },
    { target: "/small.txt?again=1" },
    { target: "/small.txt?head=1", arguments: ["-I"] },
    { target: "/large.bin" },
    { target: "/large.bin?range=1", arguments: ["-r", "1000-1999"] },
    { target: "/large.bin?old=1", arguments: ["-0"] },
    {
      target: "/small.txt?new=1",
      arguments: ["-H", "If-Modified-Since: Fri, 1 Jan 2100 00:00:00 GMT"],
    },
    { target: "/missing" },
    { target: "/small.txt?post=1", arguments: ["-d", "not allowed"] },
    { target: "/small.txt?close=1", arguments: ["-H", "Connection: close"] },
    { target: "/small.txt?after=1" },
    { target: "/small.txt?odd=1", arguments: ["-X", "PROPFIND"] },
  ];
  let judged: Judged;
  beforeAll(async () => {
    const port = await freePort();
    const capture = await startCapture([port]);
    const file = outputFile();
    const nginx = await startNginx({
      under: ollyRun(file),
      servers: [{ port, body: "root {root};" }],
      files: { "small.txt": "a small file\n", "large.bin": new Uint8Array(LARGE_BYTES) },
    });
    const client = await observe(curl(port, requests));
    await nginx.program.stop("SIGQUIT");
    await capture.stop();
    judged = {
      packets: await httpExchanges(capture.file, [port]),
      servers: ofKind(readOtlpFile(file).spans, Kind.server),
      clients: ofKind(client.spans, Kind.client),
    };
  }, TIMEOUT_MS);
  judges(requests.length, () => judged);
});

describe("nginx as a proxy before Python's threaded server", () => {
  const COUNT = 30;
  let front: Judged;
  let back: Judged;
  beforeAll(async () => {
    const [port = 0, upstream = 0] = await freePorts(2);
    const capture = await startCapture([port, upstream]);
    const [nginxFile, pythonFile] = [outputFile(), outputFile()];
    const program = join(PROGRAMS, "threaded.py");
    const backend = start([
      ...ollyRun(pythonFile, "backend"),
      ...[python, "-B", "-u", program, String(upstream), "none", "0"],
    ]);
    await waitForPort(upstream, "the backend");
    const nginx = await startNginx({
      under: ollyRun(nginxFile),
      http: `upstream backend { server 127.0.0.1:${upstream}; keepalive 4; }`,
      servers: [{ port, body: proxyTo(upstream) }],
    });
    const requests = Array.from({ length: COUNT }, (_, index) => ({ target: `/jobs/${index}` }));
    const client = await observe(curl(port, requests));
    await nginx.program.stop("SIGQUIT");
    await backend.stop();
    await capture.stop();
    const nginxSpans = readOtlpFile(nginxFile).spans;
    front = {
      packets: await httpExchanges(capture.file, [port]),
      servers: ofKind(nginxSpans, Kind.server),
      clients: ofKind(client.spans, Kind.client),
    };
    back = {
      packets: await httpExchanges(capture.file, [upstream]),
      servers: ofKind(readOtlpFile(pythonFile).spans, Kind.server),
      clients: ofKind(nginxSpans, Kind.client),
    };
  }, TIMEOUT_MS);

  function proxyTo(upstream: number): string {
    return `location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:${upstream};
    }`;
  }

  describe("in front", () => judges(COUNT, () => front));
  describe("behind", () => judges(COUNT, () => back));
});

describe("Python's http.server as it is, and curl", () => {
  const requests: CurlRequest[] = [
    { target: "/" },
    { target: "/document.txt" },
    { target: "/document.txt?head=1", arguments: ["-I"] },
    { target: "/missing" },
    { target: "/document.txt?post=1", arguments: ["-d", "x=1"] },
    ...Array.from({ length: 16 }, (_, index) => ({ target: `/document.txt?index=${index}` })),
  ];
  let judged: Judged;
  beforeAll(async () => {
    const port = await freePort();
    const capture = await startCapture([port]);
    const directory = temporaryDirectory();
    await Bun.write(join(directory, "document.txt"), "a document\n".repeat(10_000));
    const file = outputFile();
    const command = [python, "-m", "http.server", "--bind", "127.0.0.1", String(port)];
    const server = start([...ollyRun(file), ...command], { cwd: directory });
    await waitForPort(port, "http.server");
    const client = await observe(curl(port, requests));
    await server.stop("SIGINT");
    await capture.stop();
    judged = {
      packets: await httpExchanges(capture.file, [port]),
      servers: ofKind(readOtlpFile(file).spans, Kind.server),
      clients: ofKind(client.spans, Kind.client),
    };
  }, TIMEOUT_MS);
  judges(requests.length, () => judged);
});

describe("a node http server, and curl", () => {
  const requests: CurlRequest[] = [
    { target: "/hello" },
    { target: "/chunked" },
    { target: "/status/204" },
    { target: "/status/304" },
    { target: "/status/503" },
    { target: "/upload", arguments: ["--data-binary", "x".repeat(5_000)] },
    { target: "/upload?chunked=1", arguments: ["-H", "Transfer-Encoding: chunked", "-d", "y=2"] },
    { target: "/chunked?old=1", arguments: ["-0"] },
    { target: "/hello?head=1", arguments: ["-I"] },
    { target: "/hello?last=1", arguments: ["-X", "DELETE"] },
  ];
  let judged: Judged;
  beforeAll(async () => {
    const port = await freePort();
    const capture = await startCapture([port]);
    const file = outputFile();
    const command = ["node", join(PROGRAMS, "node_server.mjs"), String(port)];
    const server = start([...ollyRun(file), ...command]);
    await waitForPort(port, "the node server");
    const client = await observe(curl(port, requests));
    await server.stop();
    await capture.stop();
    judged = {
      packets: await httpExchanges(capture.file, [port]),
      servers: ofKind(readOtlpFile(file).spans, Kind.server),
      clients: ofKind(client.spans, Kind.client),
    };
  }, TIMEOUT_MS);
  judges(requests.length, () => judged);
});

describe("PostgreSQL", () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, TIMEOUT_MS);

  interface Session {
    readonly statements: readonly StatementExchange[];
    readonly spans: readonly SpanRecord[];
    readonly code: number;
  }

  /** A program that talks to the database, hooked, with its packets. */
  async function session(command: readonly string[], stdin?: string): Promise<Session> {
    const capture = await startCapture([postgres.port]);
    const input = stdin === undefined ? {} : { stdin: new TextEncoder().encode(stdin) };
    const seen = await observe(command, input);
    await capture.stop();
    const statements = await postgresStatements(capture.file, [postgres.port]);
    return { statements, spans: ofKind(seen.spans, Kind.client), code: seen.code };
  }

  function judgesSession(count: number, seen: () => Session): void {
    test("tshark saw every statement, and the program succeeded", () => {
      expect(seen().statements).toHaveLength(count);
      expect(seen().code).toBe(0);
    });
    test("texts, row counts and errors are tshark's", () => {
      const { spans, statements } = seen();
      expect(statementsToldBySpans(spans)).toEqual(statementsToldByPackets(statements));
    });
    test("times are the packets'", () => {
      expectAgreeingTimes(statementShifts(seen().statements, seen().spans));
    });
  }

  describe("psql", () => {
    const script = `
CREATE TABLE judged (id integer, name text);
INSERT INTO judged SELECT g, 'name ' || g FROM generate_series(1, 250) AS g;
SELECT * FROM judged WHERE id > 100 ORDER BY id;
SELECT 1 AS first \\; SELECT name FROM judged WHERE id < 4 \\; UPDATE judged SET name = 'x' WHERE id = 7;
UPDATE judged SET name = 'it''s another' WHERE id <= 12;
SELECT no_such_function(3);
BEGIN;
DELETE FROM judged WHERE id BETWEEN 20 AND 29;
ROLLBACK;
COPY judged TO STDOUT;
COPY judged (id) FROM STDIN;
1001
1002
1003
\\.
SELECT count(*) FROM judged;
DECLARE walker CURSOR WITH HOLD FOR SELECT id FROM judged;
FETCH 40 FROM walker;
CLOSE walker;
PREPARE named AS SELECT name FROM judged WHERE id = $1;
EXECUTE named(5);
SELECT 'a -- dash', E'it\\'s' /* a comment */;
`;
    let seen: Session;
    beforeAll(async () => {
      const address = ["-h", "127.0.0.1", "-p", String(postgres.port), "-U", "olly"];
      seen = await session(["psql", "-X", "-q", ...address, "-d", "postgres"], script);
    }, TIMEOUT_MS);
    judgesSession(18, () => seen);
  });

  describe("psycopg2", () => {
    let seen: Session;
    beforeAll(async () => {
      const program = join(PROGRAMS, "psycopg2_session.py");
      seen = await session([python, "-B", program, String(postgres.port)]);
    }, TIMEOUT_MS);
    // Fifteen of the program's own, BEGIN and the cursor's among them.
    judgesSession(24, () => seen);
  });

  describe("the extended protocol, named and unnamed", () => {
    const program = `
import sys
sys.path.insert(0, ${JSON.stringify(demoApp)})
import tinypg
c = tinypg.Connection("127.0.0.1", int(sys.argv[1]), "olly", "postgres")
c.execute("CREATE TABLE extended (id integer, name text)")
for number in range(10):
    c.execute("INSERT INTO extended VALUES ($1, $2)", (number, f"name {number}"))
c.prepare("some", "SELECT id, name FROM extended WHERE id < $1")
for limit in range(8):
    assert len(c.execute("", (limit,), "some").rows) == limit
try:
    c.execute("SELECT id FROM extended WHERE id = $1", ("no number",))
except tinypg.PgError as error:
    assert error.sqlstate == "22P02"
c.execute("UPDATE extended SET name = NULL WHERE id >= $1", (4,))
c.execute("SELECT 'literal', 17 FROM extended")
c.close()
`;
    let seen: Session;
    beforeAll(async () => {
      seen = await session([python, "-B", "-c", program, String(postgres.port)]);
    }, TIMEOUT_MS);
    // The failed Bind has no Execute that the server answered, and is told by its error.
    judgesSession(22, () => seen);
  });
});

describe("the demo: two Python services, HTTP between them, a database each", () => {
  let capture: { readonly file: string; stop(): Promise<void> };
  let spans: readonly SpanRecord[];
  let shopPort = 0;
  let inventoryPort = 0;
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.query(await Bun.file(join(demoApp, "schema.sql")).text());
    [shopPort = 0, inventoryPort = 0] = await freePorts(2);
    capture = await startCapture([shopPort, inventoryPort, postgres.port]);
    const file = outputFile();
    const services = join(demoApp, "services.sh");
    const ports = [String(shopPort), String(inventoryPort)];
    await output([...ollyRun(file), "sh", services, python, temporaryDirectory(), ...ports], {
      env: {
        DEMO_PG_HOST: "127.0.0.1",
        DEMO_PG_PORT: String(postgres.port),
        DEMO_PG_USER: postgres.user,
        PYTHONDONTWRITEBYTECODE: "1",
      },
    });
    await capture.stop();
    spans = readOtlpFile(file).spans;
  }, TIMEOUT_MS);

  test("each list of HTTP requests is tshark's", async () => {
    const servers = ofKind(spans, Kind.server);
    const clients = ofKind(spans, Kind.client).filter((span) => isHttp(span));
    const atShop = await httpExchanges(capture.file, [shopPort]);
    const atInventory = await httpExchanges(capture.file, [inventoryPort]);
    expect(atShop.length).toBe(7);
    expect(httpToldBySpans(servers)).toEqual(httpToldByPackets([...atShop, ...atInventory]));
    expect(httpToldBySpans(clients)).toEqual(httpToldByPackets(atInventory));
  });

  test("the list of statements is tshark's", async () => {
    const statements = await postgresStatements(capture.file, [postgres.port]);
    const seen = statementsToldBySpans(spans.filter((span) => isDatabase(span)));
    expect(statements.length).toBeGreaterThan(8);
    expect(seen).toEqual(statementsToldByPackets(statements));
  });

  test("every trace is joined: one root for each request of the visitor", () => {
    const ids = new Set(spans.map((span) => span.spanId));
    const roots = spans.filter((span) => span.parentSpanId === "");
    expect(roots).toHaveLength(7);
    expect(new Set(roots.map((span) => span.resource["service.name"]))).toEqual(new Set(["shop"]));
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(7);
    const lost = spans.filter((span) => span.parentSpanId !== "" && !ids.has(span.parentSpanId));
    expect(lost).toEqual([]);
    const called = ofKind(spans, Kind.server).filter((span) => span.parentSpanId !== "");
    expect(new Set(called.map((span) => span.resource["service.name"]))).toEqual(
      new Set(["inventory"]),
    );
  });

  function isHttp(span: SpanRecord): boolean {
    return span.attributes["http.request.method"] !== undefined;
  }

  function isDatabase(span: SpanRecord): boolean {
    return span.attributes["db.system.name"] === "postgresql";
  }
});
