/**
 * Conversations and fixtures of every protocol, changed in all ways, through the driver. Invariant:
 * nothing throws, every exchange ends once, what is kept is bounded, and time grows with the bytes.
 * The seeds are fixed; `make fuzz` (OLLY_FUZZ_SECONDS) goes on with new ones, and prints what fails
 * in the form of test/protocols/corpus, where inputs that once failed are kept.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../src/limits.ts";
import type { Protocol } from "../../src/protocols/contract.ts";
import { policy, type Subject, subjects, webSocketSubject } from "../harness/conversations.ts";
import { readCalls, writtenCalls } from "../harness/corpus.ts";
import { type Call, Driven } from "../harness/driven.ts";
import { readFixtures } from "../harness/fixture-file.ts";
import { callsOf, mutated, type Random, recut } from "../harness/mutate.ts";
import { overlaySubjects } from "../harness/overlay-conversations.ts";
import { type Step, seededRandom } from "../harness/stream-cases.ts";

const EXCHANGES = 12;
const ITERATIONS = 700;
/** HTTP below them has had its own. */
const OVERLAY_ITERATIONS = 150;
const seconds = Number(process.env["OLLY_FUZZ_SECONDS"] ?? 0);
/** A frame of each direction may wait, and a protocol may remember so much beside. */
const STATE_BYTES_MAX = 2 * 1024 * 1024;

const corpus = join(import.meta.dir, "corpus");
const own = await subjects();
const webSocket = webSocketSubject(own);
const protocols = [...own, ...webSocket].map(({ protocol, next }) => next ?? protocol);
const all = [...own, ...webSocket, ...overlaySubjects(protocols)];

function materialOf({ folder, conversation }: Subject): readonly (readonly Step[])[] {
  const fixtures = join(folder, "fixtures");
  const recorded = existsSync(fixtures) ? readFixtures(fixtures).map(({ steps }) => steps) : [];
  return [conversation(EXCHANGES).steps, ...recorded];
}

/**
 * Alone, so that it parses what others would claim; and among all, as in an agent. Gives how many
 * exchanges were opened.
 */
function play(calls: readonly Call[], choice: readonly Protocol[], midstream: boolean): number {
  const driven = new Driven(choice, { midstream, role: midstream ? "unknown" : "client" });
  for (const call of calls) driven.call(call);
  expect(driven.kept).toBeLessThan(2 * limits.streamBytesMax + STATE_BYTES_MAX);
  driven.close();
  for (const exchange of driven.told) {
    choice.find(({ id }) => id === exchange.protocol)?.describe(exchange, policy);
  }
  return driven.opened;
}

function attempt(calls: readonly Call[], alone: readonly Protocol[]): void {
  for (const choice of [alone, protocols]) {
    for (const midstream of [false, true]) {
      try {
        play(calls, choice, midstream);
      } catch (error) {
        process.stderr.write(`${writtenCalls(calls)}\n`);
        throw error;
      }
    }
  }
}

function changed(material: readonly (readonly Step[])[], random: Random): readonly Call[] {
  const steps = material[Math.floor(random() * material.length)] ?? [];
  const calls = mutated(callsOf(steps), random);
  if (random() < 0.2) {
    // Another conversation goes on in the middle of this one.
    const other = material[Math.floor(random() * material.length)] ?? [];
    calls.splice(Math.floor(random() * calls.length), 0, ...callsOf(other).slice(0, 6));
  }
  return random() < 0.2 ? recut(calls, random) : calls;
}

/** Each time with other seeds. */
function goOn(subject: Subject, material: readonly (readonly Step[])[]): void {
  const first = Date.now();
  for (let index = first; Date.now() - first < (seconds * 1000) / all.length; index++) {
    attempt(changed(material, seededRandom(`${subject.name} ${index}`)), aloneOf(subject));
  }
}

function aloneOf({ protocol, next }: Subject): readonly Protocol[] {
  return next === undefined ? [protocol] : [protocol, next];
}

