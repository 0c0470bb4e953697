/**
 * GnuTLS and NSS: clients and servers of each are seen in plaintext, on the right connection, and
 * get what they get without the library. The programs are what Debian builds with these libraries.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startNginx } from "../harness/nginx.ts";
import { observe, ollyRun, outputFile, python } from "../harness/olly.ts";
import { Kind, type OtlpFile, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, freePorts, waitForPort } from "../harness/ports.ts";
import {
  output,
  type Program,
  run,
  start,
  stopAll,
  temporaryDirectory,
  text,
} from "../harness/processes.ts";
import { type Certificate, createCertificate } from "../harness/tls.ts";

const TIMEOUT_MS = 300_000;
const httpsServer = join(import.meta.dir, "programs/https_server.py");
const curlNss = join(import.meta.dir, "programs/curl_nss.py");

interface Server {
  readonly port: number;
  /** Ends it and gives what it was seen to serve. */
  end(): Promise<readonly SpanRecord[]>;
}

interface Setting {
  readonly certificate: Certificate;
  /** NSS's database with the same certificate. */
  readonly database: string;
}

afterAll(stopAll, TIMEOUT_MS);

describe("OpenSSL", () => {
  test("nginx reads a request that came as early data", async () => {
    const { certificate } = await setUp();
    const [plain, port] = (await freePorts(2)) as [number, number];
    const file = outputFile();
    const { program } = await startNginx({
      servers: [{ port: plain, body: earlyData(port, certificate) }],
      under: ollyRun(file),
    });
    const session = join(temporaryDirectory(), "session");
    await ask(port, "/first", ["-sess_out", session]);
    const early = join(temporaryDirectory(), "early");
    writeFileSync(early, request("/early"));
    const told = await ask(port, "", ["-sess_in", session, "-early_data", early]);
    expect(told).toContain("Early data was accepted");
    await program.stop("SIGTERM");
    expect(serverSpans(readOtlpFile(file).spans)).toEqual([
      served("/first", 200),
      served("/early", 200),
    ]);
  }, 300_000);
});

