import { expect, test } from "bun:test";
import { uuidV5 } from "./uuid.ts";

// Expected values: Python's uuid.uuid5.
const cases: [namespace: string, name: string, uuid: string][] = [
  [
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "www.example.com",
    "2ed6657d-e927-568b-95e1-2665a8aea6a2",
  ],
  ["4d63009a-8d0f-11ee-aad7-4c796ed8e320", "olly", "b6207e10-4d99-5d7a-af25-57f2c9adc66e"],
];

test.each(cases)("of %p and %p", (namespace, name, uuid) => {
  expect(uuidV5(namespace, name)).toBe(uuid);
});
