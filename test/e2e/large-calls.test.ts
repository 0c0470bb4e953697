/**
 * Calls that are larger than what is captured of them. Invariant: an exchange whose end lies in the
 * end of such a call is whole, since the end is captured, too.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { observe, python } from "../harness/olly.ts";
import { Kind, type SpanRecord } from "../harness/otlp-file.ts";
import { stopAll } from "../harness/processes.ts";

let spans: readonly SpanRecord[];

beforeAll(async () => {
  const seen = await observe([python, "-B", join(import.meta.dir, "programs/large_chunks.py")]);
  expect(seen.code).toBe(0);
  spans = seen.spans;
}, 300_000);
afterAll(stopAll, 300_000);

for (const [side, kind] of [
  ["client", Kind.client],
  ["server", Kind.server],
] as const) {
  test(`chunked answers of one call each are whole on the ${side}'s side`, () => {
    const own = spans.filter((span) => span.kind === kind);
    expect(own).toHaveLength(3);
    for (const span of own) {
      expect(span.attributes["http.response.status_code"]).toBe(200);
      expect(span.attributes["olly.exchange.outcome"]).toBeUndefined();
    }
  });
}
