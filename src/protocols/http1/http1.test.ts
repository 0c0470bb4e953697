/** Every fixture in the six ways in which a live capture can bring it. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readFixtureFile } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { http1 } from "./index.ts";

const folder = join(import.meta.dir, "fixtures");
const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };

for (const file of readdirSync(folder).filter((name) => name.endsWith(".md"))) {
  const fixtures = readFixtureFile(join(folder, file));
  test(`${file} holds fixtures that expect something`, () => {
    expect(fixtures.length).toBeGreaterThan(0);
    for (const fixture of fixtures) expect(fixture.expected.length).toBeGreaterThan(0);
  });
  describe(file, () => streamCases({ protocol: http1, fixtures, policy }));
}