for (const subject of all) {
  const { name } = subject;
  const alone = aloneOf(subject);
  describe(name, () => {
    const material = materialOf(subject);

    test("changed conversations", () => {
      const iterations = subject.isOverlay === true ? OVERLAY_ITERATIONS : ITERATIONS;
      for (let index = 0; index < iterations; index++) {
        attempt(changed(material, seededRandom(`${name} ${index}`)), alone);
      }
    });

    if (seconds > 0) {
      const timeoutMs = (seconds + 60) * 1000;
      test("changed conversations, for long", () => goOn(subject, material), timeoutMs);
    }

    test("a byte costs the same at the end of much that is not complete", () => {
      for (const calls of hostile(material)) expectLinear(alone, calls);
    });
  });
}

describe("corpus", () => {
  const names = readdirSync(corpus).filter((name) => name.endsWith(".txt"));
  test.each(names)("%s", (name) => {
    const calls = readCalls(join(corpus, name));
    expect(calls.length).toBeGreaterThan(0);
    for (const protocol of protocols) attempt(calls, [protocol]);
  });
});

const PIECE_BYTES = 16;

/** Beginnings that invite a parser to look at the same bytes again and again. */
function* hostile(material: readonly (readonly Step[])[]): Generator<(size: number) => Call[]> {
  const opening = callsOf(material[0] ?? []).slice(0, 6);
  const sample = opening.find(({ side }) => side === "request")?.bytes ?? new Uint8Array(1);
  const side = "request";
  yield (size) => pieces(sample, size, PIECE_BYTES).map((bytes) => ({ side, bytes }));
  for (const cut of [1, Math.floor(sample.length / 2), sample.length - 1]) {
    for (const filler of [0, 10, 32, 48, 65, 255]) {
      const rest = new Uint8Array(1).fill(filler);
      yield (size) => [
        ...opening,
        { side, bytes: sample.subarray(0, cut) },
        ...pieces(rest, size, PIECE_BYTES).map((bytes) => ({ side, bytes }) as const),
      ];
    }
  }
}

function pieces(pattern: Uint8Array, size: number, each: number): Uint8Array[] {
  const whole = new Uint8Array(size);
  for (let at = 0; at < size; at += pattern.length) {
    whole.set(pattern.subarray(0, Math.min(pattern.length, size - at)), at);
  }
  return Array.from({ length: Math.ceil(size / each) }, (_, index) =>
    whole.subarray(index * each, (index + 1) * each),
  );
}

/** What waits for more bytes is at most about so long. */
const WAITING_BYTES = 32 * 1024;
const LOOKS = 64;
/** An exchange costs, too: as much as so many pieces that are looked at again. */
const PIECES_OF_EXCHANGE = 1 / 2;
/** Of the yardstick's time. */
const SHARE_MAX = 1 / 3;
const SIZES = [48 * 1024, 128 * 1024];
const MEASUREMENTS = 5;

/** The yardstick is taken in the same moment: a slow machine is slow for both. */
function expectLinear(alone: readonly Protocol[], calls: (size: number) => Call[]): void {
  for (const size of SIZES) {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < MEASUREMENTS && least >= SHARE_MAX; round++) {
      const moves = calls(size);
      const again = usOfLookingAgain();
      let opened = 0;
      const us = cpuUs(() => {
        opened = play(moves, alone, false);
      });
      least = Math.min(least, us / again / (moves.length + opened * PIECES_OF_EXCHANGE));
    }
    expect(least).toBeLessThan(SHARE_MAX);
  }
}

const waiting = new Uint8Array(WAITING_BYTES);

/** Of a piece, when all that waits is looked at again: what must not happen. */
function usOfLookingAgain(): number {
  let sum = 0;
  const us = cpuUs(() => {
    for (let look = 0; look < LOOKS; look++) {
      for (let at = 0; at < WAITING_BYTES; at++) sum += waiting[at] ?? 0;
      waiting[look] = sum & 1;
    }
  });
  return us / LOOKS;
}

/** CPU time of this process: other programs on the machine do not count. */
function cpuUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
