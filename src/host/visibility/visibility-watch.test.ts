import { expect, test } from "bun:test";
import { limits } from "../../limits.ts";
import type { BlindSpot, ProcessVisibility } from "../../model/visibility.ts";
import { Counters } from "../../self/counters.ts";
import { VisibilityWatch } from "./visibility-watch.ts";

function seen(...spots: BlindSpot[]): ProcessVisibility {
  const findings = spots.map((spot) => ({ spot, detail: "" }));
  return { hooking: "hooked", because: "", findings, visibleTls: [] };
}

function watched(look: (id: number) => ProcessVisibility | undefined) {
  const counters = new Counters<BlindSpot>();
  const looks: number[] = [];
  const watch = new VisibilityWatch({
    look: ({ id }) => {
      looks.push(id);
      return look(id);
    },
    counters,
  });
  return { watch, counters, looks };
}

test("one process a turn, the turns apart", () => {
  const { watch, looks } = watched(() => seen());
  for (const id of [1, 2, 3]) watch.started({ id, pid: id }, 0);
  watch.tick(0);
  watch.tick(limits.visibilityLookNsMin - 1);
  expect(looks).toEqual([1]);
  watch.tick(limits.visibilityLookNsMin);
  watch.tick(2 * limits.visibilityLookNsMin);
  expect(looks).toEqual([1, 2, 3]);
});

test("a process is looked at again, less and less often", () => {
  const { watch, looks } = watched(() => seen());
  watch.started({ id: 1, pid: 1 }, 0);
  for (let seconds = 0; seconds < 3_600; seconds++) watch.tick(seconds * 1e9);
  expect(looks.length).toBeGreaterThan(10);
  expect(looks.length).toBeLessThan(20);
});

test("a process counts once under a reason, also under one that shows later", () => {
  let findings = seen("go", "other_preloads");
  const { watch, counters } = watched(() => findings);
  watch.started({ id: 1, pid: 1 }, 0);
  expect(watch.of(1)).toBeUndefined();
  watch.tick(0);
  expect(watch.of(1)).toEqual(findings);
  findings = seen("go", "io_uring");
  watch.tick(3e9);
  watch.tick(60e9);
  expect(watch.of(1)).toEqual(findings);
  // A note is no gap.
  expect(counters.toRecord()).toEqual({ go: 1, io_uring: 1 });
  watch.ended(1);
  expect(watch.of(1)).toBeUndefined();
  expect(counters.toRecord()).toEqual({ go: 1, io_uring: 1 });
});

test("a process that ended before its look is counted", () => {
  const { watch, counters } = watched(() => undefined);
  watch.started({ id: 1, pid: 1 }, 0);
  watch.tick(0);
  watch.ended(1);
  watch.started({ id: 2, pid: 2 }, 0);
  watch.ended(2);
  expect(counters.toRecord()).toEqual({ unknown_ended_early: 2 });
});
