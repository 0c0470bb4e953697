import { describe } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { cassandra } from "./index.ts";

describe("cassandra fixtures", () => {
  streamCases({
    protocol: cassandra,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy: { httpKnownMethods: new Set() },
  });
});
