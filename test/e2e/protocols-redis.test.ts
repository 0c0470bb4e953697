/**
 * Redis as its own programs speak it, with a server that is hooked too; tshark's packets, read by
 * this test's own few lines, are the judge. Invariant: both ends tell the commands that were sent,
 * every answer is paired with its own, and no value or password is told.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { losses, python, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { run, start, stopAll, text, waitForOutput } from "../harness/processes.ts";
import { type Redis, startRedis } from "../harness/redis.ts";
import { startCapture } from "../harness/tshark.ts";
import { respCommands } from "../harness/tshark-stores.ts";
import { waitFor } from "../harness/wait.ts";

const TIMEOUT_MS = 300_000;
const THREADS = 8;
const COMMANDS = 1_250;
const MARKERS = join(import.meta.dir, "programs/redis-markers.py");
const SECRET = "hidden";

let agent: TestAgent;
let server: Redis;

beforeAll(async () => {
  agent = await startAgent();
  server = await startRedis({ env: agent.environment });
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

/** Waits until the file has stopped growing, and gives the spans since then by their end. */
async function spansSince(before: number, enough: (spans: SpanRecord[]) => boolean) {
  let spans: SpanRecord[] = [];
  await waitFor(
    () => {
      spans = readOtlpFile(agent.file).spans.slice(before);
      return enough(spans);
    },
    { what: "the spans", withinMs: 120_000, seen: () => spans.map(line).join("\n") },
  );
  return {
    clients: spans.filter(({ kind }) => kind === Kind.client),
    servers: spans.filter(({ kind }) => kind === Kind.server),
  };
}

/** "operation | text | code" */
function line({ attributes }: SpanRecord): string {
  const { "db.operation.name": name, "db.query.text": said } = attributes;
  return [name, said, attributes["db.response.status_code"] ?? ""].join(" | ");
}

function counted(): number {
  return readOtlpFile(agent.file).spans.length;
}

test(
  "redis-cli and redis-py: the commands that the packets hold, at both ends",
  async () => {
    const capture = await startCapture([server.port]);
    const before = counted();
    const program = `
import redis, sys
port = int(sys.argv[1])
c = redis.Redis(port=port)
c.set("stock:4711", "${SECRET}", ex=60)
c.get("stock:4711")
c.hset("cart", mapping={"item": "${SECRET}", "amount": "${SECRET}"})
p = c.pipeline(transaction=False)
p.get("alpha"); p.get("beta"); p.get("gamma")
p.execute()
p = c.pipeline()
p.incr("alpha"); p.incr("beta")
p.execute()
try: c.lpush("stock:4711", "${SECRET}")
except redis.exceptions.ResponseError: pass
s = c.pubsub(); s.subscribe("news"); s.get_message(timeout=1)
c.publish("news", "${SECRET}"); s.get_message(timeout=1); s.unsubscribe(); s.get_message(timeout=1)
c.eval("return ARGV[1]", 1, "key", "${SECRET}")
d = redis.Redis(port=port, db=3); d.blpop("empty", timeout=1)
`;
    const env = { ...agent.environment };
    const ended = await run([python, "-c", program, String(server.port)], { env });
    expect([ended.code, text(ended.stderr)]).toEqual([0, ""]);
    const script = "HELLO 3\nHGETALL cart\nSELECT 2\nDBSIZE\n";
    await run(["redis-cli", "-p", String(server.port)], {
      env,
      stdin: new TextEncoder().encode(script),
    });
    await run(["redis-cli", "-s", server.socket, "GET", "by-socket"], { env });
    const { clients, servers } = await spansSince(before, (spans) => {
      const last = spans.filter((span) => line(span).startsWith("GET | GET by-socket"));
      return last.length === 2;
    });
    await capture.stop();
    const packets = await respCommands(capture.file, server.port);
    const overTcp = servers.filter((span) => span.attributes["network.transport"] !== "unix");
    // The server's span of a transaction stands for each of its commands.
    const transaction = ["MULTI", "INCRBY", "INCRBY", "EXEC"];
    const names = overTcp.flatMap(({ attributes }) => {
      const name = String(attributes["db.operation.name"]);
      return name === "MULTI INCRBY" ? transaction : [name];
    });
    expect(names.sort()).toEqual(packets.names.sort());
    const codes = overTcp.flatMap(({ attributes }) => attributes["db.response.status_code"] ?? []);
    expect(codes.sort()).toEqual(packets.errors.sort());
    const lines = clients.map(line);
    for (const expected of [
      "SET | SET stock:? ? EX ? | ",
      "HSET | HSET cart item ? amount ? | ",
      "PIPELINE GET | GET alpha; GET beta; GET gamma | ",
      "MULTI INCRBY | INCRBY alpha ?; INCRBY beta ? | ",
      "LPUSH | LPUSH stock:? ? | WRONGTYPE",
      "SUBSCRIBE | SUBSCRIBE news | ",
      "PUBLISH | PUBLISH news ? | ",
      "EVAL | EVAL ? ? key ? | ",
      "BLPOP | BLPOP empty ? | ",
      "HGETALL | HGETALL cart | ",
    ]) {
      expect([expected, lines.includes(expected)]).toEqual([expected, true]);
    }
    const blocked = clients.find((span) => line(span).startsWith("BLPOP"));
    expect(blocked?.attributes["db.namespace"]).toBe("3");
    expect(Number((blocked?.end ?? 0n) - (blocked?.start ?? 0n))).toBeGreaterThan(900e6);
    const size = clients.find((span) => line(span).startsWith("DBSIZE"));
    expect(size?.attributes["db.namespace"]).toBe("2");
    const pipeline = clients.find((span) => line(span).startsWith("PIPELINE"));
    const members = servers.filter((span) => span.parentSpanId === pipeline?.spanId);
    expect(members.map(line)).toEqual(
      ["alpha", "beta", "gamma"].map((key) => `GET | GET ${key} | `),
    );
  },
  TIMEOUT_MS,
);

