/**
 * Names that clients look up: a client's span has the name as its server and the address as its
 * peer. Invariant: the names come from a hosts file of the test's own; no name server is asked.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { withHosts } from "../harness/mounts.ts";
import { observe, python } from "../harness/olly.ts";
import type { SpanRecord } from "../harness/otlp-file.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { stopAll, temporaryDirectory } from "../harness/processes.ts";

const TIMEOUT_MS = 300_000;
const HOSTS = ["127.0.0.1 localhost db.olly.test web.olly.test", "127.0.0.2 other.olly.test"];

let postgres: Postgres;
let web: Server;

beforeAll(async () => {
  postgres = await startPostgres();
  web = createServer((_request, response) => response.end("hi"));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
}, TIMEOUT_MS);
afterAll(async () => {
  web.close();
  await stopAll();
}, TIMEOUT_MS);

describe("the server of a client's span", () => {
  for (const name of ["db.olly.test", "localhost"]) {
    test(`psql to ${name}`, async () => {
      const [span] = await spansOf(psql(name));
      expect(serverOf(span)).toEqual({ server: name, peer: "127.0.0.1", port: postgres.port });
    }, 300_000);
  }

  test("psql to an address", async () => {
    const [span] = await spansOf(psql("127.0.0.1"));
    expect(serverOf(span)).toEqual({ server: "127.0.0.1", peer: undefined, port: undefined });
  }, 300_000);

  test("Python, two names of one address in turn, after a name that is none", async () => {
    const spans = await spansOf([python, "-c", inTurn()]);
    expect(spans.map((span) => serverOf(span).server)).toEqual([
      "db.olly.test",
      "localhost",
      "127.0.0.1",
      "db.olly.test",
    ]);
  }, 300_000);

  test("curl, whose lookups have a thread of their own, in a request without Host", async () => {
    const { port } = web.address() as AddressInfo;
    const url = `http://web.olly.test:${port}/x`;
    const [span] = await spansOf(["curl", "-s", "-0", "-H", "Host:", url]);
    expect(span?.attributes["url.full"]).toBe(url);
    expect(serverOf(span)).toEqual({ server: "web.olly.test", peer: "127.0.0.1", port });
  }, 300_000);

  test("Perl's gethostbyname", async () => {
    const { port } = web.address() as AddressInfo;
    const script = `use Socket;
      socket(my $s, PF_INET, SOCK_STREAM, 0);
      my $address = gethostbyname("web.olly.test");
      gethostbyname("gone.olly.test");
      connect($s, pack_sockaddr_in(${port}, $address)) or die $!;
      syswrite($s, "GET /perl HTTP/1.0\\r\\n\\r\\n");
      1 while sysread($s, my $answer, 4096);`;
    const [span] = await spansOf(["perl", "-e", script]);
    expect(serverOf(span)).toEqual({ server: "web.olly.test", peer: "127.0.0.1", port });
  }, 300_000);
});

function psql(host: string): string[] {
  const { port, user, database } = postgres;
  return ["psql", "-h", host, "-p", `${port}`, "-U", user, "-d", database, "-Atc", "SELECT 1"];
}

function inTurn(): string {
  const { port, user, database } = postgres;
  return `import psycopg2, socket
for name in ("gone.olly.test", "other.olly.test"):
    try:
        print(socket.getaddrinfo(name, 80))
    except socket.gaierror as error:
        print(error)
for host in ("db.olly.test", "localhost", "127.0.0.1", "db.olly.test"):
    connection = psycopg2.connect(host=host, port=${port}, user="${user}", dbname="${database}")
    connection.autocommit = True
    connection.cursor().execute("SELECT 2")
    connection.close()
`;
}

async function spansOf(command: readonly string[]): Promise<readonly SpanRecord[]> {
  const seen = await observe(withHosts(temporaryDirectory(), HOSTS, command));
  expect(seen.stderr).toBe("");
  expect(seen.code).toBe(0);
  return seen.spans.filter((span) => span.name !== "DNS lookup");
}

function serverOf(span: SpanRecord | undefined) {
  const attributes = span?.attributes ?? {};
  return {
    server: attributes["server.address"],
    peer: attributes["network.peer.address"],
    port: attributes["network.peer.port"],
  };
}
