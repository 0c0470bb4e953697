import { describe } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { redis } from "./index.ts";

describe("redis fixtures", () => {
  streamCases({
    protocol: redis,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy: { httpKnownMethods: new Set() },
  });
});
