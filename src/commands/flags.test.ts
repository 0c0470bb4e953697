import { describe, expect, test } from "bun:test";
import { type ArgsDef, parseArgs } from "citty";
import { readArguments, UsageError } from "./flags.ts";

const definitions = {
  service: { type: "string", valueHint: "NAME", description: "a name" },
  json: { type: "boolean", description: "as JSON" },
} as const satisfies ArgsDef;

/** What a command gets: checked here, then read by citty. */
function parseArguments(known: typeof definitions, args: readonly string[], program: boolean) {
  const { flags, operands, help } = readArguments(known, args, program);
  const { service, json } = parseArgs<typeof definitions>([...flags], known);
  return { flags: { service, json: json ?? false }, operands, help };
}

describe("understood", () => {
  type Expected = { service?: string; json?: boolean; operands?: string[]; help?: boolean };
  const cases: [args: string[], program: boolean, expected: Expected][] = [
    [[], false, {}],
    [["--json", "--service", "a"], false, { json: true, service: "a" }],
    [["--service=a=b"], false, { service: "a=b" }],
    [["--service", "-"], false, { service: "-" }],
    [["--service", "a", "--service", "b"], false, { service: "b" }],
    [["start", "--json"], false, { operands: ["start"], json: true }],
    [["--", "--json"], false, { operands: ["--json"] }],
    [["-h"], false, { help: true }],
    [["x", "--help"], false, { operands: ["x"], help: true }],
    [["--", "cmd", "--json"], true, { operands: ["cmd", "--json"] }],
    [["cmd", "--json", "--", "", "-h"], true, { operands: ["cmd", "--json", "--", "", "-h"] }],
    [["--json", "--", "--", "x"], true, { json: true, operands: ["--", "x"] }],
    [["--", "--help"], true, { operands: ["--help"] }],
  ];
  test.each(cases)("%p (program: %p)", (args, program, expected) => {
    expect(parseArguments(definitions, args, program)).toEqual({
      flags: { service: expected.service, json: expected.json ?? false },
      operands: expected.operands ?? [],
      help: expected.help ?? false,
    });
  });
});

describe("refused", () => {
  const cases: [args: string[], message: string][] = [
    [["--servce", "a"], "unknown flag --servce, did you mean --service?"],
    [["--servce=a"], "unknown flag --servce, did you mean --service?"],
    [["-j"], "unknown flag -j; known are --service, --json, --help"],
    [["--toString"], "unknown flag --toString; known are --service, --json, --help"],
    [["--service"], "--service needs a value: --service NAME"],
    [["--service="], "--service needs a value: --service NAME"],
    [["--service", "--json"], "--service needs a value: --service NAME"],
    [["--json=yes"], "--json takes no value"],
  ];
  test.each(cases)("%p", (args, message) => {
    expect(() => parseArguments(definitions, args, true)).toThrow(new UsageError(message));
  });
});
