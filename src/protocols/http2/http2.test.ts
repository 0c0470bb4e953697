/** Every fixture in the six ways in which a live capture can bring it. */
import { describe } from "bun:test";
import { join } from "node:path";
import { readFixtures } from "../../../test/harness/fixture-file.ts";
import { streamCases } from "../../../test/harness/stream-cases.ts";
import { HTTP_KNOWN_METHODS_DEFAULT } from "../../semconv/http.ts";
import { http2 } from "./index.ts";

describe("HTTP/2 fixtures", () => {
  streamCases({
    protocol: http2,
    fixtures: readFixtures(join(import.meta.dir, "fixtures")),
    policy: { httpKnownMethods: new Set<string>(HTTP_KNOWN_METHODS_DEFAULT) },
  });
});
