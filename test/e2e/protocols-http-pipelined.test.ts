/**
 * HTTP/1 with several requests on their way at a time, on connections that are kept: each answer is
 * its own request's. Invariant: the status that a request asks for stands in its target, so that a
 * wrong pairing shows in its span.
 */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory, waitForOutput } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const WITHIN_MS = 120_000;
const PROGRAMS = join(import.meta.dir, "programs");
const CLIENT = join(PROGRAMS, "http_pipelined.py");
const THREADS = 8;
const REQUESTS_OF_THREAD = 1_250;
const ends = [
  { name: "client", kind: Kind.client },
  { name: "server", kind: Kind.server },
] as const;

afterAll(stopAll, TIMEOUT_MS);

async function startServer(agent: TestAgent): Promise<number> {
  const port = await freePort();
  const log = join(temporaryDirectory(), "answered");
  start([python, "-B", join(PROGRAMS, "raw_http_server.py"), String(port), log], {
    env: agent.environment,
  });
  await waitForPort(port, "the raw server");
  return port;
}

/** "early-0-17", from both kinds' attributes. */
function markerOf({ attributes }: SpanRecord): string {
  const query = String(attributes["url.query"] ?? attributes["url.full"]);
  return /n=((?:early|late)-\d+-\d+)/.exec(query)?.[1] ?? "";
}

function told(agent: TestAgent, kind: number): SpanRecord[] {
  return readOtlpFile(agent.file).spans.filter((span) => span.kind === kind && markerOf(span));
}

const isOpen = ({ attributes }: SpanRecord) => attributes["olly.exchange.outcome"] !== undefined;

/** "marker: status" of answers that are another request's. */
function wrong(spans: readonly SpanRecord[]): string[] {
  return spans.flatMap((span) => {
    const number = Number(markerOf(span).split("-")[2]);
    const status = Number(span.attributes["http.response.status_code"]);
    return status === 200 + (number % 90) ? [] : [`${markerOf(span)}: ${status}`];
  });
}

interface Client {
  readonly port: number;
  readonly threads: number;
  /** Of each thread; those of the end where there is a flag. */
  readonly count: number;
  /** A file that ends the earlier requests; "-": there are none. */
  readonly flag: string;
  /** Requests of one write. */
  readonly depth: number;
}

function commandOf({ port, threads, count, flag, depth }: Client): string[] {
  return [python, "-B", CLIENT, ...[port, threads, count, flag, depth].map(String)];
}

async function waitForCount(what: string, count: number, now: () => number): Promise<void> {
  await waitFor(() => now() >= count, { what, withinMs: WITHIN_MS, seen: () => String(now()) });
}

test(
  "10,000 requests of 8 connections: each has its own answer",
  async () => {
    const agent = await startAgent();
    const count = THREADS * REQUESTS_OF_THREAD;
    const client = { threads: THREADS, count: REQUESTS_OF_THREAD, flag: "-", depth: 5 };
    const command = commandOf({ port: await startServer(agent), ...client });
    await output(["timeout", "-s", "KILL", "240", ...command], { env: agent.environment });
    for (const { name, kind } of ends) {
      await waitForCount(`requests of the ${name}`, count, () => told(agent, kind).length);
      const spans = told(agent, kind);
      expect(spans).toHaveLength(count);
      expect(new Set(spans.map(markerOf)).size).toBe(count);
      expect(spans.filter(isOpen).map(markerOf)).toEqual([]);
      expect(wrong(spans)).toEqual([]);
    }
    expect(losses(await agent.status())).toEqual({});
  },
  TIMEOUT_MS,
);

/** Tracing begins while the client is at work; gives what is told when it has ended. */
async function joined(depth: number, threads: number, lateOfThread: number) {
  const agent = await startAgent({ onDemand: true });
  const port = await startServer(agent);
  const flag = join(temporaryDirectory(), "enough");
  const command = commandOf({ port, threads, count: lateOfThread, flag, depth });
  const program = start(command, { env: agent.environment });
  await waitForOutput(program, new RegExp(`(busy\\s*){${threads}}`));
  expect((await agent.trace("start")).code).toBe(0);
  for (const { name, kind } of ends) {
    await waitForCount(`requests of the ${name}`, 500, () => told(agent, kind).length);
  }
  writeFileSync(flag, "");
  expect((await program.ended).code).toBe(0);
  const lateOf = (kind: number) =>
    told(agent, kind).filter((span) => markerOf(span).startsWith("late"));
  for (const { name, kind } of ends) {
    const count = threads * lateOfThread;
    await waitForCount(`the last requests of the ${name}`, count, () => lateOf(kind).length);
  }
  return ends.map(({ kind }) => told(agent, kind));
}

test(
  "joined between requests: right from the second of each connection on",
  async () => {
    for (const spans of await joined(1, 4, 100)) {
      expect(wrong(spans.filter((span) => !isOpen(span)))).toEqual([]);
      expect(spans.filter(isOpen).length).toBeLessThanOrEqual(2 * 4);
    }
  },
  TIMEOUT_MS,
);

test(
  "joined while five requests of one write are on their way: an answer goes to its own request or to none",
  async () => {
    for (const spans of await joined(5, 4, 100)) {
      expect(wrong(spans.filter((span) => !isOpen(span)))).toEqual([]);
    }
  },
  TIMEOUT_MS,
);
