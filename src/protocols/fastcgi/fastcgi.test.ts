/** Every fixture in the six ways in which a live capture can bring it. */
import { describe } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { fastcgi } from "./index.ts";

describe("fastcgi fixtures", () => {
  streamCases({
    protocol: fastcgi,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy: { httpKnownMethods: new Set(HTTP_KNOWN_METHODS_DEFAULT) },
  });
});
