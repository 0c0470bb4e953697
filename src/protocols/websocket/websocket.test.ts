/** Recorded connections through HTTP/1 and WebSocket, cut anywhere; and what frames may not be. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Driven } from "../../../test/harness/driven.ts";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import type { Side } from "../../model/connection.ts";
import type { Exchange } from "../../model/exchange.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { asProtocol } from "../contract.ts";
import { http1 } from "../http1/index.ts";
import { websocket } from "./index.ts";

const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };
const protocols = [asProtocol(http1), asProtocol(websocket)];
const [plain, compressed] = readFixtures(join(import.meta.dir, "fixtures"));
if (plain === undefined || compressed === undefined) throw new Error("two fixtures");

interface Shown {
  readonly name: string | undefined;
  readonly outcome: string;
  readonly attributes: Record<string, unknown>;
}

function shown(exchange: Exchange): Shown {
  const protocol = protocols.find(({ id }) => id === exchange.protocol);
  const draft = protocol?.describe(exchange, policy);
  const attributes = Object.fromEntries(draft?.attributes ?? []);
  return { name: draft?.name, outcome: exchange.outcome, attributes };
}

type Steps = readonly { readonly side: Side; readonly bytes: Uint8Array }[];

function play(steps: Steps, size = Number.POSITIVE_INFINITY): Shown[] {
  const driven = new Driven(protocols, { role: "client" });
  for (const { side, bytes } of steps) {
    for (let at = 0; at < bytes.length; at += size) {
      driven.call({ side, bytes: bytes.subarray(at, Math.min(at + size, bytes.length)) });
    }
  }
  driven.close();
  return driven.told.map(shown);
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

describe("recorded", () => {
  test.each([1, 2, 3, 7, 100, Number.POSITIVE_INFINITY])("in pieces of %d", (size) => {
    const [request, connection, ...others] = play(plain.steps, size);
    expect(others).toEqual([]);
    expect(request).toMatchObject({ name: "GET", outcome: "complete" });
    expect(connection).toMatchObject({ name: "WebSocket", outcome: "complete" });
    expect(connection?.attributes).toEqual({
      "network.protocol.name": "websocket",
      "url.full": "ws://127.0.0.1:18442/chat?room=1",
      "server.address": "127.0.0.1",
      "server.port": 18442,
      "network.peer.address": "192.0.2.10",
      "network.peer.port": 4000,
      "olly.websocket.client.messages": 3,
      "olly.websocket.server.messages": 3,
      "olly.websocket.close_code": 1000,
    });
    const closed = play(compressed.steps, size)[1];
    expect(closed?.attributes).toMatchObject({
      "olly.websocket.client.messages": 2,
      "olly.websocket.server.messages": 2,
      "olly.websocket.close_code": 4001,
      "error.type": "4001",
    });
  });

  test("it begins with the 101 and ends with the second close frame", () => {
    const driven = new Driven(protocols, { role: "client" });
    for (const step of plain.steps) driven.call(step);
    const [request, connection] = driven.told;
    expect(connection?.startNs).toBe(request?.endNs as number);
    expect(connection?.endNs).toBe((plain.steps.length + 1) * 1_000);
    driven.close();
  });

  test("without a close frame; without any frame; after a loss", () => {
    const cut = play(plain.steps.slice(0, 4))[1];
    expect(cut).toMatchObject({ outcome: "closed_early" });
    expect(cut?.attributes).toMatchObject({
      "error.type": "connection_closed",
      "olly.websocket.client.messages": 1,
    });
    expect(play(plain.steps.slice(0, 2))[1]?.attributes).toMatchObject({
      "olly.websocket.client.messages": 0,
    });
    const driven = new Driven(protocols, { role: "client" });
    plain.steps.forEach((step, index) => {
      driven.call({ ...step, lostBefore: index === 4 });
    });
    driven.close();
    const lossy = driven.told.map(shown)[1];
    expect(lossy?.attributes).not.toHaveProperty(["olly.websocket.client.messages"]);
    expect(lossy?.attributes).not.toHaveProperty(["error.type"]);
  });

  test("it never expires, and a large payload need not be captured", () => {
    const driven = new Driven(protocols, { role: "client" });
    for (const step of plain.steps.slice(0, 4)) driven.call(step);
    const later = 1e15;
    driven.driver.expire(driven.conversation, later, later);
    driven.call({ side: "response", bytes: hex("82 7f 0000000000100000"), missing: 0x100000 });
    for (const step of plain.steps.slice(-2)) driven.call(step);
    driven.close();
    const told = driven.told.map(shown)[1];
    expect(told).toMatchObject({ outcome: "complete" });
    expect(told?.attributes).toMatchObject({ "olly.websocket.server.messages": 2 });
  });

  test("switched off, the request alone is told", () => {
    const driven = new Driven([asProtocol(http1)], { role: "client" });
    for (const step of plain.steps) driven.call(step);
    driven.close();
    expect(driven.told.map(({ protocol }) => protocol)).toEqual(["http"]);
  });
});

describe("frames whose 101 was not seen tell nothing", () => {
  const fixtures = [plain, compressed].map((fixture) => ({
    ...{ ...fixture, steps: fixture.steps.slice(2), detected: "no" as const },
  }));
  streamCases({ protocol: websocket, fixtures, policy });
});

describe("frames", () => {
  const cases: [what: string, side: Side, bytes: string][] = [
    ["not masked by a client", "request", "8100"],
    ["masked by a server", "response", "818000000000"],
    ["a reserved bit", "response", "a100"],
    ["an opcode that is not", "response", "8300"],
    ["a control frame in parts", "response", "0900"],
    ["a long control frame", "response", "897e0080"],
    ["a close of one byte", "response", "880100"],
    ["a length that no one has", "response", "827fffffffffffffffff"],
  ];
  test.each(cases)("refused: %s", (_what, side, text) => {
    const bytes = hex(text);
    const moments = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
    const state = websocket.createState({} as never);
    const nothing = () => expect.unreachable();
    const out = { frame: nothing, skip: nothing, handOver: nothing };
    const view = { bytes, start: 0, end: bytes.length, ...moments };
    expect(websocket.parse(view, side, state, out)).toBeLessThan(0);
  });
});
