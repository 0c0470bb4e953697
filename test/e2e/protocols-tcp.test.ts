/**
 * TCP connections that speak nothing known, of a real program that counts what it moves. Invariant:
 * each is one span at either end, with exactly those bytes, and the two are joined.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { observe, python } from "../harness/olly.ts";
import { Kind, type SpanRecord } from "../harness/otlp-file.ts";
import { stopAll } from "../harness/processes.ts";

const CONNECTIONS = 20;
const command = [python, join(import.meta.dir, "programs/bytes_both_ways.py"), `${CONNECTIONS}`];

interface Truth {
  readonly port: number;
  /** Sent and received. */
  readonly moved: Readonly<Record<"client" | "server", readonly (readonly [number, number])[]>>;
}

const bytesOf = ({ attributes }: SpanRecord) => [
  attributes["olly.connection.sent_bytes"],
  attributes["olly.connection.received_bytes"],
];

afterAll(stopAll);

describe("connections that speak nothing known", () => {
  test("are told with their bytes, and joined", async () => {
    const seen = await observe(command);
    expect([seen.code, seen.stderr]).toEqual([0, ""]);
    const truth: Truth = JSON.parse(seen.stdout);
    const own = (kind: number) => seen.spans.filter((span) => span.kind === kind);
    for (const [side, kind] of [
      ["client", Kind.client],
      ["server", Kind.server],
    ] as const) {
      expect(own(kind).map(bytesOf)).toEqual(truth.moved[side].map((moved) => [...moved]));
      for (const { name, attributes, start, end } of own(kind)) {
        expect(name).toBe("TCP");
        expect(attributes).toMatchObject({
          "network.transport": "tcp",
          "server.address": "127.0.0.1",
          "server.port": truth.port,
          "olly.connection.content": "unknown",
        });
        expect(attributes["olly.exchange.outcome"]).toBeUndefined();
        expect(end).toBeGreaterThan(start);
      }
    }
    const clients = new Map(own(Kind.client).map((span) => [span.spanId, span]));
    for (const server of own(Kind.server)) {
      const client = clients.get(server.parentSpanId);
      expect(client?.attributes["network.peer.port"]).toBe(server.attributes["server.port"]);
      expect(client && bytesOf(client).reverse()).toEqual(bytesOf(server));
    }
    expect(seen.spans.length).toBe(2 * CONNECTIONS);
  });

  test("are not told when that is switched off", async () => {
    const env = { OLLY_TRACING_PROTOCOLS_TCP_ENABLED: "false" };
    const seen = await observe(command, { env });
    expect([seen.code, seen.spans]).toEqual([0, []]);
  });
});
