/**
 * WebSocket with messages dropped or cut, through the whole pipeline. Invariant: what is counted
 * was sent, all of it; where something may be missing nothing is counted, and the span says so.
 */
import { describe, expect, test } from "bun:test";
import { type Fate, run } from "../../../test/harness/lossy.ts";
import { seededRandom } from "../../../test/harness/stream-cases.ts";
import { conversation } from "./test-conversation.ts";

const MESSAGES = 60;
const SEEDS = 15;
const spoken = conversation(MESSAGES);
/** The request and its 101. */
const HEADS = 2;

function play(fates: readonly Fate[]) {
  const lossy = run(spoken, (step) => fates[step] ?? "keep");
  expect(lossy.bugs).toEqual([]);
  for (const { start, end } of lossy.passages) {
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(end).toBeLessThanOrEqual(spoken.steps.length);
  }
  const connections = lossy.passages.filter(({ name }) => name === "WebSocket");
  expect(connections.length).toBeLessThanOrEqual(1);
  const attributes = Object.fromEntries(connections[0]?.attributes ?? []);
  const counts = ["client", "server"].map((side) => attributes[`olly.websocket.${side}.messages`]);
  return { connection: connections[0], counts, gaps: lossy.drops.get("stream_gap") };
}

function fatesOf(share: number, fate: Fate, seed: number): Fate[] {
  const random = seededRandom(`websocket ${fate} ${share} ${seed}`);
  return spoken.steps.map((_, step) => (step >= HEADS && random() < share ? fate : "keep"));
}

describe("WebSocket loses messages", () => {
  test("none", () => {
    const { connection, counts, gaps } = play([]);
    expect(connection).toMatchObject({ complete: true, start: 1, end: spoken.steps.length - 1 });
    expect(counts).toEqual([MESSAGES, MESSAGES]);
    expect(gaps).toBe(0);
  });

  test.each([0.01, 0.05, 0.5])("%d of them", (share) => {
    let hits = 0;
    for (let seed = 0; seed < SEEDS; seed++) {
      const fates = fatesOf(share, "drop", seed);
      const runs = fates.filter((fate, at) => fate === "drop" && fates[at - 1] !== "drop").length;
      const { connection, counts, gaps } = play(fates);
      expect(gaps).toBeGreaterThanOrEqual(runs);
      expect(connection?.complete).toBe(runs === 0);
      const whole = runs === 0 ? MESSAGES : undefined;
      expect(counts).toEqual([whole, whole]);
      hits += runs;
    }
    expect(hits).toBeGreaterThan(0);
  });

  test("the ends of them: their lengths say where the next begin", () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const { connection, counts, gaps } = play(fatesOf(0.2, "cut", seed));
      expect(connection?.complete).toBe(true);
      expect(counts).toEqual([MESSAGES, MESSAGES]);
      expect(gaps).toBe(0);
    }
  });

  test("the request or its 101: the connection is not told", () => {
    for (const lost of [0, 1]) {
      const fates = spoken.steps.map((_, step): Fate => (step === lost ? "drop" : "keep"));
      expect(play(fates).connection).toBeUndefined();
    }
  });

  test.each([true, false])("all before it was joined, its role known: %p", (roleKnown) => {
    for (let from = HEADS; from < spoken.steps.length; from++) {
      const joined = run(spoken, () => "keep", { from, roleKnown });
      expect(joined.bugs).toEqual([]);
      expect(joined.passages.filter(({ name }) => name !== "TCP")).toEqual([]);
    }
  });
});
