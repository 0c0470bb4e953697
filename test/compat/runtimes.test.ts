/**
 * Programs in many languages, with and without the library under an agent that traces: the same
 * output, errors and exit code. Invariant: each of them was really traced, its children too.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startAgent, type TestAgent } from "../harness/olly.ts";
import { stopAll, temporaryDirectory } from "../harness/processes.ts";
import { createCertificate } from "../harness/tls.ts";
import { expectSame, longForm } from "./compare.ts";
import {
  compileGo,
  compileJava,
  compileRust,
  type Place,
  type Scenario,
  scenarios,
} from "./programs.ts";
import { expectTraced, identity } from "./traced.ts";

const TIMEOUT_MS = 300_000;
/** Go compiles its library first on a machine that has never done so. */
const COMPILE_MS_MAX = 900_000;
/** What every program reads from its standard input: more than a pipe holds. */
const INPUT = Buffer.from("a line of the standard input\n".repeat(5_000));

let agent: TestAgent;
let place: Place;

beforeAll(async () => {
  const directory = temporaryDirectory();
  place = { directory, certificate: await createCertificate(directory) };
  agent = await startAgent();
}, TIMEOUT_MS);
afterAll(stopAll, TIMEOUT_MS);

function compare(list: readonly Scenario[]): void {
  for (const { name, command, code, traces } of list) {
    test(
      name,
      async () => {
        const both = await expectSame(agent, command(place), {
          env: { ...identity(name), TMPDIR: place.directory },
          stdin: INPUT,
          ...(code === undefined ? {} : { code }),
        });
        expect(both.bare.stdout.length).toBeGreaterThan(0);
        await expectTraced(agent, name, traces);
      },
      TIMEOUT_MS,
    );
  }
}

describe("shells", () => compare(scenarios.shells));
describe("scripting languages", () => compare(scenarios.scripts));
describe("node", () => compare(scenarios.node));

describe("OpenJDK", () => {
  beforeAll(() => compileJava(place.directory), TIMEOUT_MS);
  compare(scenarios.java);
});

describe("Go", () => {
  beforeAll(() => compileGo(place.directory), COMPILE_MS_MAX);
  compare(scenarios.go);
});

// A compiler of 250 MB for a library that calls libc as C does: only where time does not matter.
if (longForm) {
  describe("Rust", () => {
    beforeAll(() => compileRust(place.directory), TIMEOUT_MS);
    compare(scenarios.rust);
  });
}
