/**
 * Messages are dropped, at random and in runs, or only their beginning is captured. Invariant, for
 * every protocol: what is told as complete happened so; nothing ends before it begins or after the
 * connection; a few exchanges behind a loss all is told again; and every loss is counted.
 */
import { describe, expect, test } from "bun:test";
import { type Conversation, subjects } from "../harness/conversations.ts";
import { type Fate, type Passage, type Run, run } from "../harness/lossy.ts";
import { overlaySubjects } from "../harness/overlay-conversations.ts";
import { seededRandom } from "../harness/stream-cases.ts";

const EXCHANGES = 400;
/** Exchanges of a connection joined in the middle that need not be told; twice without a role. */
const LEARNT_WITHIN = 2;
const JOINED_EXCHANGES = 40;
const SEEDS = ["one", "two", "three", "four", "five", "six"];
/** HTTP below them has had all. */
const OVERLAY_SEEDS = 2;
/** Exchanges behind a loss that need not be told. */
const RECOVERY = 4;
/** Losses never come so early that the connection's first exchange is hit. */
const UNTOUCHED = 8;

type Plan = (random: () => number) => (step: number) => Fate;

const independent =
  (share: number, fate: Fate): Plan =>
  (random) =>
  (step) =>
    step >= UNTOUCHED && random() < share ? fate : "keep";

const inRuns: Plan = (random) => {
  let left = 0;
  return (step) => {
    if (left > 0) left--;
    else if (step >= UNTOUCHED && random() < 0.003) left = 1 + Math.floor(random() * 30);
    return left > 0 ? "drop" : "keep";
  };
};

const plans: readonly (readonly [name: string, plan: Plan])[] = [
  ["1 % of the messages", independent(0.01, "drop")],
  ["5 % of the messages", independent(0.05, "drop")],
  ["whole runs of messages", inRuns],
  ["the ends of 2 % of the messages", independent(0.02, "cut")],
];

/** What was told, found by its steps. After a loss a span may say less, and not show its number. */
class Truth {
  readonly marked: readonly Passage[];
  readonly #markers = new Map<string, Set<number | undefined>>();

  constructor(passages: readonly Passage[]) {
    this.marked = passages.filter(({ marker }) => marker !== undefined);
    for (const { start, end, marker } of passages) {
      const key = `${start} ${end}`;
      this.#markers.set(key, (this.#markers.get(key) ?? new Set()).add(marker));
    }
  }

  /** Told here in full, and there perhaps without its number. */
  has({ start, end, marker }: Passage): boolean {
    const markers = this.#markers.get(`${start} ${end}`);
    return markers !== undefined && (marker === undefined || markers.has(marker));
  }

  /** Told there in full, and here perhaps without its number. */
  admits({ start, end, marker }: Passage): boolean {
    const markers = this.#markers.get(`${start} ${end}`);
    return markers !== undefined && (markers.has(marker) || markers.has(undefined));
  }
}

const own = await subjects();
const overlays = overlaySubjects(own.map(({ protocol }) => protocol));

