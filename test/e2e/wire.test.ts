/**
 * The hook socket as others use it: a sender of the original protocol (eight types, 6-byte
 * addresses, zero in every reserved field) is understood whole, and what no honest sender sends
 * disturbs nothing. Invariant: the senders know nothing of libolly.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, type OtlpFile, readOtlpFile } from "../harness/otlp-file.ts";
import { output, stopAll } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const PROGRAMS = join(import.meta.dir, "programs");
/** Each makes seven messages, and each tenth four more: 5,180 in one burst. */
const REQUESTS = 700;
const TLS_REQUESTS = REQUESTS / 10;

let agent: TestAgent;
beforeAll(async () => {
  agent = await startAgent();
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function sendWith(program: string, ...words: readonly string[]): Promise<string> {
  const socket = join(agent.directory, "hook.sock");
  return output([python, "-B", join(PROGRAMS, program), socket, ...words]);
}

async function waitForAll(spans: number, logs: number): Promise<OtlpFile> {
  let seen: OtlpFile = readOtlpFile(agent.file);
  await waitFor(
    () => {
      seen = readOtlpFile(agent.file);
      return seen.spans.length >= spans && seen.logs.length >= logs;
    },
    {
      what: `${spans} spans and ${logs} logs`,
      withinMs: 120_000,
      seen: () => `${seen.spans.length} and ${seen.logs.length}`,
    },
  );
  return seen;
}

function index(text: unknown): string | undefined {
  return /(\d+)$/.exec(String(text))?.[1];
}

describe("a sender of the original protocol", () => {
  let told: OtlpFile;
  beforeAll(async () => {
    await sendWith("datagram_sender.py", String(REQUESTS));
    told = await waitForAll(2 * REQUESTS + TLS_REQUESTS, REQUESTS);
  }, TIMEOUT_MS);

  test("loses nothing", async () => {
    expect(losses(await agent.status())).toEqual({});
  });

  test("has a SERVER span for each request", () => {
    const servers = told.spans.filter(({ kind }) => kind === Kind.server);
    const paths = servers.map(({ attributes }) => attributes["url.path"]);
    expect(paths).toEqual(Array.from({ length: REQUESTS }, (_, at) => `/item/${at}`));
    expect(servers[0]?.attributes).toEqual({
      "http.request.method": "GET",
      "url.scheme": "http",
      "url.path": "/item/0",
      "olly.http.route.learnt": "/item/{id}",
      "server.address": "shop.test",
      "server.port": 80,
      "http.response.status_code": 200,
      "network.peer.address": "192.0.2.7",
      "network.peer.port": 50_000,
      "network.protocol.version": "1.1",
      "client.address": "192.0.2.7",
    });
  });

  test("has each statement and each TLS request under its own request", () => {
    const byId = new Map(told.spans.map((span) => [span.spanId, span]));
    const clients = told.spans.filter(({ kind }) => kind === Kind.client);
    expect(clients).toHaveLength(REQUESTS + TLS_REQUESTS);
    const wrong = clients.filter(({ attributes, parentSpanId }) => {
      const parent = byId.get(parentSpanId)?.attributes["url.path"];
      return index(parent) !== index(attributes["db.query.text"] ?? attributes["url.full"]);
    });
    expect(wrong).toEqual([]);
    const statement = clients.find(({ attributes }) => attributes["db.query.text"] !== undefined);
    expect(statement?.attributes).toEqual({
      "db.system.name": "postgresql",
      "db.namespace": "shop",
      "db.query.text": "select ? as item_0",
      "db.query.summary": "select",
      "db.response.returned_rows": 1,
      "server.address": "192.0.2.9",
    });
    const secure = clients.find(({ attributes }) => attributes["url.full"] !== undefined);
    expect(secure?.attributes["url.full"]).toBe("https://peer.test/tls/0");
  });

  test("has each line on its request's span", () => {
    const byId = new Map(told.spans.map((span) => [span.spanId, span]));
    expect(told.logs).toHaveLength(REQUESTS);
    const wrong = told.logs.filter(({ body, spanId, traceId }) => {
      const span = byId.get(spanId);
      return index(body) !== index(span?.attributes["url.path"]) || span?.traceId !== traceId;
    });
    expect(wrong).toEqual([]);
  });
});

describe("what no honest sender sends", () => {
  test(
    "is counted, and the next honest sender is understood",
    async () => {
      const before = readOtlpFile(agent.file);
      const sent = Number(await sendWith("datagram_noise.py"));
      await waitFor(
        async () => {
          const counts = losses(await agent.status());
          const malformed = counts["message_malformed"] ?? 0;
          return malformed + (counts["message_unknown_type"] ?? 0) > 0.9 * sent;
        },
        { what: "the counts of what is malformed" },
      );
      await sendWith("datagram_sender.py", "10");
      const { spans } = await waitForAll(before.spans.length + 21, before.logs.length + 10);
      const paths = spans
        .slice(before.spans.length)
        .filter(({ kind }) => kind === Kind.server)
        .map(({ attributes }) => attributes["url.path"]);
      expect(paths).toEqual(Array.from({ length: 10 }, (_, at) => `/item/${at}`));
      expect(agent.program.stderr()).not.toContain("internal error");
    },
    TIMEOUT_MS,
  );
});
