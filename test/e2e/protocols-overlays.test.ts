/**
 * Real client libraries of what is spoken on top of HTTP, both ends hooked, in plaintext and over
 * TLS. Invariant: both ends tell the same calls, as the client made them, and no content of them.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "../harness/fetched.ts";
import { python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");

let modules: string;

beforeAll(async () => {
  modules = await fetched("overlay-clients");
}, 600_000);
afterAll(stopAll, TIMEOUT_MS);

/** What the clients of overlay_client.py do, in its order. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  elasticsearch: [
    "search orders",
    "index orders",
    "bulk index shop x2",
    "count a,b",
    "get orders !404",
  ],
  opensearch: ["search orders", "bulk 127.0.0.1:PORT x2"],
  s3: [
    "S3.ListBuckets",
    "S3.PutObject photos/a/b c.jpg",
    "S3.GetObject photos/a/b c.jpg",
    "S3.ListObjectsV2 photos",
    "S3.CreateMultipartUpload photos/large",
    "S3.DeleteObject photos/a",
    "S3.GetObject photos/missing !NoSuchKey",
  ],
  openai: [
    "chat gpt-4o 9>12 stop",
    "chat gpt-4o 9>12 length stream",
    "chat zip 9>12 stop",
    "chat gpt-5 7>8 completed",
    "chat gpt-5 7>8 completed stream",
    "embeddings embed-3 6>",
    "chat busy !rate_limit_exceeded",
  ],
  anthropic: ["chat claude-x 15>20 end_turn", "chat claude-x 15>15 max_tokens stream"],
  ollama: ["chat llama3 11>13 stop", "chat llama3 11>13 stop stream"],
  graphql: ["query Find", "mutation Add", "query !FORBIDDEN", "query x2"],
  jsonrpc: ["math.add", "jsonrpc !-32601", "math.add x3", "math.log"],
};

function toldBy({ name, attributes }: SpanRecord): string {
  const parts: unknown[] = [name];
  const bucket = attributes["aws.s3.bucket"];
  const key = attributes["aws.s3.key"];
  if (bucket !== undefined) parts.push(key === undefined ? bucket : `${bucket}/${key}`);
  parts.push(attributes["graphql.operation.name"]);
  const sizes = ["db.operation.batch.size", "olly.rpc.request.messages", "olly.graphql.batch.size"];
  for (const size of sizes) if (attributes[size] !== undefined) parts.push(`x${attributes[size]}`);
  const input = attributes["gen_ai.usage.input_tokens"];
  const outputTokens = attributes["gen_ai.usage.output_tokens"] ?? "";
  if (input !== undefined) parts.push(`${input}>${outputTokens}`);
  const reasons = attributes["gen_ai.response.finish_reasons"];
  if (Array.isArray(reasons)) parts.push(reasons.join());
  if (attributes["gen_ai.request.stream"] === true) parts.push("stream");
  const error = attributes["error.type"];
  if (error !== undefined) parts.push(`!${error}`);
  return parts.filter((part) => part !== undefined).join(" ");
}

async function spansOf(agent: TestAgent, count: number): Promise<SpanRecord[]> {
  let spans: readonly SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.filter(({ name }) => name !== "getaddrinfo");
      return spans.length >= count;
    },
    { what: `${count} spans`, withinMs: 120_000, seen: () => spans.map(toldBy).join("\n") },
  );
  return [...spans];
}

async function expectCalls(whats: readonly string[], isSecure: boolean): Promise<void> {
  const agent = await startAgent();
  const env = { ...agent.environment, PYTHONPATH: modules, PYTHONWARNINGS: "ignore" };
  const { certificate, key } = await createCertificate(temporaryDirectory());
  const port = await freePort();
  const server = [python, "-B", join(PROGRAMS, "overlay_server.py"), String(port)];
  start(isSecure ? [...server, certificate, key] : server, { env });
  await waitForPort(port, "the server");
  const url = `${isSecure ? "https" : "http"}://127.0.0.1:${port}`;
  const client = [python, "-B", join(PROGRAMS, "overlay_client.py"), url, ...whats];
  await output(["timeout", "-s", "KILL", "60", ...client], { env });
  const expected = whats.flatMap((what) => CALLS[what] ?? []);
  const spans = await spansOf(agent, 2 * expected.length);
  for (const kind of [Kind.client, Kind.server]) {
    const told = spans.filter((span) => span.kind === kind).map(toldBy);
    expect(told.map((line) => line.replace(`:${port}`, ":PORT")).sort()).toEqual(
      [...expected].sort(),
    );
  }
  for (const span of spans) {
    const first = span.attributes["gen_ai.response.time_to_first_chunk"];
    const isStream = span.attributes["gen_ai.request.stream"] === true;
    expect(typeof first === "number" && first >= 0 && first < 20).toBe(isStream);
  }
  expect(readFileSync(agent.file, "utf8")).not.toMatch(/secret|AKID/);
  await stopAll();
}

test("all clients, in plaintext", () => expectCalls(Object.keys(CALLS), false), TIMEOUT_MS);

test("over TLS", () => expectCalls(["elasticsearch", "s3", "openai", "jsonrpc"], true), TIMEOUT_MS);
