import { describe, expect, test } from "bun:test";
import { seededRandom } from "../otlp/test-data.ts";
import { contextOf, logOf, spanOf } from "./test-trace.ts";
import { rowsOf } from "./tree.ts";

/** prefix + name or body of every row. */
function drawn(spans: Parameters<typeof rowsOf>[0], logs: Parameters<typeof rowsOf>[1]): string[] {
  return rowsOf(spans, logs).map((row) => {
    if (row.kind === "span") return row.prefix + row.span.name;
    return row.prefix + (row.kind === "log" ? row.record.body : row.text);
  });
}

describe("rowsOf", () => {
  test("children by their start, log lines in between, messages behind children", () => {
    const spans = [
      spanOf(contextOf(3, 1), { name: "second", atMs: 5 }),
      spanOf(contextOf(4, 2), { name: "deep", atMs: 2 }),
      spanOf(contextOf(2, 1), { name: "first", atMs: 1, statusMessage: "went wrong" }),
      spanOf(contextOf(1, undefined), { name: "root" }),
    ];
    const logs = [
      logOf("late", { atMs: 9, context: contextOf(1, undefined) }),
      logOf("between", { atMs: 3, context: contextOf(1, undefined) }),
      logOf("inside", { atMs: 2, context: contextOf(4, 2) }),
    ];
    expect(drawn(spans, logs)).toEqual([
      "root",
      "├─ first",
      "│  └─ deep",
      "│        inside",
      "│     went wrong",
      "│  between",
      "└─ second",
      "   late",
    ]);
  });

  test("spans and logs whose parents are unknown stand at the top, by time", () => {
    const spans = [
      spanOf(contextOf(2, 9), { name: "b", atMs: 2 }),
      spanOf(contextOf(3, 8), { name: "a" }),
    ];
    const logs = [logOf("between", { atMs: 1, context: contextOf(7, undefined) })];
    expect(drawn(spans, logs)).toEqual(["a", "between", "b"]);
  });

  test("parents in a circle, own parents and ids used twice lose nothing", () => {
    const spans = [
      spanOf(contextOf(1, 2), { name: "a" }),
      spanOf(contextOf(2, 1), { name: "b", atMs: 1 }),
      spanOf(contextOf(3, 3), { name: "self", atMs: 2 }),
      spanOf(contextOf(3, undefined), { name: "twin", atMs: 3 }),
    ];
    expect(drawn(spans, []).toSorted()).toEqual(["a", "self", "twin", "└─ b"].toSorted());
  });

  test("any graph: every item once", () => {
    const random = seededRandom(5);
    const id = () => Math.floor(random() * 40);
    for (let round = 0; round < 50; round++) {
      const spans = Array.from({ length: 60 }, (_, index) =>
        spanOf(contextOf(id(), random() < 0.2 ? undefined : id()), {
          name: `s${index}`,
          atMs: id(),
        }),
      );
      const logs = Array.from({ length: 60 }, (_, index) =>
        logOf(`l${index}`, { atMs: id(), context: contextOf(id(), undefined) }),
      );
      const names = drawn(spans, logs).map((line) => line.replace(/^[^sl]*/, ""));
      const all = [...spans.map((span) => span.name), ...logs.map((log) => log.body)];
      expect(names.toSorted()).toEqual(all.toSorted());
    }
  });

  test("a chain of two thousand spans has bounded prefixes", () => {
    const spans = Array.from({ length: 2_000 }, (_, index) => {
      const context = contextOf(0, undefined);
      const numbered = (value: number) =>
        new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
      const parentSpanId = index === 0 ? undefined : numbered(index);
      return spanOf(
        { ...context, spanId: numbered(index + 1), parentSpanId },
        { name: `${index}` },
      );
    });
    const rows = rowsOf(spans, []);
    expect(rows).toHaveLength(2_000);
    expect(Math.max(...rows.map((row) => row.prefix.length))).toBeLessThan(100);
  });
});
