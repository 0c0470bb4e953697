/**
 * Item 4 of the spine: HTTPS between Python's http.server and curl is seen in plaintext on both
 * sides. Invariant: both sides tell the same requests, without any key or proxy.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { observe, ollyRun, outputFile, python } from "../harness/olly.ts";
import { Kind, type OtlpFile, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";

const REQUESTS = [
  { method: "GET", path: "/first?page=1", status: 200 },
  { method: "GET", path: "/missing", status: 404 },
  { method: "POST", path: "/orders", status: 201 },
  { method: "GET", path: "/last", status: 200 },
] as const;

let serverSide: readonly SpanRecord[];
let clientSide: OtlpFile & { readonly code: number };
let port: number;

beforeAll(async () => {
  const directory = temporaryDirectory();
  const { certificate, key } = await createCertificate(directory);
  port = await freePort();
  const file = outputFile();
  const program = join(import.meta.dir, "programs/https_server.py");
  const command = [python, "-B", "-u", program, String(port), certificate, key];
  const server = start([...ollyRun(file, "secure"), ...command]);
  await waitForPort(port, "the server");
  clientSide = await observe(["curl", ...curlArguments(certificate)]);
  await server.stop("SIGINT");
  serverSide = readOtlpFile(file).spans;
}, 300_000);
afterAll(stopAll, 300_000);

test("curl could not tell: it succeeds", () => {
  expect(clientSide.code).toBe(0);
});

test("the server's side is seen in plaintext", () => {
  const seen = serverSide.map((span) => ({
    kind: span.kind,
    scheme: span.attributes["url.scheme"],
    method: span.attributes["http.request.method"],
    path: withQuery(span.attributes["url.path"], span.attributes["url.query"]),
    status: span.attributes["http.response.status_code"],
  }));
  expect(seen).toEqual(
    REQUESTS.map((request) => ({ kind: Kind.server, scheme: "https", ...request })),
  );
});

test("the client's side is seen in plaintext", () => {
  const seen = clientSide.spans.map((span) => ({
    kind: span.kind,
    url: span.attributes["url.full"],
    method: span.attributes["http.request.method"],
    status: span.attributes["http.response.status_code"],
  }));
  expect(seen).toEqual(
    REQUESTS.map(({ method, path, status }) => ({
      kind: Kind.client,
      url: `https://localhost:${port}${path}`,
      method,
      status,
    })),
  );
});

function curlArguments(certificate: string): string[] {
  const request = (path: string): string => `https://localhost:${port}${path}`;
  return REQUESTS.flatMap(({ method, path }, index) => [
    ...(index === 0 ? [] : ["--next"]),
    ...["-s", "-4", "--http1.1", "--cacert", certificate, "-o", "/dev/null"],
    ...(method === "POST" ? ["-d", "item=1"] : []),
    request(path),
  ]);
}

function withQuery(path: unknown, query: unknown): string {
  return query === undefined ? String(path) : `${path}?${query}`;
}