/** The marker of the question, and that of the answer: errors carry their own. */
function markersOf({ attributes }: SpanRecord): [string, string] | undefined {
  const asked = /^(SET|EVAL) (?:\? \? )?m([a-j]+) \?$/.exec(String(attributes["db.query.text"]));
  if (asked === null) return undefined;
  const marker = asked[2] ?? "";
  const code = attributes["db.response.status_code"];
  return [marker, asked[1] === "SET" ? marker : String(code).slice(1).toLowerCase()];
}

test(
  "10,000 commands of 8 threads: every answer with its own question, at both ends",
  async () => {
    const before = counted();
    const lostBefore = losses(await agent.status());
    const ended = await run(
      [python, MARKERS, String(server.port), String(THREADS), String(COMMANDS)],
      { env: { ...agent.environment } },
    );
    expect([ended.code, text(ended.stderr)]).toEqual([0, ""]);
    const total = THREADS * COMMANDS;
    const { clients, servers } = await spansSince(
      before,
      (spans) => spans.filter(markersOf).length >= 2 * total,
    );
    for (const spans of [clients, servers]) {
      const markers = spans.flatMap((span) => [markersOf(span)].filter((it) => it !== undefined));
      expect(markers.filter(([asked, answered]) => asked !== answered)).toEqual([]);
      expect(new Set(markers.map(([asked]) => asked)).size).toBe(total);
    }
    const byId = new Map(clients.map((span) => [span.spanId, span]));
    const strangers = servers.filter((span) => {
      const parent = byId.get(span.parentSpanId);
      return markersOf(span) !== undefined && (parent === undefined || line(parent) !== line(span));
    });
    expect(strangers).toEqual([]);
    expect(losses(await agent.status())).toEqual(lostBefore);
  },
  TIMEOUT_MS,
);

test(
  "values longer than what is captured of one call",
  async () => {
    const before = counted();
    const script = `SET big ${"x".repeat(200_000)}\nGET big\nDEL big\n`;
    await run(["redis-cli", "-p", String(server.port)], {
      env: { ...agent.environment },
      stdin: new TextEncoder().encode(script),
    });
    const { clients, servers } = await spansSince(
      before,
      (spans) => spans.filter((span) => line(span).startsWith("DEL")).length === 2,
    );
    for (const spans of [clients, servers]) {
      const said = spans.filter((span) => line(span).includes(" big"));
      expect(said.map(line)).toEqual([
        "SET | SET big ? | ",
        "GET | GET big | ",
        "DEL | DEL big | ",
      ]);
      expect(said.filter((span) => "olly.exchange.outcome" in span.attributes)).toEqual([]);
    }
  },
  TIMEOUT_MS,
);

test(
  "joined while connections are busy: paired from the second exchange on, and never wrongly",
  async () => {
    const late = await startAgent({ onDemand: true });
    const own = await startRedis({ env: late.environment });
    const client = start([python, MARKERS, String(own.port), "4", "1000000", "wait"], {
      env: { ...late.environment },
      keepStdinOpen: true,
    });
    await waitForOutput(client, /busy/);
    expect((await late.trace("start")).code).toBe(0);
    let spans: readonly SpanRecord[] = [];
    await waitFor(
      () => {
        spans = readOtlpFile(late.file).spans;
        return spans.filter(({ kind }) => kind === Kind.client).length >= 2_000;
      },
      { what: "spans of connections that were open before", withinMs: 120_000 },
    );
    client.endInput();
    await client.ended;
    const complete = spans.filter((span) => !("olly.exchange.outcome" in span.attributes));
    const markers = complete.flatMap((span) => [markersOf(span)].filter((it) => it !== undefined));
    expect(markers.filter(([asked, answered]) => asked !== answered)).toEqual([]);
    expect(spans.length - complete.length).toBeLessThanOrEqual(2 * 4 * 2);
  },
  TIMEOUT_MS,
);

test(
  "redis-benchmark's pipelines, and no secret in all of it",
  async () => {
    const before = counted();
    await run(
      [
        ...["redis-benchmark", "-p", String(server.port), "-t", "set,get", "-n", "2000"],
        ...["-c", "4", "-P", "16", "-q"],
      ],
      { env: { ...agent.environment } },
    );
    const { servers } = await spansSince(
      before,
      (spans) =>
        spans.filter(({ kind, attributes }) => {
          const name = attributes["db.operation.name"];
          return kind === Kind.server && (name === "SET" || name === "GET");
        }).length >= 4_000,
    );
    expect(servers.filter((span) => "error.type" in span.attributes)).toEqual([]);
    const told = readFileSync(agent.file, "utf8")
      .split("\n")
      .filter((it) => it.includes("resourceSpans"))
      .join("\n");
    expect(told.includes(SECRET)).toBe(false);
  },
  TIMEOUT_MS,
);
