/** Every fixture in the six ways in which a live capture can bring it. */
import { describe } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { kafka } from "./index.ts";

describe("kafka fixtures", () => {
  streamCases({
    protocol: kafka,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy: { httpKnownMethods: new Set() },
  });
});
