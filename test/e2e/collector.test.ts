/**
 * Item 7 of the spine: a real OpenTelemetry Collector receives over gRPC what the file output
 * holds. Invariant: both exporters of one agent are fed, and the collector's own file is compared
 * record by record, every field of it.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { buildCollector, type Collector, startCollector } from "../harness/collector.ts";
import { KeepAliveClient } from "../harness/http-client.ts";
import { demoApp, losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { type OtlpFile, readOtlpFile } from "../harness/otlp-file.ts";
import { freePort, waitForPort } from "../harness/ports.ts";
import { startPostgres } from "../harness/postgres.ts";
import { start, stopAll } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

/** The first build on a machine downloads and compiles the collector. */
const BUILD_MS_MAX = 900_000;
const TIMEOUT_MS = 300_000;
const REQUESTS = 60;
const SPANS = REQUESTS * 4;
const LOGS = REQUESTS * 2;

beforeAll(async () => {
  await buildCollector();
}, BUILD_MS_MAX);
afterAll(stopAll, TIMEOUT_MS);

describe.each(["none", "gzip"])("OTLP over gRPC, compression %s", (compression) => {
  let collector: Collector;
  let agent: TestAgent;
  let received: OtlpFile;
  let written: OtlpFile;

  beforeAll(async () => {
    collector = await startCollector();
    agent = await startAgent({
      exporters: `  otlp:\n    endpoint: ${collector.endpoint}\n    compression: ${compression}\n`,
    });
    await work(agent);
    written = await complete(agent.file);
    received = await complete(collector.file);
  }, TIMEOUT_MS);

  test("the file holds every span and log", () => {
    expect({ spans: written.spans.length, logs: written.logs.length }).toEqual({
      spans: SPANS,
      logs: LOGS,
    });
  });

  test("the collector received the same spans, field by field", () => {
    expect(bySpanId(received.spans)).toEqual(bySpanId(written.spans));
  });

  test("the collector received the same log records, field by field", () => {
    expect(byBody(received.logs)).toEqual(byBody(written.logs));
  });

  test("nothing was dropped", async () => {
    expect(losses(await agent.status())).toEqual({});
    expect((await agent.program.stop()).code).toBe(0);
  });

  test("nothing was sent twice", async () => {
    const ended = await collector.program.stop();
    expect(ended.code).toBe(0);
    const { spans, logs } = readOtlpFile(collector.file);
    expect({ spans: spans.length, logs: logs.length }).toEqual({ spans: SPANS, logs: LOGS });
  });
});

describe("a collector that comes late", () => {
  test(
    "receives what was captured before it came",
    async () => {
      const collector = await startCollector();
      await collector.program.stop();
      const agent = await startAgent({
        exporters: `  otlp:\n    endpoint: ${collector.endpoint}\n`,
      });
      await work(agent);
      const written = await complete(agent.file);
      const late = await startCollector(collector);
      const received = await complete(late.file);
      expect(bySpanId(received.spans)).toEqual(bySpanId(written.spans));
      expect(losses(await agent.status())).toEqual({});
      await agent.program.stop();
    },
    TIMEOUT_MS,
  );
});

/** Requests with statements and log lines, as in the thread test. */
async function work(agent: TestAgent): Promise<void> {
  const postgres = await startPostgres();
  const port = await freePort();
  const program = join(import.meta.dir, "programs/threaded.py");
  const command = [python, "-B", "-u", program, String(port), "tinypg", String(postgres.port)];
  const service = start(command, { env: { ...agent.environment, TINYPG_DIRECTORY: demoApp } });
  await waitForPort(port, "the service");
  const client = await KeepAliveClient.open(port);
  for (let id = 0; id < REQUESTS; id++) {
    await client.get(`/jobs/${id}`);
  }
  client.close();
  await service.stop();
  await postgres.stop();
}

async function complete(file: string): Promise<OtlpFile> {
  const look = (): OtlpFile | undefined => {
    const content = readOtlpFile(file);
    return content.spans.length >= SPANS && content.logs.length >= LOGS ? content : undefined;
  };
  const seen = (): string => {
    const { spans, logs } = readOtlpFile(file);
    return `${spans.length} spans and ${logs.length} log records`;
  };
  return waitFor(look, { what: `${SPANS} spans in ${file}`, withinMs: 120_000, seen });
}

function bySpanId(spans: OtlpFile["spans"]): OtlpFile["spans"] {
  return [...spans].sort((one, other) => (one.spanId < other.spanId ? -1 : 1));
}

function byBody(logs: OtlpFile["logs"]): OtlpFile["logs"] {
  return [...logs].sort((one, other) => (String(one.body) < String(other.body) ? -1 : 1));
}
