import { expect, test } from "bun:test";
import { nameTemplateOf } from "./name-template.ts";

test("ids become placeholders, names stay", () => {
  for (const [name, template] of [
    ["orders", undefined],
    ["orders.created.eu-west-1", undefined],
    ["shard-12.v2", undefined],
    ["orders.12345.created", "orders.{id}.created"],
    ["orders.7", "orders.{id}"],
    ["order-12345", "order-{id}"],
    ["reply-550e8400-e29b-41d4-a716-446655440000", "reply-{id}"],
    ["_INBOX.hVkB3yVqGqMQ5Wv0Xq1Zab.7", "_INBOX.{id}.{id}"],
    ["session:deadbeef01", "session:{id}"],
    ["facade.decade", undefined],
    ["a/b/99", "a/b/{id}"],
    ["", undefined],
  ] as const) {
    expect([name, nameTemplateOf(name)]).toEqual([name, template]);
  }
});

test("a long name is cut, and takes no longer than its length", () => {
  const name = "a1-".repeat(100_000);
  expect(nameTemplateOf(name)).toBe(name.slice(0, 512));
  expect(nameTemplateOf("9".repeat(100_000))).toBe("{id}");
});
