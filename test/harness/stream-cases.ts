/**
 * Feeds every fixture of a protocol in the ways a live capture can bring it: whole, byte by byte,
 * split at every point, with a gap, truncated at every point, and among garbage. Its invariant: no
 * way of cutting the bytes makes a protocol report an exchange that did not happen. Times are step
 * numbers, so start and end of each exchange are compared in every case too.
 *
 *   describe("x", () => streamCases({ protocol: x, fixtures, policy }));
 */
import { expect, test } from "bun:test";
import type { AttributeValue } from "../../src/model/attributes.ts";
import type { ConnectionInfo, Side } from "../../src/model/connection.ts";
import type { Exchange, Outcome } from "../../src/model/exchange.ts";
import { StatusCode } from "../../src/model/span.ts";
import type { CapturePolicy, Detection, HandOver, Protocol } from "../../src/protocols/contract.ts";
import { ReferenceDriver } from "./reference-driver.ts";

export interface Step {
  readonly side: Side;
  readonly bytes: Uint8Array;
  /** Bytes of this side that were not captured, between the step before and this one. */
  readonly gap?: number;
  /** The side ends behind these bytes. */
  readonly end?: boolean;
}

/** One exchange as plain data. start and end are the numbers of steps, from 0. */
export interface ExpectedExchange {
  readonly name: string;
  readonly outcome: Outcome;
  readonly start: number;
  readonly end: number;
  /** True when the span's status is error. */
  readonly error: boolean;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface Fixture {
  readonly name: string;
  readonly connection?: Partial<ConnectionInfo>;
  readonly steps: readonly Step[];
  /**
   * In the order in which they are over, without those that describe() leaves out. An exchange
   * that is still open behind the last step is closed_early, its end the number of steps.
   */
  readonly expected: readonly ExpectedExchange[];
  readonly orphans?: number;
  readonly handOver?: "detect" | "opaque" | "tls" | "tlsResume" | { readonly protocol: string };
  /** What an attribute says where the bytes that decide its value were lost. */
  readonly fallbacks?: Readonly<Record<string, AttributeValue>>;
  /** What detect() says of the first step's bytes; its side unless told otherwise. */
  readonly detected?: Detection;
}

export interface StreamCaseOptions<Frame, State, Detail> {
  readonly protocol: Protocol<Frame, State, Detail>;
  readonly fixtures: readonly Fixture[];
  readonly policy: CapturePolicy;
}

export const testConnection: ConnectionInfo = {
  id: 1,
  processId: 1,
  role: "client",
  transport: "tcp",
  remote: { address: "192.0.2.10", port: 4000 },
  local: { address: "192.0.2.20", port: 50_000 },
  tls: false,
  midstream: false,
};

/** A step is one unit of time; its number is added to so that no time is 0. */
const STEP_NS = 1_000;
/** Runs of one case on one fixture; larger fixtures are sampled evenly. */
const RUNS_MAX = 500;
const GARBAGE_RUNS = 60;
const GARBAGE_BYTES_MAX = 400;

type Cut = (step: Step, index: number) => readonly Piece[];
interface Piece {
  readonly bytes: Uint8Array;
  /** These bytes move, but nobody captures them. */
  readonly lost?: boolean;
}

/** Registers the six cases, and the one of detection, for every fixture. */
export function streamCases<Frame, State, Detail>(
  options: StreamCaseOptions<Frame, State, Detail>,
): void {
  for (const fixture of options.fixtures) {
    const run = (cut: Cut) => play(options, fixture, cut);
    test(`${fixture.name}: whole`, () => expectAll(run(whole), fixture));
    test(`${fixture.name}: byte by byte`, () => expectAll(run(everyByte), fixture));
    test(`${fixture.name}: split at every point`, () => {
      for (const at of points(totalBytes(fixture))) expectAll(run(splitAt(fixture, at)), fixture);
    });
    test(`${fixture.name}: with a gap`, () => gapCase(options, fixture));
    test(`${fixture.name}: truncated at every point`, () => truncationCase(options, fixture));
    test(`${fixture.name}: among garbage`, () => garbageCase(options, fixture));
    test(`${fixture.name}: detected`, () => detectionCase(options, fixture));
  }
}

/** What the protocol has reported, as plain data. Usable on its own for one-off fixtures. */
export interface Played {
  readonly exchanges: readonly ExpectedExchange[];
  /** How many of the exchanges were over before the connection was. */
  readonly closedBeforeEnd: number;
  readonly orphans: number;
  readonly parseErrors: readonly number[];
  readonly handOver: HandOver | undefined;
  readonly boundaries: Readonly<Record<Side, readonly number[]>>;
}

/** Plays a fixture's steps, each cut into pieces, through the protocol; then the connection ends. */
export function play<Frame, State, Detail>(
  options: Omit<StreamCaseOptions<Frame, State, Detail>, "fixtures">,
  fixture: Fixture,
  cut: Cut = whole,
  last: Outcome = "closed_early",
): Played {
  const { protocol, policy } = options;
  const driver = new ReferenceDriver(protocol, { ...testConnection, ...fixture.connection });
  fixture.steps.forEach((step, index) => {
    const timeNs = (index + 1) * STEP_NS;
    if (step.gap !== undefined) driver.gap(step.side, step.gap, timeNs);
    for (const piece of cut(step, index)) {
      if (piece.bytes.length === 0) continue;
      if (piece.lost) driver.gap(step.side, piece.bytes.length, timeNs);
      else driver.feed(step.side, piece.bytes, timeNs);
    }
    if (step.end) driver.end(step.side, timeNs);
  });
  expect(driver.openCount).toBeLessThanOrEqual(protocol.limits.inFlightMax);
  const told = (exchange: Exchange<Detail>) => plain(protocol, exchange, policy);
  const before = driver.closed.flatMap(told);
  driver.finish((fixture.steps.length + 1) * STEP_NS, last);
  return {
    exchanges: driver.closed.flatMap(told),
    closedBeforeEnd: before.length,
    orphans: driver.orphans,
    parseErrors: driver.parseErrors,
    handOver: driver.handedOver,
    boundaries: driver.boundaries,
  };
}

function plain<Frame, State, Detail>(
  protocol: Protocol<Frame, State, Detail>,
  exchange: Exchange<Detail>,
  policy: CapturePolicy,
): ExpectedExchange[] {
  const draft = protocol.describe(exchange, policy);
  if (draft === undefined) return [];
  const attributes = Object.fromEntries(draft.attributes);
  expect(Object.keys(attributes).length).toBe(draft.attributes.length);
  return [
    {
      name: draft.name,
      outcome: exchange.outcome,
      start: exchange.startNs / STEP_NS - 1,
      end: exchange.endNs / STEP_NS - 1,
      error: draft.status === StatusCode.error,
      attributes,
    },
  ];
}

function expectAll(played: Played, fixture: Fixture): void {
  expect(played.exchanges).toEqual([...fixture.expected]);
  expect(played.parseErrors).toEqual([]);
  expect(played.orphans).toBe(fixture.orphans ?? 0);
  const to = played.handOver;
  expect(typeof to === "object" ? { protocol: to.protocol } : to).toEqual(fixture.handOver);
}

/** Loses bytes at, before and in every message; what is complete must be one of the expected. */
function gapCase<Frame, State, Detail>(
  options: StreamCaseOptions<Frame, State, Detail>,
  fixture: Fixture,
): void {
  const { boundaries } = play(options, fixture);
  for (const side of ["request", "response"] as const) {
    const size = sideBytes(fixture, side);
    const starts = [0, ...boundaries[side].filter((at) => at < size)];
    for (const [index, start] of sampled(starts).entries()) {
      const next = starts[index + 1] ?? size;
      const inside = Math.min(start + 2, size - 1);
      for (const [from, to] of [
        [start, start + 1],
        [start, next],
        [inside, next],
        [inside, next + 3],
      ] as const) {
        const played = play(options, fixture, losing(fixture, side, from, to));
        for (const exchange of played.exchanges) {
          if (exchange.outcome !== "complete") continue;
          const name = `${side} ${from}..${to} lost`;
          expect([
            name,
            exchange,
            fixture.expected.some((it) => admits(it, exchange, fixture.fallbacks)),
          ]).toEqual([name, exchange, true]);
        }
      }
    }
  }
}

/** After a loss an exchange may say less than it would have, never something else. */
function admits(
  expected: ExpectedExchange,
  actual: ExpectedExchange,
  fallbacks: Fixture["fallbacks"] = {},
): boolean {
  const same =
    actual.outcome === expected.outcome &&
    actual.start === expected.start &&
    actual.end === expected.end &&
    actual.error === expected.error;
  if (!same) return false;
  const said = Object.entries(actual.attributes);
  return said.every(
    ([key, value]) => Bun.deepEquals(expected.attributes[key], value) || fallbacks[key] === value,
  );
}

/** A prefix of the bytes gives a prefix of the exchanges; no more and no other ones. */
function truncationCase<Frame, State, Detail>(
  options: StreamCaseOptions<Frame, State, Detail>,
  fixture: Fixture,
): void {
  const full = play(options, fixture);
  const over = full.exchanges.slice(0, full.closedBeforeEnd);
  for (const at of points(totalBytes(fixture))) {
    const played = play(options, withoutRest(fixture, at), truncatedAt(fixture, at), "truncated");
    const got = played.exchanges.slice(0, played.closedBeforeEnd);
    expect(got).toEqual(over.slice(0, got.length));
    for (const exchange of played.exchanges.slice(played.closedBeforeEnd)) {
      expect(exchange.outcome).toBe("truncated");
    }
  }
}

/** Random bytes before, after and instead of the fixture's: no throw, no hang, bounded. */
function garbageCase<Frame, State, Detail>(
  options: StreamCaseOptions<Frame, State, Detail>,
  fixture: Fixture,
): void {
  const random = seededRandom(fixture.name);
  const noise = (): Step => ({
    side: random() < 0.5 ? "request" : "response",
    bytes: garbage(random, fixture),
  });
  for (let index = 0; index < GARBAGE_RUNS; index++) {
    const own = index % 3 === 2 ? [] : fixture.steps;
    const at = Math.floor(random() * (own.length + 1));
    const steps = [noise(), ...own.slice(0, at), noise(), noise(), ...own.slice(at), noise()];
    play(options, { ...fixture, steps });
    const { protocol } = options;
    const bytes = garbage(random, fixture);
    const view = viewOf(bytes, bytes.length);
    expect(["request", "response", "no", "more"]).toContain(protocol.detect(view));
  }
}

/** detect() may wait, but never names the wrong side, and knows the whole first step. */
function detectionCase<Frame, State, Detail>(
  options: StreamCaseOptions<Frame, State, Detail>,
  fixture: Fixture,
): void {
  const first = fixture.steps[0];
  if (first === undefined) return;
  const expected = fixture.detected ?? first.side;
  for (const length of points(first.bytes.length)) {
    const said = options.protocol.detect(viewOf(first.bytes, length));
    expect([length, said]).toEqual([length, said === "more" ? "more" : expected]);
  }
  const view = viewOf(first.bytes, first.bytes.length);
  expect(options.protocol.detect(view)).toBe(expected);
}

function viewOf(bytes: Uint8Array, end: number) {
  const fixed = { timeAt: () => STEP_NS, tidAt: () => 1, eventLoopAt: () => false };
  return { bytes, start: 0, end, ...fixed };
}

const whole: Cut = (step) => [{ bytes: step.bytes }];

const everyByte: Cut = (step) => Array.from(step.bytes, (byte) => ({ bytes: Uint8Array.of(byte) }));

/** The step in which the fixture's byte `at` lies becomes two pieces. */
function splitAt(fixture: Fixture, at: number): Cut {
  const offsets = stepOffsets(fixture);
  return (step, index) => {
    const cut = at - (offsets[index] ?? 0);
    if (cut <= 0 || cut >= step.bytes.length) return [{ bytes: step.bytes }];
    return [{ bytes: step.bytes.subarray(0, cut) }, { bytes: step.bytes.subarray(cut) }];
  };
}

function truncatedAt(fixture: Fixture, at: number): Cut {
  const offsets = stepOffsets(fixture);
  return (step, index) => [
    { bytes: step.bytes.subarray(0, Math.max(0, at - (offsets[index] ?? 0))) },
  ];
}

/** Bytes [from, to) of one side are lost. */
function losing(fixture: Fixture, side: Side, from: number, to: number): Cut {
  const offsets = stepOffsets(fixture, side);
  return (step, index) => {
    if (step.side !== side) return [{ bytes: step.bytes }];
    const offset = offsets[index] ?? 0;
    const start = Math.min(Math.max(from - offset, 0), step.bytes.length);
    const end = Math.min(Math.max(to - offset, start), step.bytes.length);
    return [
      { bytes: step.bytes.subarray(0, start) },
      { bytes: step.bytes.subarray(start, end), lost: true },
      { bytes: step.bytes.subarray(end) },
    ];
  };
}

/** Where each step's bytes begin among all bytes, or among those of one side (gaps counted). */
function stepOffsets(fixture: Fixture, side?: Side): number[] {
  let offset = 0;
  return fixture.steps.map((step) => {
    const counts = side === undefined || step.side === side;
    if (counts && side !== undefined) offset += step.gap ?? 0;
    const start = offset;
    if (counts) offset += step.bytes.length;
    return start;
  });
}

/** What is not bytes is cut off with them: no end is seen, and no gap behind the last byte. */
function withoutRest(fixture: Fixture, at: number): Fixture {
  const offsets = stepOffsets(fixture);
  const steps = fixture.steps.map(({ side, bytes, gap }, index) =>
    gap === undefined || (offsets[index] ?? 0) > at ? { side, bytes } : { side, bytes, gap },
  );
  return { ...fixture, steps };
}

function totalBytes(fixture: Fixture): number {
  return fixture.steps.reduce((sum, step) => sum + step.bytes.length, 0);
}

function sideBytes(fixture: Fixture, side: Side): number {
  const own = fixture.steps.filter((step) => step.side === side);
  return own.reduce((sum, step) => sum + (step.gap ?? 0) + step.bytes.length, 0);
}

/** 0..size, or RUNS_MAX numbers evenly among them, the ends included. */
function points(size: number): number[] {
  return sampled(Array.from({ length: size + 1 }, (_, index) => index));
}

function sampled(values: readonly number[]): number[] {
  const stride = Math.ceil(values.length / RUNS_MAX);
  return values.filter((_, index) => index % stride === 0 || index === values.length - 1);
}

/** Numbers in [0, 1) that depend on the seed only (xorshift32). */
export function seededRandom(seed: string): () => number {
  let state = 0x9e3779b9;
  for (const character of seed) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);
  state |= 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Random bytes, or bytes of the fixture with some of them changed: garbage that looks right. */
function garbage(random: () => number, fixture: Fixture): Uint8Array {
  const length = 1 + Math.floor(random() * GARBAGE_BYTES_MAX);
  const model = fixture.steps[Math.floor(random() * fixture.steps.length)]?.bytes;
  if (random() < 0.5 || model === undefined) {
    return Uint8Array.from({ length }, () => Math.floor(random() * 256));
  }
  const from = Math.floor(random() * model.length);
  const copy = model.slice(from, from + length);
  for (let changes = 0; changes < 3; changes++) {
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
  }
  return copy;
}