describe("GnuTLS", () => {
  test("wget, and gnutls-serv", async () => {
    const { certificate } = await setUp();
    const server = await serve(gnutlsServer(certificate));
    const url = `https://localhost:${server.port}/hello?x=1`;
    const seen = await sameAsBare(wget(certificate, url));
    expect(clientSpans(seen)).toEqual([client(url, server.port)]);
    // The first request was the bare one.
    expect(serverSpans(await server.end())).toEqual([served("/hello", 200), served("/hello", 200)]);
  }, 300_000);

  test("wget with a keep-alive connection for several requests", async () => {
    const { certificate } = await setUp();
    const server = await serve(pythonServer(certificate));
    const urls = ["/first", "/missing", "/last"].map(
      (path) => `https://localhost:${server.port}${path}`,
    );
    const seen = await observe(wget(certificate, ...urls));
    expect(seen.spans.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([
      200, 404, 200,
    ]);
    expect(seen.spans.map(({ attributes }) => attributes["url.full"])).toEqual(urls);
    await server.end();
  }, 300_000);

  test("git, whose libcurl gives GnuTLS functions of its own to move bytes", async () => {
    const { certificate } = await setUp();
    const server = await serve(pythonServer(certificate));
    const url = `https://localhost:${server.port}/first`;
    const env = { GIT_SSL_CAINFO: certificate.certificate };
    const seen = await observe(["git", "ls-remote", url], { env });
    const asked = `${url}/info/refs?service=git-upload-pack`;
    expect(seen.spans.map(({ attributes }) => attributes["url.full"])).toEqual([asked]);
    await server.end();
  }, 300_000);

  test("gnutls-cli", async () => {
    const { certificate } = await setUp();
    const server = await serve(gnutlsServer(certificate));
    const seen = await observe(
      ["gnutls-cli", "--x509cafile", certificate.certificate, "-p", `${server.port}`, "localhost"],
      { stdin: new TextEncoder().encode("GET /by-hand HTTP/1.0\r\nHost: localhost\r\n\r\n") },
    );
    expect(seen.spans.map(({ attributes }) => attributes["url.full"])).toEqual([
      "https://localhost/by-hand",
    ]);
    await server.end();
  }, 300_000);
});

describe("NSS", () => {
  test("tstclnt, and selfserv", async () => {
    const { database } = await setUp();
    const server = await serve(nssServer(database));
    const address = ["-h", "127.0.0.1", "-p", `${server.port}`, "-d", `sql:${database}`, "-o"];
    const seen = await observe(["tstclnt", ...address], {
      stdin: new TextEncoder().encode("GET /nss HTTP/1.0\r\nHost: localhost\r\n\r\n"),
    });
    expect(seen.code).toBe(0);
    expect(seen.spans.map(({ attributes }) => attributes["url.full"])).toEqual([
      "https://localhost/nss",
    ]);
    expect(serverSpans(await server.end())).toEqual([served("/nss", 200)]);
  }, 300_000);

  test("libcurl-nss", async () => {
    const { certificate } = await setUp();
    const server = await serve(pythonServer(certificate));
    const url = `https://localhost:${server.port}/first?page=1`;
    const seen = await sameAsBare([python, "-B", curlNss, url]);
    expect(clientSpans(seen)).toEqual([client(url, server.port)]);
    await server.end();
  }, 300_000);
});

async function setUp(): Promise<Setting> {
  const directory = temporaryDirectory();
  const certificate = await createCertificate(directory);
  const bundle = join(directory, "bundle.p12");
  const database = directory;
  const { certificate: certificatePath, key } = certificate;
  await output([
    ...["openssl", "pkcs12", "-export", "-in", certificatePath, "-inkey", key],
    ...["-name", "localhost", "-out", bundle, "-passout", "pass:bundle"],
  ]);
  await output(["certutil", "-N", "-d", `sql:${database}`, "--empty-password"]);
  await output(["pk12util", "-i", bundle, "-d", `sql:${database}`, "-W", "bundle"]);
  return { certificate, database };
}

function request(path: string): string {
  return `GET ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`;
}

function earlyData(port: number, { certificate, key }: Certificate): string {
  return `listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.3; ssl_early_data on; return 200 "hi";`;
}

/** What openssl's client prints when it asks for the path, or for what its arguments say. */
async function ask(port: number, path: string, more: readonly string[]): Promise<string> {
  const client = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3", ...more];
  // It ends when the server has answered and closed, not when its input ends.
  const ended = await run([...client, "-ign_eof"], {
    stdin: new TextEncoder().encode(path === "" ? "" : request(path)),
  });
  return text(ended.stdout);
}

function gnutlsServer({ certificate, key }: Certificate) {
  return (port: number) => [
    ...["gnutls-serv", "--http", "--quiet", "--port", `${port}`],
    ...["--x509certfile", certificate, "--x509keyfile", key],
  ];
}

function pythonServer({ certificate, key }: Certificate) {
  return (port: number) => [python, "-B", "-u", httpsServer, `${port}`, certificate, key];
}

function nssServer(database: string) {
  return (port: number) => [
    "selfserv",
    "-d",
    `sql:${database}`,
    "-n",
    "localhost",
    "-p",
    `${port}`,
  ];
}

async function serve(command: (port: number) => readonly string[]): Promise<Server> {
  const port = await freePort();
  const file = outputFile();
  const program: Program = start([...ollyRun(file), ...command(port)]);
  await waitForPort(port, "the server");
  return {
    port,
    end: async () => {
      await program.stop("SIGTERM");
      return readOtlpFile(file).spans;
    },
  };
}

function wget({ certificate }: Certificate, ...urls: readonly string[]): string[] {
  return ["wget", "-q", "-O", "-", `--ca-certificate=${certificate}`, ...urls];
}

/** What was seen of the command, which does as it does alone. */
async function sameAsBare(command: readonly string[]): Promise<OtlpFile> {
  const bare = await run(command);
  const seen = await observe(command);
  expect(seen.code).toBe(bare.code);
  expect(bare.code).toBe(0);
  return seen;
}

function clientSpans({ spans }: OtlpFile) {
  return spans.map(({ kind, attributes, statusCode }) => ({
    kind,
    statusCode,
    url: attributes["url.full"],
    method: attributes["http.request.method"],
    status: attributes["http.response.status_code"],
    server: attributes["server.address"],
    port: attributes["server.port"],
    peer: attributes["network.peer.port"],
  }));
}

function client(url: string, port: number) {
  return {
    ...{ kind: Kind.client, statusCode: 0, url, method: "GET", status: 200 },
    ...{ server: "localhost", port, peer: port },
  };
}

/** Requests only: whoever waits for the port makes a connection, too, which some answer. */
function serverSpans(spans: readonly SpanRecord[]) {
  const requests = spans.filter(({ attributes }) => "http.request.method" in attributes);
  return requests.map(({ kind, attributes }) => ({
    kind,
    scheme: attributes["url.scheme"],
    path: attributes["url.path"],
    status: attributes["http.response.status_code"],
  }));
}

function served(path: string, status: number) {
  return { kind: Kind.server, scheme: "https", path, status };
}