for (const { name: subject, protocol, isOverlay, conversation } of [...own, ...overlays]) {
  const seeds = isOverlay === true ? SEEDS.slice(0, OVERLAY_SEEDS) : SEEDS;
  describe(subject, () => {
    const spoken = conversation(EXCHANGES);
    const whole = run(spoken, () => "keep");
    const truth = new Truth(whole.passages);

    test("without a loss every exchange is told, in order and complete", () => {
      expect(whole.bugs).toEqual([]);
      expect(whole.drops.entries()).toEqual([]);
      const told = whole.passages.filter(({ marker }) => marker !== undefined);
      expect(told.map(({ marker }) => marker)).toEqual(
        Array.from({ length: EXCHANGES }, (_, i) => i),
      );
      expect(told.filter(({ complete }) => !complete)).toEqual([]);
    });

    test.each(plans.map(([name, plan]) => ({ name, plan })))("loses $name", ({ plan }) => {
      let losses = 0;
      for (const seed of seeds) {
        const fateOf = plan(seededRandom(`${subject} ${seed}`));
        const fates = spoken.steps.map((_, step) => fateOf(step));
        const lossy = run(spoken, (step) => fates[step] ?? "keep");
        losses += expectTrue(lossy, truth, spoken.steps.length);
        const runs = fates.filter((fate, at) => fate === "drop" && fates[at - 1] !== "drop").length;
        expect(lossy.drops.get("stream_gap")).toBeGreaterThanOrEqual(runs);
        expectRecovery(lossy, truth, fates);
      }
      expect(losses).toBeGreaterThan(0);
    });

    test.each(isOverlay === true ? [] : [1, 4])(
      "the middle of calls of %p frames is not captured",
      (each) => {
        const large = inCallsOf(each, spoken, conversation(0).steps.length);
        const all = new Truth(run(large, () => "keep").passages);
        for (const seed of SEEDS) {
          const fateOf = independent(0.05, "hollow")(seededRandom(`${subject} ${each} ${seed}`));
          const fates = large.steps.map((_, step) => fateOf(step));
          const lossy = run(large, (step) => fates[step] ?? "keep");
          expectTrue(lossy, all, large.steps.length);
          // Who does not wait is not paired again where answers do not name their requests.
          if (each === 1 || protocol.pairsById === true) expectRecovery(lossy, all, fates);
        }
      },
    );

    test.each([true, false])("joined in the middle, its role known: %p", (roleKnown) => {
      const some = conversation(JOINED_EXCHANGES);
      const later = run(conversation(JOINED_EXCHANGES), () => "keep");
      const all = new Truth(later.passages);
      const behind = all.marked[JOINED_EXCHANGES / 2]?.start ?? 0;
      const within = roleKnown ? LEARNT_WITHIN : 2 * LEARNT_WITHIN;
      for (let from = 1; from < behind; from++) {
        const joined = run(some, () => "keep", { from, roleKnown });
        expectTrue(joined, all, some.steps.length);
        const told = new Truth(joined.passages);
        const due = all.marked.filter(({ start }) => start >= from).slice(within);
        const missed = due.filter((passage) => !told.admits(passage)).map(({ marker }) => marker);
        expect([from, missed]).toEqual([from, []]);
      }
    });
  });
}

/** So many requests in one call, then their answers in one. */
function inCallsOf(each: number, { steps, markerOf }: Conversation, opening: number): Conversation {
  const calls = steps.slice(0, opening);
  for (let from = opening; from < steps.length; from += 2 * each) {
    const some = steps.slice(from, from + 2 * each);
    for (const side of ["request", "response"] as const) {
      const own = some.filter((step) => step.side === side).map(({ bytes }) => bytes);
      calls.push({ side, bytes: new Uint8Array(Buffer.concat(own)) });
    }
  }
  return { steps: calls, markerOf };
}

/** Returns how many losses were counted. */
function expectTrue(lossy: Run, truth: Truth, steps: number): number {
  expect(lossy.bugs).toEqual([]);
  for (const passage of lossy.passages) {
    expect(passage.end).toBeGreaterThanOrEqual(passage.start);
    expect(passage.start).toBeGreaterThanOrEqual(0);
    expect(passage.end).toBeLessThanOrEqual(steps);
    if (passage.complete) expect([passage, truth.has(passage)]).toEqual([passage, true]);
  }
  return lossy.drops.get("stream_gap");
}

/**
 * Told from its first to its last step is what lies a few exchanges behind a loss and before the
 * next one; it may say of itself that something is not known (fields of HTTP/2 that refer to a lost
 * one).
 */
function expectRecovery(lossy: Run, truth: Truth, fates: readonly Fate[]): void {
  const told = new Truth(lossy.passages);
  let since = Number.POSITIVE_INFINITY;
  let behind = 0;
  let seen = 0;
  for (const passage of truth.marked) {
    const { marker, start, end } = passage;
    // What comes before the first exchange, or between two of them, may be hit, too.
    const isHit = fates.slice(Math.min(behind, start), end + 1).some((fate) => fate !== "keep");
    behind = end + 1;
    since = isHit ? 0 : since + 1;
    if (since <= RECOVERY) continue;
    seen++;
    expect([marker, told.admits(passage)]).toEqual([marker, true]);
  }
  expect(seen).toBeGreaterThan(0);
}
