/** What destinations are given from outside, for tests: a clock that stands still, logs kept. */
import { Drops } from "../self/drops.ts";
import type { ExportContext } from "./destination.ts";
import { type FakeClock, fakeClock } from "./otlp/test-data.ts";

export interface TestContext extends ExportContext {
  readonly clock: FakeClock;
  readonly warnings: string[];
  readonly notes: string[];
}

export function testContext(): TestContext {
  const warnings: string[] = [];
  const notes: string[] = [];
  return {
    clock: fakeClock(),
    drops: new Drops(),
    random: () => 0.5,
    log: {
      warn: (message) => void warnings.push(message),
      info: (message) => void notes.push(message),
    },
    warnings,
    notes,
  };
}
