/**
 * PostgreSQL by many connections at once, in pipelines, and joined in the middle: each statement
 * has its own answer. Invariant: how many rows it returns stands in a statement's text.
 */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { output, start, stopAll, temporaryDirectory, waitForOutput } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const WITHIN_MS = 120_000;
const THREADS = 8;
const QUERIES_OF_THREAD = 1_250;
const PROGRAM = join(import.meta.dir, "programs/postgres_threads.py");
const ends = [
  { name: "client", kind: Kind.client },
  { name: "server", kind: Kind.server },
] as const;

afterAll(stopAll, TIMEOUT_MS);

const connectTo = ({ port, user }: Postgres) =>
  `host=127.0.0.1 sslmode=disable dbname=postgres port=${port} user=${user}`;

const textOf = ({ attributes }: SpanRecord) => String(attributes["db.query.text"]);

/** "late0_17", of a statement that says its rows. */
const markerOf = (span: SpanRecord) => /\br\d_(\w+)/.exec(textOf(span))?.[1] ?? "";

const isOpen = ({ attributes }: SpanRecord) => attributes["olly.exchange.outcome"] !== undefined;

function told(agent: TestAgent, kind: number): SpanRecord[] {
  return readOtlpFile(agent.file).spans.filter((span) => span.kind === kind && markerOf(span));
}

/** "text: rows" of answers that are another statement's. */
function wrong(spans: readonly SpanRecord[]): string[] {
  return spans.flatMap((span) => {
    const rows = String(span.attributes["db.response.returned_rows"]);
    return rows === /\br(\d)_/.exec(textOf(span))?.[1] ? [] : [`${textOf(span)}: ${rows}`];
  });
}

async function waitForCount(what: string, count: number, now: () => number): Promise<void> {
  await waitFor(() => now() >= count, { what, withinMs: WITHIN_MS, seen: () => String(now()) });
}

async function expectOwnAnswers(agent: TestAgent, count: number): Promise<SpanRecord[]> {
  for (const { name, kind } of ends) {
    await waitForCount(`statements of the ${name}`, count, () => told(agent, kind).length);
    expect(told(agent, kind)).toHaveLength(count);
    expect(told(agent, kind).filter(isOpen).map(textOf)).toEqual([]);
    expect(wrong(told(agent, kind))).toEqual([]);
  }
  const drops = losses(await agent.status());
  expect([drops["orphan_response"], drops["parse_error"]]).toEqual([undefined, undefined]);
  return ends.flatMap(({ kind }) => told(agent, kind));
}

test(
  "10,000 queries of 8 connections",
  async () => {
    const agent = await startAgent();
    const server = await startPostgres({ env: agent.environment });
    const numbers = [String(THREADS), String(QUERIES_OF_THREAD), "-"];
    const command = [python, PROGRAM, connectTo(server), ...numbers];
    await output(["timeout", "-s", "KILL", "240", ...command], { env: agent.environment });
    const count = THREADS * QUERIES_OF_THREAD;
    const spans = await expectOwnAnswers(agent, count);
    expect(new Set(spans.map(markerOf)).size).toBe(count);
  },
  TIMEOUT_MS,
);

test(
  "10,000 prepared statements in pipelines of 8 connections",
  async () => {
    const agent = await startAgent();
    const server = await startPostgres({ env: agent.environment });
    const script = join(temporaryDirectory(), "pipeline.sql");
    const rows = [3, 1, 5, 2, 4];
    const statements = rows.map((n) => `select g as r${n}_x from generate_series(1, ${n}) g;\n`);
    writeFileSync(script, `\\startpipeline\n${statements.join("")}\\endpipeline\n`);
    const options = ["-n", "-M", "prepared", "-c", `${THREADS}`, "-j", "2", "-t", "250"];
    const command = ["pgbench", ...options, "-f", script, connectTo(server)];
    await output(["timeout", "-s", "KILL", "240", ...command], { env: agent.environment });
    await expectOwnAnswers(agent, THREADS * 250 * rows.length);
  },
  TIMEOUT_MS,
);

test(
  "connections that are open and busy when tracing begins",
  async () => {
    const agent = await startAgent({ onDemand: true });
    const server = await startPostgres({ env: agent.environment });
    const flag = join(temporaryDirectory(), "enough");
    const [threads, count] = [4, 50];
    const numbers = [String(threads), String(count), flag];
    const program = start([python, PROGRAM, connectTo(server), ...numbers], {
      env: agent.environment,
    });
    await waitForOutput(program, /running/);
    expect((await agent.trace("start")).code).toBe(0);
    for (const { name, kind } of ends) {
      await waitForCount(`statements of the ${name}`, 200, () => told(agent, kind).length);
    }
    writeFileSync(flag, "");
    expect((await program.ended).code).toBe(0);
    for (const { name, kind } of ends) {
      const late = () => told(agent, kind).filter((span) => markerOf(span).startsWith("late"));
      await waitForCount(`last statements of the ${name}`, threads * count, () => late().length);
      const spans = told(agent, kind);
      expect(wrong(spans.filter((span) => !isOpen(span)))).toEqual([]);
      // The one that was under way when tracing began, of each connection, and the next at most.
      expect(spans.filter(isOpen).length).toBeLessThanOrEqual(2 * threads);
    }
  },
  TIMEOUT_MS,
);
