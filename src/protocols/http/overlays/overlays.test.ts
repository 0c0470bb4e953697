/** The fixtures of every overlay, through HTTP/1, in the six ways a live capture can bring them. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readFixtureFile } from "../../../../test/harness/fixture-file.ts";
import { play, streamCases } from "../../../../test/harness/stream-cases.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../../semconv/http.ts";
import { http1 } from "../../http1/index.ts";

const policy = { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) };
const overlays = ["elasticsearch", "genai", "graphql", "jsonrpc", "s3"];

for (const overlay of overlays) {
  const folder = join(import.meta.dir, overlay, "fixtures");
  expect(existsSync(folder)).toBe(true);
  for (const file of readdirSync(folder)) {
    const fixtures = readFixtureFile(join(folder, file));
    describe(file, () => streamCases({ protocol: http1, fixtures, policy }));

    test(`${file}: switched off, it is plain HTTP`, () => {
      const off = { ...policy, overlaysOff: new Set([overlay]) };
      for (const fixture of fixtures) {
        for (const { name, attributes } of play({ protocol: http1, policy: off }, fixture)
          .exchanges) {
          expect(name).toMatch(/^(GET|HEAD|POST|PUT|DELETE)$/);
          expect(attributes["url.full"]).toBeString();
        }
      }
    });

    test(`${file}: nothing that is secret is told`, () => {
      for (const fixture of fixtures) {
        const told = JSON.stringify(play({ protocol: http1, policy }, fixture).exchanges);
        expect(told).not.toMatch(/secret|AKID|Signature|user":/);
      }
    });
  }
}
