/**
 * Messages are dropped, at random and in runs, or only their beginning is captured. Invariant, for
 * every protocol: what is told as complete happened so; nothing ends before it begins or after the
 * connection; a few exchanges behind a loss all is told again; and every loss is counted.
 */
import { describe, expect, test } from "bun:test";
import { subjects } from "../harness/conversations.ts";
import { type Fate, type Passage, type Run, run } from "../harness/lossy.ts";
import { seededRandom } from "../harness/stream-cases.ts";

const EXCHANGES = 400;
/** Exchanges of a connection joined in the middle that need not be told; twice without a role. */
const LEARNT_WITHIN = 2;
const JOINED_EXCHANGES = 40;
const SEEDS = ["one", "two", "three", "four", "five", "six"];
/** Exchanges behind a loss that need not be told as complete. */
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

for (const { protocol, conversation } of await subjects()) {
  describe(protocol.id, () => {
    const spoken = conversation(EXCHANGES);
    const whole = run(spoken, () => "keep");
    const truth = new Map(whole.passages.map((passage) => [passage.marker, passage]));

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
      for (const seed of SEEDS) {
        const fateOf = plan(seededRandom(`${protocol.id} ${seed}`));
        const fates = spoken.steps.map((_, step) => fateOf(step));
        const lossy = run(spoken, (step) => fates[step] ?? "keep");
        losses += expectTrue(lossy, truth, spoken.steps.length);
        const runs = fates.filter((fate, at) => fate === "drop" && fates[at - 1] !== "drop").length;
        expect(lossy.drops.get("stream_gap")).toBeGreaterThanOrEqual(runs);
        expectRecovery(lossy, truth, fates);
      }
      expect(losses).toBeGreaterThan(0);
    });

    test.each([true, false])("joined in the middle, its role known: %p", (roleKnown) => {
      const some = conversation(JOINED_EXCHANGES);
      const later = run(conversation(JOINED_EXCHANGES), () => "keep");
      const told = new Map(later.passages.map((passage) => [passage.marker, passage]));
      const behind = (told.get(JOINED_EXCHANGES / 2)?.start ?? 0) - 1;
      for (let from = 1; from < behind; from++) {
        const joined = run(some, () => "keep", { from, roleKnown });
        expectTrue(joined, told, some.steps.length);
        const missed = [...told.values()]
          .filter(({ marker, start }) => marker !== undefined && start >= from)
          .slice(roleKnown ? LEARNT_WITHIN : 2 * LEARNT_WITHIN)
          .filter(
            ({ marker }) => !joined.passages.some((it) => it.marker === marker && it.complete),
          );
        expect([from, missed.map(({ marker }) => marker)]).toEqual([from, []]);
      }
    });
  });
}

/** Returns how many losses were counted. */
function expectTrue(lossy: Run, truth: ReadonlyMap<number | undefined, Passage>, steps: number) {
  expect(lossy.bugs).toEqual([]);
  for (const passage of lossy.passages) {
    expect(passage.end).toBeGreaterThanOrEqual(passage.start);
    expect(passage.start).toBeGreaterThanOrEqual(0);
    expect(passage.end).toBeLessThanOrEqual(steps);
    if (!passage.complete || passage.marker === undefined) continue;
    const { start, end } = truth.get(passage.marker) ?? { start: -1, end: -1 };
    expect([passage.marker, passage.start, passage.end]).toEqual([passage.marker, start, end]);
  }
  return lossy.drops.get("stream_gap");
}

/** Complete is what lies a few exchanges behind a loss, and before the next one. */
function expectRecovery(
  lossy: Run,
  truth: ReadonlyMap<number | undefined, Passage>,
  fates: readonly Fate[],
): void {
  const complete = new Set(lossy.passages.filter((it) => it.complete).map(({ marker }) => marker));
  let since = Number.POSITIVE_INFINITY;
  let seen = 0;
  for (let marker = 0; marker < EXCHANGES; marker++) {
    const { start, end } = truth.get(marker) as Passage;
    const isHit = fates.slice(start, end + 1).some((it) => it !== "keep");
    since = isHit ? 0 : since + 1;
    if (since <= RECOVERY) continue;
    seen++;
    expect([marker, complete.has(marker)]).toEqual([marker, true]);
  }
  expect(seen).toBeGreaterThan(0);
}
