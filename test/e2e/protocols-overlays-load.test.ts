/**
 * Every overlay on HTTP/1 and HTTP/2 at once: calls of eight threads with their numbers in them,
 * and connections joined while they are at work. Invariant: what is told of a call is what its
 * number says was asked and answered, at both ends.
 */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { losses, startAgent, type TestAgent } from "../harness/olly.ts";
import { Kind, readOtlpFile, type SpanRecord } from "../harness/otlp-file.ts";
import { lineOfSpan } from "../harness/overlay-told.ts";
import { freePorts, waitForPort } from "../harness/ports.ts";
import { output, start, stopAll, temporaryDirectory, waitForOutput } from "../harness/processes.ts";
import { waitFor } from "../harness/wait.ts";
// @ts-expect-error a program's part, without types
import * as calls from "./programs/overlay_calls.mjs";

const TIMEOUT_MS = 300_000;
const WITHIN_MS = 150_000;
const ASK_EVERY_MS = 500;
const PROGRAMS = join(import.meta.dir, "programs");
const THREADS = 8;
const CALLS_OF_THREAD = 1_250;
const KINDS: number = calls.KINDS.length;
const ends = [
  { name: "client", kind: Kind.client },
  { name: "server", kind: Kind.server },
] as const;

afterAll(stopAll, TIMEOUT_MS);

async function startServer(agent: TestAgent): Promise<readonly string[]> {
  const ports = await freePorts(2);
  const server = join(PROGRAMS, "overlay_load_server.mjs");
  start(["node", server, ...ports.map(String)], { env: agent.environment });
  for (const port of ports) await waitForPort(port, "the server");
  return ports.map(String);
}

/** A server of RPC does not blame itself for what its client asked for; others tell it. */
const CLIENT_ERRORS = / !(?:NOT_FOUND|not_found)$/;

function expectedOf(number: number, kind: number): string {
  const told: string = calls.told(number);
  return kind === Kind.server ? told.replace(CLIENT_ERRORS, "") : told;
}

function spansOf(agent: TestAgent, kind: number): SpanRecord[] {
  return readOtlpFile(agent.file).spans.filter(
    // The lookups of a client; the connection that has tried whether the server listens.
    (span) => span.kind === kind && span.name !== "getaddrinfo" && span.name !== "TCP",
  );
}

const isOpen = ({ attributes }: SpanRecord) => attributes["olly.exchange.outcome"] !== undefined;
/** Told as plain HTTP: nothing is said of what stands on top of it. */
const isPlain = ({ name }: SpanRecord) => /^(?:GET|POST)(?: |$)/.test(name);
const versionOf = ({ attributes }: SpanRecord) => attributes["network.protocol.version"];

async function waitForCount(what: string, count: number, now: () => number): Promise<void> {
  await waitFor(() => now() >= count, { what, withinMs: WITHIN_MS, seen: () => String(now()) });
}

function difference(one: readonly string[], other: readonly string[]): string[] {
  const known = new Set(other);
  return one.filter((line) => !known.has(line)).slice(0, 20);
}

test(
  "10,000 calls of 8 threads: each has its own answer",
  async () => {
    const agent = await startAgent();
    const count = THREADS * CALLS_OF_THREAD;
    const how = ["load", ...(await startServer(agent)), String(THREADS), String(CALLS_OF_THREAD)];
    const client = ["node", join(PROGRAMS, "overlay_load.mjs"), ...how];
    await output(["timeout", "-s", "KILL", "200", ...client], { env: agent.environment });
    // Cheaper to ask than to read all that was written, again and again.
    const written = async () => {
      const isOver = (await agent.status()).spans >= 2 * count;
      if (!isOver) await Bun.sleep(ASK_EVERY_MS);
      return isOver;
    };
    await waitFor(written, { what: "the calls of both ends", withinMs: WITHIN_MS });
    for (const { name, kind } of ends) {
      await waitForCount(`calls of the ${name}`, count, () => spansOf(agent, kind).length);
      const told = spansOf(agent, kind).map(lineOfSpan);
      const expected = Array.from({ length: count }, (_, number) => expectedOf(number, kind));
      expect(difference(told, expected)).toEqual([]);
      expect(difference(expected, told)).toEqual([]);
      expect(told).toHaveLength(count);
    }
    expect(losses(await agent.status())).toEqual({});
  },
  TIMEOUT_MS,
);

test(
  "joined at work: right within two calls, and never by a wrong name",
  async () => {
    const agent = await startAgent({ onDemand: true });
    const flag = join(temporaryDirectory(), "enough");
    const late = 30;
    const how = ["until", ...(await startServer(agent)), flag, String(late)];
    const program = start(["node", join(PROGRAMS, "overlay_load.mjs"), ...how], {
      env: agent.environment,
    });
    await waitForOutput(program, /busy/);
    expect((await agent.trace("start")).code).toBe(0);
    for (const { name, kind } of ends) {
      await waitForCount(`calls of the ${name}`, 20 * KINDS, () => spansOf(agent, kind).length);
    }
    writeFileSync(flag, "");
    expect((await program.ended).code).toBe(0);
    const first = Number(/late (\d+)/.exec(program.stdout())?.[1]);
    for (const { name, kind } of ends) {
      // The even rounds are those of HTTP/1.
      const lateCalls = Array.from({ length: late }, (_, round) =>
        Array.from({ length: KINDS }, (_unused, of) => first + 2 * round * KINDS + of),
      ).flat();
      const expectedLate = lateCalls.map((number) => expectedOf(number, kind));
      const missing = () => difference(expectedLate, spansOf(agent, kind).map(lineOfSpan));
      await waitFor(() => missing().length === 0, {
        ...{ what: `the last calls of the ${name}`, withinMs: WITHIN_MS },
        seen: () => missing().join("\n"),
      });
      const all = Array.from({ length: first + (2 * late + 1) * KINDS }, (_, number) =>
        expectedOf(number, kind),
      );
      const spans = spansOf(agent, kind).filter((span) => !isOpen(span));
      const named = spans.filter((span) => !isPlain(span));
      expect(difference(named.map(lineOfSpan), all)).toEqual([]);
      const plain = spans.filter((span) => isPlain(span) && versionOf(span) === "1.1");
      expect(plain.length).toBeLessThanOrEqual(2 * KINDS);
    }
  },
  TIMEOUT_MS,
);
