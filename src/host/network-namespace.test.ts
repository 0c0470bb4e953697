import { expect, test } from "bun:test";
import { networkNamespaceOf } from "./network-namespace.ts";

test("the agent's own network, and one that cannot be told, have no name", () => {
  expect(networkNamespaceOf(process.pid)).toBe("");
  expect(networkNamespaceOf(2 ** 22)).toBe("");
});
