import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { ReferenceDriver } from "../../../test/harness/reference-driver.ts";
import {
  play,
  type Step,
  seededRandom,
  streamCases,
  testConnection,
} from "../../../test/harness/stream-cases.ts";
import { memcached } from "./index.ts";
import { conversation, markerOf } from "./test-conversation.ts";

const policy = { httpKnownMethods: new Set<string>() };

describe("memcached fixtures", () => {
  streamCases({
    protocol: memcached,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy,
  });
});

type Line = readonly [side: ">" | "<", text: string];

function told(lines: readonly Line[], midstream = false): string[] {
  const steps = lines.map(
    ([mark, text]): Step => ({
      side: mark === ">" ? "request" : "response",
      bytes: new TextEncoder().encode(text),
    }),
  );
  const fixture = { name: "inline", steps, expected: [], connection: { midstream } };
  return play({ protocol: memcached, policy }, fixture).exchanges.map(
    ({ outcome, attributes, start, end }) =>
      `${outcome} ${attributes["db.query.text"]} ${start}..${end}`,
  );
}

/** Joined in the middle, with a client that asks from an event loop. */
function outcomesOfLoop(lines: readonly Line[]): string[] {
  const driver = new ReferenceDriver(memcached, { ...testConnection, midstream: true });
  driver.eventLoop = true;
  lines.forEach(([mark, text], index) => {
    const side = mark === ">" ? "request" : "response";
    driver.feed(side, new TextEncoder().encode(text), 1_000 * (index + 1));
  });
  return driver.closed.map(({ outcome }) => outcome);
}

describe("pairing", () => {
  test("quiet commands without a token: whose the answer is, is not told", () => {
    const lines: Line[] = [
      [">", "mg a v q\r\nmg b v q\r\nmn\r\n"],
      ["<", "VA 1\r\nx\r\nMN\r\n"],
    ];
    expect(told(lines)).toEqual(["complete mg a 0..1", "complete mg b 0..1", "complete mn 0..1"]);
  });

  test("an answer that the command cannot have ends all certainty until the client waits", () => {
    const lines: Line[] = [
      [">", "get a\r\n"],
      ["<", "STORED\r\n"],
      [">", "get b\r\n"],
      ["<", "END\r\n"],
    ];
    expect(told(lines)).toEqual(["truncated get a 0..1", "complete get b 2..3"]);
  });

  test("joined in the middle, the second exchange of a client that waits is paired", () => {
    const lines: Line[] = [
      ["<", "VALUE old 0 1\r\nx\r\nEND\r\n"],
      [">", "get a\r\n"],
      ["<", "END\r\n"],
      [">", "get b\r\n"],
      ["<", "END\r\n"],
    ];
    expect(told(lines, true)).toEqual(["truncated get a 1..1", "complete get b 3..4"]);
  });

  test("joined in the middle, keys of its own show an event loop that waits", () => {
    const lines = Array.from({ length: 100 }, (_, index): Line[] => [
      [">", `get k${index}\r\n`],
      ["<", `VALUE k${index} 0 1\r\nx\r\nEND\r\n`],
    ]).flat();
    const complete = outcomesOfLoop(lines).filter((outcome) => outcome === "complete");
    expect(complete.length).toBeGreaterThan(30);
  });

  test("an event loop that always has one command under way is never paired", () => {
    const hits: Line[] = [];
    const misses: Line[] = [];
    const turns: Line[] = [];
    for (let index = 1; index < 1_000; index++) {
      hits.push([">", `get k${index}\r\n`]);
      hits.push(["<", `VALUE k${index - 1} 0 1\r\nx\r\nEND\r\n`]);
      misses.push([">", `get k${index}\r\n`], ["<", "END\r\n"]);
      const isGet = index % 3 === 0;
      turns.push([">", isGet ? "get k\r\n" : `delete k${index}\r\n`]);
      turns.push(["<", index % 3 === 1 ? "END\r\n" : "DELETED\r\n"]);
    }
    for (const lines of [hits, misses, turns]) {
      expect([...new Set(outcomesOfLoop(lines))]).toEqual(["truncated"]);
    }
  });

  test("dropped messages never pair wrongly, and few exchanges are lost with each", () => {
    const random = seededRandom("memcached losses");
    const { steps } = conversation(3_000);
    const lost = new Set(steps.flatMap((_, index) => (random() < 0.01 ? [index] : [])));
    const cut = (step: Step, index: number) => [{ bytes: step.bytes, lost: lost.has(index) }];
    const fixture = { name: "drops", steps, expected: [] };
    const { exchanges } = play({ protocol: memcached, policy }, fixture, cut);
    const complete = exchanges.filter(({ outcome }) => outcome === "complete");
    const wrong = complete.filter((exchange) => {
      const marker = markerOf(exchange) ?? Number.NaN;
      return exchange.start !== 2 * marker || exchange.end !== 2 * marker + 1;
    });
    expect(wrong).toEqual([]);
    expect(complete.length).toBeGreaterThan(3_000 - 4 * lost.size);
  });
});

describe("detection", () => {
  test.each([
    ["get alpha\r\n", "request"],
    ["set alpha 0 0 5\r\nvalue\r\n", "request"],
    ["mg alpha v q\r\n", "request"],
    ["VALUE alpha 0 5\r\n", "response"],
    ["STORED\r\n", "response"],
    ["HD Oq1\r\n", "response"],
    ["get alp", "more"],
    ["GET / HTTP/1.1\r\n", "no"],
    ["get\r\n", "no"],
    ["stats everything & more\r\n", "no"],
    ["220 mail.example.org ESMTP\r\n", "no"],
    ["+OK\r\n", "no"],
    ["\x80\x0b\x00\x00", "no"],
  ])("%j", (text, expected) => {
    const bytes = new TextEncoder().encode(text);
    const moment = { timeAt: () => 1, tidAt: () => 1, eventLoopAt: () => false };
    const said = memcached.detect({ bytes, start: 0, end: bytes.length, ...moment });
    expect(said).toBe(expected as typeof said);
  });
});
