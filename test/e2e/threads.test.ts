/**
 * Item 2 of the spine: 2,000 requests from 16 connections to a threaded service, each with an id
 * that only the judge may read. Invariant: every span and every log line is where its id says.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { KeepAliveClient } from "../harness/http-client.ts";
import { demoApp, losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, type LogLine, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { type Postgres, startPostgres } from "../harness/postgres.ts";
import { type Program, start, stopAll } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const REQUESTS = 2_000;
const CLIENTS = 16;
const QUERIES = 3;
const LINES = 2;
const SERVICE = join(import.meta.dir, "programs/threaded.py");

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 300_000);
afterAll(stopAll, 300_000);

interface Observed {
  readonly spans: readonly SpanRecord[];
  readonly logs: readonly LogLine[];
  readonly losses: Record<string, number>;
  readonly servers: ReadonlyMap<number, SpanRecord>;
}

describe.each(["psycopg2", "tinypg"])("2,000 requests, statements through %s", (driver) => {
  let seen: Observed;
  beforeAll(async () => {
    seen = await observeLoad(driver);
  }, 300_000);

  test("exactly one SERVER span for each request, each a root", () => {
    const servers = seen.spans.filter((span) => span.kind === Kind.server);
    expect(servers.length).toBe(REQUESTS);
    expect([...seen.servers.keys()].sort((a, b) => a - b)).toEqual(upTo(REQUESTS));
    expect(servers.filter((span) => span.parentSpanId !== "")).toEqual([]);
    expect(new Set(servers.map((span) => span.traceId)).size).toBe(REQUESTS);
    const statuses = servers.map((span) => span.attributes["http.response.status_code"]);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  test("exactly three database spans for each, under the right parent", () => {
    const clients = seen.spans.filter((span) => span.kind === Kind.client);
    expect(clients.length).toBe(REQUESTS * QUERIES);
    expect(seen.spans.length).toBe(REQUESTS * (QUERIES + 1));
    const places = new Set<string>();
    const wrong: string[] = [];
    for (const span of clients) {
      const text = String(span.attributes["db.query.text"]);
      const [, id, query] = /AS id_(\d+)_(\d)$/.exec(text) ?? [];
      places.add(`${id}/${query}`);
      if (!isUnder(span, seen.servers.get(Number(id)))) {
        wrong.push(text);
      }
    }
    expect(wrong).toEqual([]);
    expect(places.size).toBe(REQUESTS * QUERIES);
  });

  test("exactly two log records for each, on the right span", () => {
    expect(seen.logs.length).toBe(REQUESTS * LINES);
    const places = new Set<string>();
    const wrong: unknown[] = [];
    for (const log of seen.logs) {
      const [, how, id] = /(printed|logged) for id (\d+)$/.exec(String(log.body)) ?? [];
      places.add(`${how}/${id}`);
      const server = seen.servers.get(Number(id));
      if (log.spanId !== server?.spanId || log.traceId !== server.traceId) {
        wrong.push(log);
      }
    }
    expect(wrong).toEqual([]);
    expect(places.size).toBe(REQUESTS * LINES);
  });

  test("nothing was dropped anywhere", () => {
    expect(seen.losses).toEqual({});
  });
});

async function observeLoad(driver: string): Promise<Observed> {
  const agent = await startAgent();
  const { service, port } = await startService(agent, driver);
  await load(port);
  const expected = { spans: REQUESTS * (QUERIES + 1), logs: REQUESTS * LINES };
  await settle(agent, expected);
  const status = await agent.status();
  await service.stop();
  await agent.program.stop();
  const { spans, logs } = readOtlpFile(agent.file);
  const servers = new Map<number, SpanRecord>();
  for (const span of spans) {
    const id = /^\/jobs\/(\d+)$/.exec(String(span.attributes["url.path"]))?.[1];
    if (span.kind === Kind.server && id !== undefined) {
      servers.set(Number(id), span);
    }
  }
  return { spans, logs, losses: losses(status), servers };
}

async function startService(
  agent: TestAgent,
  driver: string,
): Promise<{ readonly service: Program; readonly port: number }> {
  const port = await freePort();
  // Unbuffered: with a shared buffer one thread's print may travel in another thread's write.
  const command = [python, "-B", "-u", SERVICE, String(port), driver, String(postgres.port)];
  const service = start(command, {
    env: { ...agent.environment, TINYPG_DIRECTORY: demoApp },
  });
  await waitForPort(port, "the service");
  return { service, port };
}

/** Sixteen clients that take the next id as soon as they have their answer. */
async function load(port: number): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    const connection = await KeepAliveClient.open(port);
    while (next < REQUESTS) {
      const id = next++;
      const answer = await connection.get(`/jobs/${id}`);
      expect(answer.status).toBe(200);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** Waits until as much was exported as has to come; what is missing then shows in the tests. */
async function settle(
  agent: TestAgent,
  expected: { readonly spans: number; readonly logs: number },
): Promise<void> {
  const enough = (): boolean => {
    const { spans, logs } = readOtlpFile(agent.file);
    return spans.length >= expected.spans && logs.length >= expected.logs;
  };
  await waitFor(enough, { what: "all spans and logs", withinMs: 120_000 }).catch(() => undefined);
}

function isUnder(span: SpanRecord, parent: SpanRecord | undefined): boolean {
  return span.parentSpanId === parent?.spanId && span.traceId === parent.traceId;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
