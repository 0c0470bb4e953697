/**
 * HTTPS of node, whose OpenSSL is part of its executable. Invariant: the spans are exactly the
 * exchanges that the program itself tells, and none is tied to another one's parent.
 *
 * OLLY_TEST_NODES names further executables, parted by colons.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { httpToldBySpans } from "../harness/judge.ts";
import { observe } from "../harness/olly.ts";
import { Kind, type SpanRecord } from "../harness/otlp-file.ts";
import { output, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";

interface Truth {
  readonly ports: {
    readonly port: number;
    readonly http2Port: number;
    readonly proxyPort: number;
  };
  /** METHOD TARGET STATUS. */
  readonly client: readonly string[];
  readonly server: readonly string[];
  /** Of each answer, by its target. */
  readonly digests: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 300_000;
const REQUESTS = 2_000;
const program = join(import.meta.dir, "programs/node_tls.mjs");
const more = (process.env["OLLY_TEST_NODES"] ?? "").split(":").filter((path) => path !== "");

afterAll(stopAll, TIMEOUT_MS);

describe.each(["node", ...more])("%s", (node) => {
  let bare: Truth;
  let truth: Truth;
  let spans: readonly SpanRecord[];
  let relayed: readonly SpanRecord[];

  beforeAll(async () => {
    const { certificate, key } = await createCertificate(temporaryDirectory());
    const command = [node, program, certificate, key, String(REQUESTS)];
    const options = { env: { NODE_EXTRA_CA_CERTS: certificate } };
    bare = JSON.parse(await output(command, options));
    const seen = await observe(command, options);
    expect(seen.code, seen.stderr).toBe(0);
    truth = JSON.parse(seen.stdout);
    const http1 = seen.spans.filter(
      (span) => span.attributes["server.port"] !== truth.ports.http2Port,
    );
    relayed = http1.filter((span) => span.attributes["olly.connection.content"] !== undefined);
    spans = http1.filter((span) => !relayed.includes(span));
  }, TIMEOUT_MS);

  test("what the relay passes on is told as ciphertext, by the port of either end", () => {
    const { port, proxyPort } = truth.ports;
    for (const kind of [Kind.client, Kind.server]) {
      const own = relayed.filter((span) => span.kind === kind);
      expect(own.length).toBeGreaterThan(0);
      for (const { name, attributes } of own) {
        expect([name, attributes["olly.connection.content"]]).toEqual(["TLS", "ciphertext"]);
        expect([port, proxyPort]).toContain(Number(attributes["server.port"]));
        expect(attributes["olly.connection.sent_bytes"]).toBeGreaterThan(0);
      }
    }
  });

  test("the program does as without olly", () => {
    expect([...truth.client].sort()).toEqual([...bare.client].sort());
    expect([...truth.server].sort()).toEqual([...bare.server].sort());
    expect(truth.digests).toEqual(bare.digests);
    expect(truth.client.length).toBeGreaterThan(REQUESTS);
  });

  for (const [side, kind] of [
    ["client", Kind.client],
    ["server", Kind.server],
  ] as const) {
    test(`the ${side}'s spans are what the program tells`, () => {
      const own = spans.filter((span) => span.kind === kind);
      expect(targets(own)).toEqual([...truth[side]].sort());
    });
  }

  test("each span has the scheme of its connection", () => {
    for (const span of spans) {
      const isPlain = targetOf(span).startsWith("/plain/");
      const scheme = String(span.attributes["url.full"] ?? span.attributes["url.scheme"]);
      expect(scheme).toStartWith(isPlain ? "http" : "https");
      expect(scheme.startsWith("https")).toBe(!isPlain);
    }
  });

  test("every exchange is whole", () => {
    expect(spans.filter((span) => span.attributes["olly.exchange.outcome"] !== undefined)).toEqual(
      [],
    );
  });

  test("a server's span that is joined to a client's tells the same exchange", () => {
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const joined = spans.filter((span) => byId.has(span.parentSpanId));
    expect(joined.length).toBeGreaterThan(REQUESTS);
    for (const span of joined) {
      const parent = byId.get(span.parentSpanId);
      expect(parent && targetOf(parent)).toBe(targetOf(span));
    }
  });
});

function targets(spans: readonly SpanRecord[]): string[] {
  return httpToldBySpans(spans)
    .map(({ method, target, status }) => `${method} ${target} ${status}`)
    .sort();
}

function targetOf(span: SpanRecord): string {
  return String(httpToldBySpans([span])[0]?.["target"]);
}
